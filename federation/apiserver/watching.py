"""A watch: what happens to objects of a kind from a revision on, as a stream of JSON lines.

In: a collection, where to begin, what is selected. Out: lines. The rules are those of Kubernetes'
API concepts: an object that enters a selection is ADDED, one that leaves it DELETED; BOOKMARKs say
how far the stream is; a past that is not kept any more is an ERROR (410), which ends the stream.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from federation.apiserver.collection import (
    ADDED,
    DELETED,
    MODIFIED,
    Collection,
    Event,
    Held,
    PastIsGoneError,
    encoded,
)
from federation.apiserver.selectors import Judge
from federation.apiserver.sending import pieces
from federation.apiserver.statuses import expired, status_of

Json = dict[str, Any]

BOOKMARK_SECONDS = 60.0
"""How often a stream that may have them gets a bookmark, when nothing else happens."""
BOOKMARK, ERROR = "BOOKMARK", "ERROR"
INITIAL_END = "k8s.io/initial-events-end"
LOOK_SECONDS = 2.0
"""How soon it is seen that nobody reads any more, while nothing happens."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a watch asks for. `after`: a revision, None to begin with all that is there."""

    namespace: str
    judge: Judge | None
    after: int | None
    bookmarks: bool = False
    initial_end: bool = False

    def selects(self, held: Held) -> bool:
        """Whether an object is among what is watched."""
        if self.namespace and held.key[0] != self.namespace:
            return False
        return self.judge is None or self.judge(held.object)


Shape = Callable[[Json], Json]
"""How an object is shown: as a row of a table, or as its metadata; None: as it is."""


async def lines(
    collection: Collection, watch: Watch, shape: Shape | None, until: Callable[[], float]
) -> AsyncIterator[bytes]:
    """The lines, until `until` (the seconds that are left) is 0; empty while nothing happens.

    An empty one lets the caller see whether anybody is there.
    """
    at = watch.after
    if at is None:
        at = collection.revision
        for some in pieces(_initial(collection, watch, shape, at)):
            yield some
    since_bookmark = until()
    while (left := until()) > 0:
        try:
            events = collection.after(at)
        except PastIsGoneError:
            yield _line(ERROR, gone(at))
            return
        for some in pieces(_shown(events, watch, shape)):
            yield some
        if events:
            at = events[-1].revision
            continue
        if watch.bookmarks and since_bookmark - left >= BOOKMARK_SECONDS:
            since_bookmark = left
            at = collection.revision
            yield _bookmark(collection, at)
        yield b""
        await collection.wait(at, min(left, LOOK_SECONDS))
    if watch.bookmarks:
        yield _bookmark(collection, at)


def _initial(collection: Collection, watch: Watch, shape: Shape | None, at: int) -> Iterator[bytes]:
    """All that is there, as if it were new; the bookmark is of when it was taken."""
    for one in [held for held in collection.listed(watch.namespace) if watch.selects(held)]:
        yield _told(ADDED, one, shape)
    if watch.initial_end:
        yield _bookmark(collection, at, initial=True)


def gone(revision: int) -> Json:
    """The Status of a past that is not kept."""
    return status_of(expired(f"too old resource version: {revision}: list again"))[1]


def _shown(events: Iterable[Event], watch: Watch, shape: Shape | None) -> Iterable[bytes]:
    for event in events:
        is_in = event.type != DELETED and watch.selects(event.held)
        was_in = event.before is not None and watch.selects(event.before)
        if is_in or was_in:
            type = (MODIFIED if was_in else ADDED) if is_in else DELETED
            yield _told(type, event.held, shape)


def _told(type: str, held: Held, shape: Shape | None) -> bytes:
    if shape is not None:
        return _line(type, shape(held.object))
    return b'{"type":"%s","object":%s}\n' % (type.encode(), held.json)


def _bookmark(collection: Collection, revision: int, *, initial: bool = False) -> bytes:
    metadata: Json = {"resourceVersion": str(revision), "creationTimestamp": None}
    if initial:
        metadata["annotations"] = {INITIAL_END: "true"}
    kind = collection.kind
    return _line(
        BOOKMARK, {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
    )


def _line(type: str, found: Json) -> bytes:
    return encoded({"type": type, "object": found}) + b"\n"
