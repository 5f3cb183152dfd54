"""The objects of one kind in memory, with a past that can be watched.

In: objects, as the store or a view has them. Out: lists at a revision, and events after one. Those
who watch share one bounded past: a client that falls behind costs nothing, and hears that what it
asks for is not kept any more (410), upon which it lists again.
"""

import asyncio
import dataclasses
import json
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from federation.api.kind import ApiKind

Json = dict[str, Any]

KEPT_EVENTS = 1_000
"""Changes of a kind that can still be watched from."""

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"


class Revisions:
    """Numbers for changes: each higher than the last, and than all of earlier lives.

    `first` comes from whoever knows those.
    """

    def __init__(self, first: int) -> None:
        self.current = first

    def next(self) -> int:
        """The number of a change that happens now."""
        self.current += 1
        return self.current


@dataclass(frozen=True, slots=True)
class Held:
    """An object as it stands, as JSON: as values it would take several times the room.

    `key` is its namespace and name, `revision` its resourceVersion as a number, `since` the lowest
    one at which what people said was the same: what the system alone has changed since is no
    conflict. `stored` is the store's revision, and `size` the bytes that it takes there, 0 for a
    view. A view may have no `data` but a `source`, of which it is made when somebody reads it:
    there may be many, and few are read.
    """

    key: tuple[str, str]
    data: bytes
    revision: int
    since: int = 0
    stored: int = 0
    size: int = 0
    source: Any = None
    make: Callable[[Any], Json] | None = None

    @property
    def object(self) -> Json:
        """The object, with its resourceVersion; each time a new one."""
        if self.make is not None:
            return with_revision(self.make(self.source), self.revision)
        found: Json = json.loads(self.data)
        return found

    @property
    def json(self) -> bytes:
        """The same as JSON."""
        return self.data if self.make is None else encoded(self.object)


def with_revision(found: Json, revision: int) -> Json:
    """An object with this resourceVersion."""
    return {**found, "metadata": {**found["metadata"], "resourceVersion": str(revision)}}


def encoded(found: Json) -> bytes:
    """An object as JSON."""
    return json.dumps(found, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Event:
    """A change: `before` is None for what is new; what is gone has its last state in `held`."""

    type: str
    held: Held
    before: Held | None
    revision: int


class PastIsGoneError(Exception):
    """Events after that revision are not kept."""


class Collection:
    """The objects of a kind by key: (namespace, name)."""

    def __init__(self, kind: ApiKind, revisions: Revisions, kept: int = KEPT_EVENTS) -> None:
        self.kind = kind
        self._revisions = revisions
        self._objects: dict[tuple[str, str], Held] = {}
        self._events: deque[Event] = deque(maxlen=kept)
        self._forgotten = revisions.current
        self._moved = asyncio.Event()
        self.size = 0
        """Bytes of all of them in the store."""

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def revision(self) -> int:
        """The revision of a list that is made now."""
        return self._revisions.current

    @property
    def changed_at(self) -> int:
        """The revision of the last change of one of them, 0 before the first."""
        return self._events[-1].revision if self._events else 0

    def get(self, namespace: str, name: str) -> Held | None:
        """The object of this name."""
        return self._objects.get((namespace, name))

    def names(self) -> Iterable[tuple[str, str]]:
        """The keys of all of them, in no order."""
        return self._objects.keys()

    def listed(self, namespace: str = "") -> list[Held]:
        """All of them, or those of a namespace, in the order of their keys."""
        found = sorted(self._objects.items())
        return [held for key, held in found if not namespace or key[0] == namespace]

    def put(self, found: Json, stored: int = 0, size: int = 0) -> None:
        """Take an object as it is now; one that is as before is no change."""
        key = key_of(found)
        before = self._objects.get(key)
        if before is not None and before.stored == stored and _same(before.object, found):
            return
        revision = self._revisions.next()
        is_same_word = before is not None and stored and before.stored == stored
        since = before.since if before is not None and is_same_word else revision
        data = encoded(with_revision(found, revision))
        held = Held(key, data, revision, since, stored, size)
        self.size += size - (before.size if before is not None else 0)
        self._objects[key] = held
        self._note(Event(MODIFIED if before else ADDED, held, before, revision))

    def put_view(self, key: tuple[str, str], source: Any, make: Callable[[Any], Json]) -> None:
        """Take what a view is made of, as it is now; the same as before is no change."""
        before = self._objects.get(key)
        if before is not None and before.source == source:
            return
        revision = self._revisions.next()
        held = Held(key, b"", revision, revision, source=source, make=make)
        self._objects[key] = held
        self._note(Event(MODIFIED if before else ADDED, held, before, revision))

    def remove(self, namespace: str, name: str) -> None:
        """Let go an object that is not there any more."""
        before = self._objects.pop((namespace, name), None)
        if before is None:
            return
        self.size -= before.size
        revision = self._revisions.next()
        data = encoded(with_revision(before.object, revision)) if before.data else b""
        last = dataclasses.replace(before, data=data, revision=revision, since=revision)
        self._note(Event(DELETED, last, before, revision))

    def replace(self, objects: Iterable[Json]) -> None:
        """Take a whole view: those that are there, and no others."""
        found = {key_of(one): one for one in objects}
        for namespace, name in self._objects.keys() - found.keys():
            self.remove(namespace, name)
        for one in found.values():
            self.put(one)

    def _note(self, event: Event) -> None:
        if len(self._events) == self._events.maxlen:
            self._forgotten = self._events[0].revision
        self._events.append(event)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def after(self, revision: int) -> tuple[Event, ...]:
        """The events after a revision, in order; raises PastIsGoneError."""
        if revision < self._forgotten or revision > self._revisions.current:
            raise PastIsGoneError
        if not self._events or self._events[-1].revision <= revision:
            return ()
        start = bisect_right(self._events, revision, key=lambda event: event.revision)
        return tuple(islice(self._events, start, None))

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when there is a change after `seen`, at the latest after so many seconds."""
        if self._events and self._events[-1].revision > seen:
            return
        moved = self._moved
        try:
            async with asyncio.timeout(seconds):
                await moved.wait()
        except TimeoutError:
            return


def key_of(found: Mapping[str, Any]) -> tuple[str, str]:
    """The namespace ("" for what is in none) and the name of an object."""
    metadata = found["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata["name"])


def _same(before: Json, found: Json) -> bool:
    """Whether two states differ in nothing but the resourceVersion."""
    if before.keys() != found.keys():
        return False
    return all(
        before[name] == value if name != "metadata" else _same_metadata(before[name], value)
        for name, value in found.items()
    )


def _same_metadata(before: Json, found: Json) -> bool:
    old = {k: v for k, v in before.items() if k != "resourceVersion"}
    return old == {k: v for k, v in found.items() if k != "resourceVersion"}
