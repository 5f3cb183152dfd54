"""From a document as YAML gave it to the model of its kind.

Kinds that do not concern fedmesh are passed over (None), and so is what has not both apiVersion and
kind: other programs' files lie in such folders, too. Every mistake is one InvalidInput that names
place, object, field and value.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from federation.api.base import Document, explain
from federation.api.kubernetes import (
    EndpointSliceDocument,
    NamespaceDocument,
    NodeDocument,
    PodDocument,
    ServiceDocument,
)
from federation.api.mcs import ServiceExportDocument
from federation.api.remarks import remarks
from federation.api.v1alpha1.cluster import ClusterDocument
from federation.model.errors import InvalidInput, shown
from federation.runtime.escapes import visible

_LIST = "List"
OUR_GROUP = "fedmesh.dev"
MCS_GROUP = "multicluster.x-k8s.io"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind with the API group and the versions of it that we read."""

    model: type[Document]
    group: str
    versions: tuple[str, ...]


KINDS = {
    "Service": _Kind(ServiceDocument, "", ("v1",)),
    "Pod": _Kind(PodDocument, "", ("v1",)),
    "Node": _Kind(NodeDocument, "", ("v1",)),
    "Namespace": _Kind(NamespaceDocument, "", ("v1",)),
    "EndpointSlice": _Kind(EndpointSliceDocument, "discovery.k8s.io", ("v1",)),
    "ServiceExport": _Kind(ServiceExportDocument, MCS_GROUP, ("v1alpha1", "v1beta1")),
    "Cluster": _Kind(ClusterDocument, OUR_GROUP, ("v1alpha1",)),
}

_BY_LOWER = {kind.lower(): kind for kind in KINDS}

KINDS_OF_GROUP = {OUR_GROUP: ("Cluster",), MCS_GROUP: ("ServiceExport", "ServiceImport")}
"""What there is in the groups that are ours to read: another kind there is a slip of the pen."""


def parse_document(document: object, where: str) -> Document | None:
    """The document as a model, None for one that does not concern us; raises InvalidInput.

    `where` is said first in the error: a file and a line, or what else leads to the document.
    """
    if not isinstance(document, dict) or not is_kubernetes(document):
        return None
    kind, version = document["kind"], document["apiVersion"]
    if not isinstance(kind, str) or not isinstance(version, str):
        raise InvalidInput(f"{where}: kind and apiVersion must be text")
    known = KINDS.get(kind)
    group = version.rpartition("/")[0]
    if known is None and group in KINDS_OF_GROUP and kind not in KINDS_OF_GROUP[group]:
        has = " and ".join(KINDS_OF_GROUP[group])
        raise InvalidInput(f"{where}: kind is {kind[:80]!r}, but {group} has only {has}")
    if known is None or not _is_meant(known, version, f"{where}: {kind}"):
        return None
    try:
        found = known.model.model_validate(document)
    except ValidationError as error:
        said = visible(f"{_called(kind, document)}: {explain(error)}")
        raise InvalidInput(f"{where}: {said}") from error
    found.note(tuple(visible(text) for text in remarks(kind, known.model, document)))
    return found


def is_kubernetes(document: object) -> bool:
    """Whether this says what it is; nothing else may be read as an object of Kubernetes."""
    if not isinstance(document, dict):
        return False
    return document.get("kind") is not None and document.get("apiVersion") is not None


def half_said(document: object) -> Iterator[str]:
    """What is wrong with a document that is passed over, but looks like one for us."""
    if isinstance(document, list):
        yield from _bare_list(document)
    if not isinstance(document, dict):
        return
    if is_kubernetes(document):
        yield from _other_case(document["kind"], document["apiVersion"])
        return
    kind, metadata = document.get("kind"), document.get("metadata")
    if isinstance(metadata, dict) and metadata.get("name") is not None:
        missing = [name for name in ("apiVersion", "kind") if document.get(name) is None]
        if kind is None or (isinstance(kind, str) and kind in KINDS):
            yield f"this has a name, but no {' and no '.join(missing)}: it is passed over"


def _bare_list(found: list[object]) -> Iterator[str]:
    ours = sum(isinstance(item, dict) and _may_be_ours(item) for item in found)
    if ours:
        yield (
            f"this is a list with {ours} of our objects: it is passed over; write them as "
            "documents of their own, or as items of a document of apiVersion v1 and kind List"
        )


def _may_be_ours(item: dict[object, object]) -> bool:
    return is_kubernetes(item) and str(item["kind"]).lower() in _BY_LOWER


def _other_case(kind: object, version: object) -> Iterator[str]:
    """A kind that would be ours if its letters were of another case."""
    meant = _BY_LOWER.get(str(kind).lower())
    if meant is None or kind in KINDS or not isinstance(version, str):
        return
    if version.rpartition("/")[0] == KINDS[meant].group:
        yield f"kind is {kind!r}: it is passed over (did you mean {meant}?)"


def unfold(document: object, where: str = "the document") -> Iterator[object]:
    """The document itself, or the items of a `List`, a `ServiceList` and so on, however deep.

    As the API server writes a list, its items need not say their kind again. Raises InvalidInput.
    """
    if not isinstance(document, dict) or not is_kubernetes(document):
        yield document
        return
    kind = document["kind"]
    if not isinstance(kind, str) or not kind.endswith(_LIST) or "items" not in document:
        yield document
        return
    items = document["items"] if document["items"] is not None else []
    if not isinstance(items, list):
        raise InvalidInput(f"{where}: {kind[:80]}: items is {shown(items)}, but must be a list")
    of_one = {"apiVersion": document["apiVersion"], "kind": kind.removesuffix(_LIST)}
    said = {} if kind == _LIST else of_one
    for item in items:
        yield from unfold({**said, **item} if isinstance(item, dict) else item, where)


def _is_meant(known: _Kind, version: str, what: str) -> bool:
    """Whether this apiVersion is the kind we know; raises InvalidInput when it is nearly that."""
    group, _, short = version.rpartition("/")
    if group == known.group and short in known.versions:
        return True
    if known.group not in (group, MCS_GROUP):
        return False  # another project's kind of the same name, such as the Cluster API's Cluster
    prefix = f"{known.group}/" if known.group else ""
    right = " or ".join(f"{prefix}{v}" for v in known.versions)
    raise InvalidInput(f"{what}: apiVersion is {version[:80]!r}, but must be {right}")


def _called(kind: str, document: dict[object, object]) -> str:
    metadata = document.get("metadata")
    values = metadata if isinstance(metadata, dict) else {}
    namespace, name = values.get("namespace", "default"), values.get("name", "without a name")
    return f"{kind} {namespace}/{name}"[:200]
