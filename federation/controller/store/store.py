"""The interfaces of durable state, with etcd's semantics: keys, revisions, compare-and-swap.

Three of them, of which a store has one or several: intent (documents, join tokens, the audit log),
the cache of what clusters reported, and a copy of everything for backups. Whoever uses a store
names the narrowest. Each store passes `tests/unit/federation/controller/store_conformance.py`, the
class of each interface that it has.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and the revision at which it was written."""

    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Entries in the order of their keys, as they all were at one revision of the store."""

    entries: Mapping[str, Entry]
    revision: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A key was written at `revision`, or deleted (`value` is None)."""

    key: str
    value: bytes | None
    revision: int


@dataclass(frozen=True, slots=True)
class Row:
    """One reported resource; `body` None deletes it. `first_seen` in seconds since 1970, or 0."""

    cluster: str
    type_url: str
    name: str
    body: bytes | None
    first_seen: int = 0


class IntentStore(Protocol):
    """What people want, written before anybody acts on it. All calls raise Failed when the disk
    does not let them.

    Every write and delete has a revision of its own, each higher than the last, and changes one
    key: it is whole or not there, whenever the process dies.
    """

    @property
    def epoch(self) -> str:
        """Names the life of this store: another one after its loss, or after a restore."""

    async def read(self, key: str) -> Entry | None:
        """The entry at `key`."""

    async def read_all(self, prefix: str) -> Listing:
        """All entries whose key begins with `prefix`.

        Its revision is that of the last write or delete of any key, 0 when there was none: who
        watches from there misses nothing and hears nothing twice.
        """

    async def write(self, key: str, value: bytes, expected: int) -> int:
        """Write where the entry's revision is `expected` (0: where there is none).

        Returns the new revision; raises Conflict when someone else wrote in between. When it
        returns, the value is on the disk.
        """

    async def delete(self, key: str, expected: int) -> int:
        """Delete the entry whose revision is `expected`.

        Returns the new revision; raises Conflict when there is none, or another one.
        """

    def watch(self, prefix: str, after: int) -> AsyncIterator[Changed]:
        """Every change of keys with this prefix after a revision, in order, for ever.

        Raises NotReady when changes after `after` are not kept any more: then read all, and watch
        from the revision of that. A store keeps thousands of changes.
        """

    async def hold(self, name: str, holder: str, seconds: float, now: float) -> str:
        """Take or renew a lease until `now + seconds`; returns who has it.

        `now` is in seconds since 1970, and all holders must agree on it to a small part of
        `seconds`. Another holder gets it only when it has run out or was released.
        """

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back; nothing when someone else has it."""

    async def reserve_revisions(self, count: int) -> int:
        """Reserve `count` revisions of the facts for good; returns the first of them."""


class ReportCache(Protocol):
    """What clusters reported, one row per resource: agents would tell it again. Raises Failed.

    It is written behind, and what is lost of it costs time and nothing else.
    """

    async def load_reports(self) -> tuple[Row, ...]:
        """All reported resources."""

    async def save_reports(self, rows: Iterable[Row]) -> None:
        """Write rows in one transaction."""


class Snapshots(Protocol):
    """A copy of all that is in a store, for backups. Raises Failed."""

    @property
    def epoch(self) -> str:
        """Names the life of this store."""

    async def snapshot(self) -> bytes:
        """All of it as it is at one moment, to be taken back by a store of the same kind."""


class StateStore(IntentStore, ReportCache, Protocol):
    """What a running controller needs of its store."""


class Store(StateStore, Snapshots, Protocol):
    """A store that has all three."""
