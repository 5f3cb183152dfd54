"""Objects as documents in the store: kinds that are kept as they were written.

In: objects as the API's machinery made them. Out: the same after a restart. Every change comes back
by the one door for intent, into the collection that is read.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from federation.api.kind import ApiKind
from federation.apiserver.collection import Collection, Held, key_of
from federation.apiserver.statuses import StatusError
from federation.controller.intent.apply_intent import Effect
from federation.controller.intent.documents import Documents, Kind
from federation.controller.store.store import Entry, IntentStore

Json = dict[str, Any]

MOST_OBJECTS = 10_000
"""Of one kind: all of them are in memory."""
MOST_BYTES = 32 << 20
"""Of the objects of one kind together."""
_FORBIDDEN = 403
NO_NAMESPACE = "-"
"""Stands for the namespace of what is in none; no namespace is called so."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object without its resourceVersion, the store's revision at which it was written, and how
    many bytes it takes there.
    """

    object: Json
    revision: int = 0
    size: int = 0


def stored_kind(kind: ApiKind) -> Kind[Stored]:
    """How objects of a kind lie in the store."""
    return Kind(
        kind.kind,
        f"objects/{kind.resource}/",
        name_of,
        encoded,
        _read,
    )


def name_of(stored: Stored) -> str:
    """The rest of an object's key."""
    return name_in_store(*key_of(stored.object))


def encoded(stored: Stored) -> bytes:
    """An object as it is kept."""
    return json.dumps(without_revision(stored.object)).encode()


def _read(entry: Entry) -> Stored:
    return Stored(json.loads(entry.value), entry.revision, len(entry.value))


def name_in_store(namespace: str, name: str) -> str:
    """The rest of an object's key."""
    return f"{namespace or NO_NAMESPACE}/{name}"


def without_revision(found: Json) -> Json:
    """The object as it is kept: its revision is the store's."""
    metadata = {k: v for k, v in found["metadata"].items() if k != "resourceVersion"}
    return {**found, "metadata": metadata}


class ObjectStorage:
    """Implements `federation.apiserver.resource.Storage` over the store."""

    def __init__(
        self,
        store: IntentStore,
        kind: ApiKind,
        collection: Collection,
        in_effect: Callable[[int], Awaitable[None]],
    ) -> None:
        self._documents = Documents(store, stored_kind(kind), in_effect)
        self._collection = collection

    async def write(self, found: Json, before: Held | None) -> None:
        """See Storage. Raises StatusError (403, as for a quota) when there are too many."""
        kind = self._collection.kind
        if before is None and len(self._collection) >= MOST_OBJECTS:
            raise StatusError(
                _FORBIDDEN,
                f"there are {MOST_OBJECTS} {kind.resource} already, and no more are kept: delete "
                "some that are not needed",
                kind=kind,
            )
        stored = Stored(found)
        others = self._collection.size - (before.size if before is not None else 0)
        if others + len(encoded(stored)) > MOST_BYTES:
            raise StatusError(
                _FORBIDDEN,
                f"with this one, all {kind.resource} would take more than {MOST_BYTES >> 20} MB: "
                "delete some, or make it smaller",
                kind=kind,
            )
        await self._documents.put(stored, before.stored if before is not None else 0)

    async def delete(self, held: Held) -> None:
        """See Storage."""
        await self._documents.delete(name_in_store(*key_of(held.object)), held.stored)


Shown = Callable[[Json], Json]
"""An object with the status that the controller has for it."""


def as_it_is(found: Json) -> Json:
    """Of kinds without a status of the controller's."""
    return found


def effect_of(
    collection: Collection,
    shown: Shown = as_it_is,
    heard: Callable[[str, Json | None], None] | None = None,
) -> Effect[Stored]:
    """How the objects of a kind come from the store into their collection.

    `heard` is told of each one by name, and with None of its end.
    """

    def put(stored: Stored) -> None:
        if heard is not None:
            heard(stored.object["metadata"]["name"], stored.object)
        collection.put(shown(stored.object), stored.revision, stored.size)

    async def load(found: tuple[Stored, ...]) -> None:
        for stored in found:
            put(stored)

    def remove(name: str) -> None:
        namespace, _, own = name.partition("/")
        collection.remove("" if namespace == NO_NAMESPACE else namespace, own)
        if heard is not None:
            heard(own, None)

    return Effect(stored_kind(collection.kind), load, put, remove)
