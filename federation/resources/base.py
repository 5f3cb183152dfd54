"""What all documents have in common: metadata, strict types, the error as one sentence."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from federation.model.errors import InvalidInput
from federation.model.names import parse_label, parse_port, parse_subdomain

_LONGEST = 80


def _label(text: str) -> str:
    return _checked(parse_label, text, "it")


def _subdomain(text: str) -> str:
    return _checked(parse_subdomain, text, "it")


def _port(number: int) -> int:
    try:
        return parse_port(number, "it")
    except InvalidInput as error:
        raise ValueError("must be between 1 and 65535") from error


def _checked(parse: Any, text: str, what: str) -> str:
    try:
        found: str = parse(text, what)
    except InvalidInput as error:
        raise ValueError(str(error).partition("but ")[2]) from error
    return found


def _seconds(value: object) -> int:
    """An RFC 3339 time as whole seconds since 1970; YAML may have read it as a time already."""
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, str):
        try:
            return _seconds(datetime.fromisoformat(value))
        except ValueError as error:
            raise ValueError("must be a time such as 2026-03-01T12:00:00Z") from error
    raise ValueError("must be a time such as 2026-03-01T12:00:00Z")


Label = Annotated[str, AfterValidator(_label)]
Subdomain = Annotated[str, AfterValidator(_subdomain)]
Port = Annotated[int, AfterValidator(_port)]
Seconds = Annotated[int, BeforeValidator(_seconds)]


class Theirs(BaseModel):
    """Part of a Kubernetes document: fields that we do not use are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, populate_by_name=True)


class Ours(BaseModel):
    """Part of a document in which every field has a meaning: an unknown one is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Metadata(Theirs):
    """`created` is in seconds since 1970, None when the document does not say."""

    name: Subdomain
    namespace: Label = "default"
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    created: Seconds | None = Field(default=None, alias="creationTimestamp")
    deleted: Seconds | None = Field(default=None, alias="deletionTimestamp")


class Document(Theirs):
    """A document with metadata; the base of every kind."""

    metadata: Metadata

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """metadata.namespace."""
        return self.metadata.namespace


def explain(error: ValidationError) -> str:
    """The first mistake as `field is VALUE, but ...`, with the count of the others."""
    first, *more = error.errors(include_url=False)
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"]).lstrip(".")
    rest = f" (and {len(more)} more)" if more else ""
    if first["type"] == "missing":
        return f"{field} is missing{rest}"
    if first["type"] == "extra_forbidden":
        return f"{field} is not a known field{rest}"
    reason = re.sub(r"^(Value error, |Input should be )", "", first["msg"])
    reason = reason if reason.startswith("must ") else f"must be {reason}"
    return f"{field or 'it'} is {_short(first['input'])}, but {reason}{rest}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
