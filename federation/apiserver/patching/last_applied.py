"""What `kubectl apply` said last, before it was told to apply on the server.

In: an object with the annotation of client-side apply. Out: the fields that kubectl owns by it, so
that the same file, applied on the server, stands in no conflict with itself.
"""

import json

from federation.apiserver.patching.compare import compare
from federation.apiserver.patching.fields import NEVER_OWNED, Fields, difference, fields_of
from federation.apiserver.patching.shape import parts
from federation.apiserver.patching.values import Json, is_deep

KUBECTL = "kubectl"
"""The manager of `kubectl apply --server-side`, for whom alone this is asked."""

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"

_LONGEST = 262_144  # of all annotations together, in Kubernetes


def applied_by_client(live: Json, root: Json) -> Fields:
    """The fields in the annotation that have been left as they are; none without it."""
    text = _annotation(live)
    try:
        said = json.loads(text) if text else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or is_deep(said):
        return {}
    fields = difference(fields_of(parts(said, root) or {}), NEVER_OWNED)
    changes = compare(said, live, root)
    return difference(difference(fields, changes.modified), changes.lost)


def with_last_applied(document: Json, applied: Json) -> Json:
    """The object with the annotation that says what is applied now, if it had one before.

    Who goes back to client-side apply then takes away what he must, and no more.
    """
    if _annotation(document) is None:
        return document
    metadata = dict(applied.get("metadata") or {})
    if isinstance(metadata.get("annotations"), dict):
        rest = {n: v for n, v in metadata["annotations"].items() if n != ANNOTATION}
        metadata["annotations"] = rest
    said = json.dumps({**applied, "metadata": metadata}, separators=(",", ":"), sort_keys=True)
    text = f"{said}\n" if len(said) < _LONGEST else ""
    known = document["metadata"]
    annotations = {**known["annotations"], ANNOTATION: text}
    return {**document, "metadata": {**known, "annotations": annotations}}


def _annotation(document: Json) -> str | None:
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    text = annotations.get(ANNOTATION) if isinstance(annotations, dict) else None
    return text if isinstance(text, str) else None
