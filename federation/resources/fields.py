"""The checked field types of documents: each says in one phrase what would be right.

In: plain values of a parsed YAML or JSON document. Out: text and numbers in the forms that
Kubernetes and `federation.model.names` know. Next: the kinds, and `parse` for the sentences.
"""

import re
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator

from federation.model.errors import InvalidInput
from federation.model.names import MAX_PORT, parse_label, parse_subdomain

MAX_TEXT = 1024
MAX_PAIRS = 64
"""Exported labels (or annotations) of one service; `federation.wire.codec` carries no more."""

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


class Misfit(ValueError):  # noqa: N818 - it is one mistake of several that a document may have
    """A mistake below the field that a validator looks at; `path` leads on to it from there."""

    def __init__(self, path: str, value: object, must: str) -> None:
        super().__init__(must)
        self.path = path
        self.value = value


def _label(text: str) -> str:
    try:
        return parse_label(text, "")
    except InvalidInput as error:
        raise ValueError(
            "must be a DNS label: lower-case letters, digits and '-', at most 63, beginning and "
            "ending with a letter or digit"
        ) from error


def _optional_label(text: str) -> str:
    return _label(text) if text else text


def _subdomain(text: str) -> str:
    try:
        return parse_subdomain(text, "")
    except InvalidInput as error:
        raise ValueError("must be DNS labels joined by dots, at most 253 characters") from error


def _optional_subdomain(text: str) -> str:
    return _subdomain(text) if text else text


def _label_value(text: str) -> str:
    if not _LABEL_VALUE.fullmatch(text):
        raise ValueError(
            "must be letters, digits, '-', '_' and '.', at most 63, beginning and ending with a "
            "letter or digit"
        )
    return text


def _place(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return _label_value(text)


def _text(text: str) -> str:
    if len(text) > MAX_TEXT or not text.isprintable():
        raise ValueError(f"must be printable text of at most {MAX_TEXT} characters")
    return text


def _port(number: int) -> int:
    if not 1 <= number <= MAX_PORT:
        raise ValueError(f"must be between 1 and {MAX_PORT}")
    return number


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ValueError("must be an IP address") from error


def _cidr(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError("must be a CIDR such as 10.1.0.0/16, without host bits") from error


def _time(text: str) -> str:
    seconds_since_1970(text)
    return text


def seconds_since_1970(text: str) -> int:
    """The whole seconds of an RFC 3339 time; raises ValueError."""
    must = "must be a time such as 2026-08-01T12:00:00Z, in 1970 or later"
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(must) from error
    if found.tzinfo is None or found.timestamp() < 0:
        raise ValueError(must)
    return int(found.timestamp())


Label = Annotated[str, AfterValidator(_label)]
OptionalLabel = Annotated[str, AfterValidator(_optional_label)]
Subdomain = Annotated[str, AfterValidator(_subdomain)]
OptionalSubdomain = Annotated[str, AfterValidator(_optional_subdomain)]
LabelValue = Annotated[str, AfterValidator(_label_value)]
Place = Annotated[str, AfterValidator(_place)]
Text = Annotated[str, AfterValidator(_text)]
Port = Annotated[int, AfterValidator(_port)]
Address = Annotated[str, AfterValidator(_address)]
Cidr = Annotated[str, AfterValidator(_cidr)]
Time = Annotated[str, AfterValidator(_time)]
