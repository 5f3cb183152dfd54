"""Events: what happened to objects, for `kubectl get events` and `describe`.

In: an object, and what happened to it, in a word and a sentence. Out: objects of kind Event in
their collection, kept for an hour and no more than so many, as Kubernetes keeps them. What happens
again is counted. They are told and not relied upon: a restart forgets them.
"""

import secrets
from collections import OrderedDict
from typing import Any

from federation.api.rows.core import EVENT
from federation.apiserver.collection import Collection
from federation.controller.objects.views import time_of

Json = dict[str, Any]

KEPT_SECONDS = 3_600.0
MOST_EVENTS = 1_000
NORMAL, WARNING = "Normal", "Warning"
SOURCE = "fedmesh-controller"
_LONGEST = 1_024


class Events:
    """The events of late; the oldest go first."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._known: OrderedDict[tuple[str, ...], tuple[Json, float]] = OrderedDict()

    def note(self, found: Json, type: str, reason: str, message: str, now: float) -> None:
        """Note what happened to an object; `now` in seconds since 1970."""
        metadata = found["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        key = (found["kind"], namespace, name, str(metadata.get("uid")), reason, message)
        time = time_of(now)
        if key in self._known:
            before, _ = self._known.pop(key)
            made = {**before, "count": before["count"] + 1, "lastTimestamp": time}
        else:
            made = {
                "apiVersion": EVENT.api_version,
                "kind": EVENT.kind,
                "metadata": {
                    "name": f"{name}.{secrets.token_hex(8)}",
                    "namespace": namespace or "default",
                    "uid": secrets.token_hex(16),
                    "creationTimestamp": time,
                },
                "involvedObject": _reference(found),
                "reason": reason,
                "message": message[:_LONGEST],
                "source": {"component": SOURCE},
                "firstTimestamp": time,
                "lastTimestamp": time,
                "count": 1,
                "type": type,
                "reportingComponent": SOURCE,
                "reportingInstance": "",
            }
        self._known[key] = (made, now)
        self._collection.put(made)
        self.forget(now)

    def forget(self, now: float) -> None:
        """Let those go that are too old, or too many."""
        while self._known:
            key, (made, at) = next(iter(self._known.items()))
            if now - at < KEPT_SECONDS and len(self._known) <= MOST_EVENTS:
                return
            del self._known[key]
            self._collection.remove(made["metadata"]["namespace"], made["metadata"]["name"])


def _reference(found: Json) -> Json:
    metadata = found["metadata"]
    reference = {
        "kind": found["kind"],
        "apiVersion": found["apiVersion"],
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
    }
    if metadata.get("namespace"):
        reference["namespace"] = metadata["namespace"]
    return reference
