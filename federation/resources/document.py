"""What all kinds share: the base models of documents, their metadata, and an object's key.

Kubernetes' own kinds pass over the fields that do not concern us; ours refuse what they do not
know. As in Kubernetes, a field that is null counts as not written.
"""

from abc import abstractmethod
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from federation.resources.fields import (
    Label,
    LabelValue,
    OptionalLabel,
    Subdomain,
    Time,
    seconds_since_1970,
)


class Key(NamedTuple):
    """Which object; `namespace` is empty for kinds that have none."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else self.short

    @property
    def short(self) -> str:
        """Kind and name alone."""
        return f"{self.kind} {self.name}"


class Lenient(BaseModel):
    """A part of a document whose other fields are passed over."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=False
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_written(cls, found: Any) -> Any:
        if not isinstance(found, dict) or None not in found.values():
            return found
        known = {field.alias for field in cls.model_fields.values()}
        return {k: v for k, v in found.items() if v is not None or k not in known}


class Strict(Lenient):
    """A part of a document in which an unknown field is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Metadata(Lenient):
    """The name of an object and what is pinned to it."""

    name: Subdomain
    namespace: OptionalLabel = ""
    labels: dict[str, LabelValue] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None

    @property
    def space(self) -> str:
        """The namespace; `default` when none is written."""
        return self.namespace or "default"

    @property
    def created(self) -> int | None:
        """Seconds since 1970; None when nobody wrote it down."""
        text = self.creation_timestamp
        return None if text is None else seconds_since_1970(text)


class LabelMetadata(Metadata):
    """The metadata of kinds whose name is one DNS label."""

    name: Label


class Document(Lenient):
    """A document of a kind that concerns us."""

    @abstractmethod
    def resource(self) -> Any:
        """What the document says, as a frozen value."""


class StrictDocument(Strict, Document):
    """A document of a kind that fedmesh or the MCS API defines."""

    api_version: str
    kind: str
    status: Any = None
