"""User and RoleBinding (fedmesh.dev/v1alpha1): who may use the controller's API, and for what."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from federation.api.base import Label, OurDocument, Ours, Text

MOST_SUBJECTS = 100
MOST_SCOPES = 1_000
Role = Literal["viewer", "operator", "admin"]
_SET: dict[str, JsonValue] = {"x-kubernetes-list-type": "set"}


RESERVED_PREFIXES = ("system:", "fedmesh:")
"""How groups begin that nobody is given by a document."""


def _group(text: str) -> str:
    if text.startswith(RESERVED_PREFIXES) or not text:
        raise ValueError("must be the name of a group that does not begin with system: or fedmesh:")
    return text


class Subject(Ours):
    """Whom a binding is for."""

    kind: Literal["User", "Group"] = Field(description="Whether name is a user or a group.")
    name: Text = Field(min_length=1, max_length=253, description="The name of the user or group.")


class RoleBindingSpec(Ours):
    """Who has a role, and where: for the whole clusterset when no scope is named."""

    role: Role = Field(
        description="viewer reads; operator also changes policies and clusters and invites "
        "clusters; admin also manages users, role bindings, trust and backups."
    )
    subjects: list[Subject] = Field(
        min_length=1,
        max_length=MOST_SUBJECTS,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["kind", "name"],
        },
        description="Who has the role.",
    )
    namespaces: list[Label] = Field(
        default_factory=list,
        max_length=MOST_SCOPES,
        json_schema_extra=_SET,
        description="The role counts for objects in these namespaces.",
    )
    clusters: list[Label] = Field(
        default_factory=list,
        max_length=MOST_SCOPES,
        json_schema_extra=_SET,
        description="The role counts for these clusters, their gateways and proxies.",
    )


class RoleBindingDocument(OurDocument):
    """A RoleBinding."""

    spec: Annotated[RoleBindingSpec, Field(description="Who has which role, and where.")]


class UserSpec(Ours):
    """What is stated of a user; tokens and certificates are made by subresources."""

    groups: list[Annotated[Text, AfterValidator(_group)]] = Field(
        default_factory=list,
        max_length=100,
        json_schema_extra=_SET,
        description="The groups of the user, to which role bindings may be made. Names that begin "
        "with system: or fedmesh: are taken.",
    )
    disabled: bool = Field(
        default=False, description="Whether nothing that the user shows is accepted any more."
    )


class UserDocument(OurDocument):
    """A User."""

    spec: Annotated[UserSpec, Field(description="What is stated of the user.")] = Field(
        default=UserSpec()
    )
