"""Checks at the border: small readers that turn what a peer sent into trusted parts of values.

Each raises InvalidInput with a sentence that names the part and its value.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from federation.model.errors import InvalidInput
from federation.model.exports import Pairs

MAX_TEXT = 1024
_MAX_PAIRS = 64

_Message = TypeVar("_Message", bound=Message)
_Enum = TypeVar("_Enum", bound=StrEnum)
_Item = TypeVar("_Item")


def parse_message(message: _Message, body: bytes) -> _Message:
    """The message in `body`; raises InvalidInput."""
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise InvalidInput(f"these bytes are not a {type(message).__name__}: {error}") from error
    return message


def read_pairs(found: Mapping[str, str]) -> Pairs:
    """Labels or annotations, sorted; raises InvalidInput when there are too many."""
    if len(found) > _MAX_PAIRS:
        raise InvalidInput(f"{len(found)} labels or annotations, but at most {_MAX_PAIRS} may be")
    return tuple(
        sorted(
            (printable(k, "key"), printable(v, f"value of {k[:80]!r}")) for k, v in found.items()
        )
    )


def one_of(kind: type[_Enum], text: str, what: str) -> _Enum:
    """The member of an enumeration with that text; raises InvalidInput."""
    try:
        return kind(text)
    except ValueError as error:
        known = ", ".join(kind)
        raise InvalidInput(f"{what} is {text[:80]!r}, but must be one of {known}") from error


def ip_text(text: str, what: str) -> str:
    """The address in its canonical form; raises InvalidInput."""
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise InvalidInput(f"{what} is {text[:80]!r}, but must be an IP address") from error


def printable(text: str, what: str) -> str:
    """Text of bounded length without control characters; raises InvalidInput."""
    if len(text) > MAX_TEXT or not text.isprintable():
        raise InvalidInput(f"{what} is {text[:80]!r}, but must be printable text of at most 1024")
    return text


def few(items: Sequence[_Item], most: int, what: str) -> Sequence[_Item]:
    """The items when there are not too many; raises InvalidInput."""
    if len(items) > most:
        raise InvalidInput(f"{len(items)} {what}, but at most {most} may be")
    return items
