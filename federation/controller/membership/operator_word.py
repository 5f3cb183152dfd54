"""The operator's word about a cluster: read from documents, merged, compared. Pure.

In: documents of kind Cluster, whole or in part, and the word before. Out: a `Member` that has the
word and nothing else, and what became another one. Written by
`federation.controller.membership.members`.
"""

from dataclasses import replace
from typing import Any

from federation.api.parse import parse_document
from federation.api.v1alpha1.cluster import ClusterDocument
from federation.apiserver.patching.merge_patch import merge_patch
from federation.controller.member import Member
from federation.model.errors import Conflict, InvalidInput
from federation.model.names import ClusterId, parse_cluster_id

Json = dict[str, Any]

# The fields of a member that are the operator's, and their names in a document's spec.
_FIELDS = {
    "region": "region",
    "zones": "zones",
    "network": "network",
    "gateway_cidrs": "gatewayCIDRs",
    "namespaces": "namespaces",
}


def with_word(member: Member, word: Member) -> Member:
    """A member of which the operator says something else; what it joined with stays."""
    return replace(member, **{name: getattr(word, name) for name in _FIELDS})


def read_word(cluster: str, body: Json, before: Member | None = None) -> Member:
    """The word in a whole document.

    Raises InvalidInput, and Conflict when the document says at which revision it was read
    (`metadata.resourceVersion`) and what is known was written at another one.
    """
    document = parse_document(body, "the request's body")
    if not isinstance(document, ClusterDocument):
        raise InvalidInput("the request's body must be a document of kind Cluster")
    name = parse_cluster_id(cluster)
    if document.name != name:
        raise InvalidInput(f"metadata.name is {document.name!r}, but the path says {name!r}")
    version, known = document.metadata.resource_version, before.revision if before else 0
    if version and version != str(known):
        raise Conflict(
            f"cluster {name} was changed by someone else: metadata.resourceVersion is "
            f"{version[:40]!r}, but must be '{known}': read it again"
        )
    spec = document.spec
    return Member(
        name,
        "",
        spec.region,
        tuple(spec.zones),
        spec.network,
        tuple(spec.gateway_cidrs),
        tuple(spec.namespaces),
    )


def merge_word(cluster: str, patch: Json, before: Member | None) -> Member:
    """The word after a JSON merge patch (RFC 7396) of the document: what it leaves out stays.

    Null takes a field away, and then it means anything. Raises InvalidInput and Conflict.
    """
    known = _document(parse_cluster_id(cluster), before)
    merged = merge_patch(known, patch)
    if before is None and isinstance(merged.get("spec"), dict) and not merged["spec"].get("region"):
        raise InvalidInput(
            f"cluster {cluster} is not there yet: say its region (--region) to add it"
        )
    return read_word(cluster, merged, before)


def _document(cluster: ClusterId, member: Member | None) -> Json:
    spec = {}
    if member is not None:
        found = {name: getattr(member, field) for field, name in _FIELDS.items()}
        spec = {k: list(v) if isinstance(v, tuple) else v for k, v in found.items()}
    return {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": cluster},
        "spec": spec,
    }


def what_changed(before: Member | None, after: Member) -> Json:
    """What became of a word: `outcome`, and for each field that is another one from what to what.

    Nothing in a field means anything, or a network of its own.
    """
    if before is None:
        return {"outcome": "created", "changes": []}
    pairs = ((field, getattr(before, field), getattr(after, field)) for field in _FIELDS)
    changes = [{"field": f, "from": old, "to": new} for f, old, new in pairs if old != new]
    return {"outcome": "changed" if changes else "unchanged", "changes": changes}
