"""Kinds of Kubernetes itself, as far as clients need them."""

from typing import Any

from federation.api.kind import CREATE_ONLY, READ, ApiKind, Column
from federation.api.rows.own import STATUS
from federation.api.schema import object_schema


def _open(description: str, *fields: str) -> dict[str, Any]:
    """The schema of a kind of the core, of which we keep what clients send."""
    found = object_schema(description)
    for field in fields:
        found["properties"][field] = {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
        }
    return found


_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
NAMESPACE = ApiKind(
    "",
    "v1",
    "Namespace",
    "namespaces",
    "namespace",
    False,
    ("get", "list", "watch", "create", "update", "patch", "delete"),
    _open("Namespace is the same in every cluster.", "spec", "status"),
    None,
    "A namespace, which is the same in every cluster.",
    (
        Column("Status", ".status.phase", description="The phase."),
        Column("Age", ".metadata.creationTimestamp", "date", "Since when it is known."),
    ),
    short_names=("ns",),
    subresources=(STATUS,),
)


def _event_schema() -> dict[str, Any]:
    found = _open("Event is something that happened to an object.", "involvedObject", "source")
    texts = ("reason", "message", "type", "firstTimestamp", "lastTimestamp", "reportingComponent",
             "reportingInstance", "action")  # fmt: skip
    found["properties"] |= {name: dict(_TEXT) for name in texts} | {"count": dict(_NUMBER)}
    return found


_OBJECT = "{.involvedObject.kind}/{.involvedObject.name}"
EVENT = ApiKind(
    "",
    "v1",
    "Event",
    "events",
    "event",
    True,
    READ,
    _event_schema(),
    None,
    "Something that happened to an object.",
    (
        Column("Last Seen", ".lastTimestamp", "date", "When it happened last."),
        Column("Type", ".type", description="Normal or Warning."),
        Column("Reason", ".reason", description="What happened, in a word."),
        Column("Object", _OBJECT, description="To which object."),
        Column("Message", ".message", description="What happened."),
        Column("Count", ".count", "integer", "How often.", wide=True),
        Column("Name", ".metadata.name", description="The name of the event.", wide=True),
    ),
    short_names=("ev",),
    selectable=(
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "reason",
        "type",
        "reportingComponent",
        "source",
    ),
    is_label=False,
)


def _review(group: str, version: str, kind: str) -> ApiKind:
    plural = f"{kind.lower()}s"
    schema = _open(f"{kind} is what a caller asks of himself.", "spec", "status")
    return ApiKind(
        group, version, kind, plural, kind.lower(), False, CREATE_ONLY, schema,
        description="What a caller asks of himself.",
    )  # fmt: skip


REVIEWS = (
    _review("authorization.k8s.io", "v1", "SelfSubjectAccessReview"),
    _review("authorization.k8s.io", "v1", "SelfSubjectRulesReview"),
    _review("authentication.k8s.io", "v1", "SelfSubjectReview"),
    _review("authentication.k8s.io", "v1beta1", "SelfSubjectReview"),
)
CRD = ApiKind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "customresourcedefinition",
    False,
    READ,
    _open("CustomResourceDefinition says what a kind is.", "spec", "status"),
    None,
    "What a kind is.",
    (Column("Created At", ".metadata.creationTimestamp", description="When it was made."),),
    short_names=("crd", "crds"),
    is_label=False,
)
