"""What all documents have in common: metadata, strict types, the error as one sentence."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

from federation.model.addresses import read_address
from federation.model.errors import InvalidInput, shown
from federation.model.names import (
    MAX_PORT,
    parse_label,
    parse_object_name,
    parse_port,
    parse_subdomain,
)

_MAX_TEXT = 1024
"""What `federation.wire.codec` carries; longer text would be refused by the controller."""
_LATEST = 253_402_300_799  # the end of the year 9999
_TIME = re.compile(r"\d{4}-\d\d-\d\d([Tt ].{5,40})?", re.ASCII)
_TIME_REASON = "must be a time such as 2026-03-01T12:00:00Z"
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def _label(text: str) -> str:
    return _checked(parse_label, text, "it")


def _subdomain(text: str) -> str:
    return _checked(parse_subdomain, text, "it")


def _object_name(text: str) -> str:
    return _checked(parse_object_name, text, "it")


def _optional_label(text: str) -> str:
    return _label(text) if text else text


def _optional_subdomain(text: str) -> str:
    return _subdomain(text) if text else text


def _text(text: str) -> str:
    if len(text) > _MAX_TEXT or not text.isprintable():
        raise ValueError(f"must be printable text of at most {_MAX_TEXT} characters")
    return text


def _label_value(text: str) -> str:
    if not _LABEL_VALUE.fullmatch(text):
        raise ValueError("must be letters, digits, '-', '_' and '.', at most 63, or empty")
    return text


def is_address(text: str, version: int) -> bool:
    """Whether `text` is an IP address of that version that every machine understands alike."""
    try:
        return read_address(text).version == version and "%" not in text
    except ValueError:
        return False


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
    """An RFC 3339 time as whole seconds since 1970; a report carries no earlier or later one."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError(_TIME_REASON)
    try:
        found = datetime.fromisoformat(value)
        seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        return min(max(0, int(seconds)), _LATEST)
    except (ValueError, OverflowError) as error:
        raise ValueError(_TIME_REASON) from error


class _Says:
    """Adds to the schema of a type what its validator asks for."""

    def __init__(self, **words: JsonValue) -> None:
        self._words = words

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**self._words, **handler(core)}


def _shape(core: str, longest: int, *, optional: bool = False) -> _Says:
    return _Says(pattern=f"^({core})?$" if optional else f"^{core}$", maxLength=longest)


_ONE = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_PARTS = rf"{_ONE}(\.{_ONE})*"
_PART = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PRINTABLE = (
    "[^\\x00-\\x1f\\x7f-\\xa0\u2028\u2029]*"  # the rest of str.isprintable is too long to say
)

Label = Annotated[str, AfterValidator(_label), _shape(_ONE, 63)]
Subdomain = Annotated[str, AfterValidator(_subdomain), _shape(_PARTS, 253)]
ObjectName = Annotated[str, AfterValidator(_object_name), _shape(rf"{_PART}(\.{_PART})*", 253)]
OptionalLabel = Annotated[str, AfterValidator(_optional_label), _shape(_ONE, 63, optional=True)]
OptionalSubdomain = Annotated[
    str, AfterValidator(_optional_subdomain), _shape(_PARTS, 253, optional=True)
]
Text = Annotated[str, AfterValidator(_text), _shape(_PRINTABLE, _MAX_TEXT)]
LabelValue = Annotated[str, AfterValidator(_label_value), _shape(_LABEL_VALUE.pattern, 63)]
Port = Annotated[
    int,
    AfterValidator(_port),
    _Says(minimum=1, maximum=MAX_PORT),
]
Seconds = Annotated[int, BeforeValidator(_seconds), WithJsonSchema({"type": "string"})]


def fields(names: str) -> frozenset[str]:
    """Names of fields, separated by spaces."""
    return frozenset(names.split())


class Theirs(BaseModel):
    """Part of a Kubernetes document: fields that we do not use are passed over.

    As in Kubernetes, a field that is null counts as not written.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    others: ClassVar[frozenset[str]] = frozenset()
    """The fields that there are in Kubernetes beside ours; empty where we do not list them."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_written(cls, found: Any) -> Any:
        if not isinstance(found, dict):
            return found
        if None not in found.values():
            return found
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {k: v for k, v in found.items() if v is not None or k not in known}


class Ours(Theirs):
    """Part of a document in which every field has a meaning: an unknown one is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Metadata(Theirs):
    """`created` is in seconds since 1970, None when the document does not say."""

    others = fields(
        "generateName selfLink uid resourceVersion generation deletionGracePeriodSeconds "
        "ownerReferences finalizers managedFields clusterName"
    )

    name: ObjectName
    namespace: OptionalLabel = "default"
    labels: dict[str, LabelValue] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    created: Seconds | None = Field(default=None, alias="creationTimestamp")
    deleted: Seconds | None = Field(default=None, alias="deletionTimestamp")


class LabelMetadata(Metadata):
    """The metadata of kinds whose name is one DNS label, since it becomes part of a host name."""

    name: Label


class Document(Theirs):
    """A document with metadata; the base of every kind."""

    metadata: Metadata
    _remarks: tuple[str, ...] = PrivateAttr(default=())

    @property
    def remarks(self) -> tuple[str, ...]:
        """What it says that has no effect, and was probably meant."""
        return self._remarks

    def note(self, remarks: tuple[str, ...]) -> None:
        """Keep remarks with it."""
        self._remarks = remarks

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """metadata.namespace."""
        return self.metadata.namespace or "default"


class OurDocument(Document):
    """A document of a kind that fedmesh or the MCS API defines: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")

    metadata: LabelMetadata
    api_version: str = Field(alias="apiVersion")
    kind: str
    status: Any = None


def explain(error: ValidationError) -> str:
    """The first mistake as `field is VALUE, but ...`, with the count of the others.

    A mistake of a whole mapping says itself which field of it has which value.
    """
    (_, said), *more = mistakes(error)
    rest = f" (and {len(more)} more)" if more else ""
    return f"{said}{rest}"


def mistakes(error: ValidationError) -> tuple[tuple[str, str], ...]:
    """Every mistake: the path of its field, and a sentence that begins with that."""
    return tuple(map(_mistake, error.errors(include_url=False)))


def _mistake(first: Any) -> tuple[str, str]:
    parts = (p for p in first["loc"] if p != "[key]")
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")
    if first["type"] == "missing":
        return field, f"{field} is missing"
    if first["type"] == "extra_forbidden":
        return field, f"{field} is not a known field"
    reason = _REASONS.get(first["type"]) or re.sub(
        r"^(Value error, |Input should be |\w+ should )", "", first["msg"]
    )
    if first["type"] == "value_error" and isinstance(first["input"], dict):
        return field, f"{field}{': ' if field else ''}{reason}"
    reason = reason.replace(" item after validation, not 0", " entry")
    if not reason.startswith("must "):
        reason = f"must {reason}" if reason.startswith("have ") else f"must be {reason}"
    return field, f"{field or 'it'} is {shown(first['input'])}, but {reason}"


_REASONS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
}
