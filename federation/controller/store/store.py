"""The interface of durable state, with etcd's semantics: keys, revisions, compare-and-swap.

Intent (members, tokens) is written synchronously, by compare-and-swap. Reports are a cache of what
clusters say, one row per resource, written behind. Every store passes
`tests/unit/federation/controller/store_conformance.py`.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and the revision at which it was written."""

    value: bytes
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


class Store(Protocol):
    """Durable state. All calls raise Failed when the disk does not let them.

    Every write and delete has a revision of its own, each higher than the last, and changes one
    key: it is whole or not there, whenever the process dies.
    """

    @property
    def epoch(self) -> str:
        """Names the life of this store: another one after its loss, or after a restore."""

    async def read(self, key: str) -> Entry | None:
        """The entry at `key`."""

    async def read_all(self, prefix: str) -> dict[str, Entry]:
        """All entries whose key begins with `prefix`, in the order of their keys."""

    async def revision(self) -> int:
        """The revision of the last write or delete, 0 when there was none."""

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
        from the revision that was asked for before the reading. A store keeps thousands of changes.
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

    async def load_reports(self) -> tuple[Row, ...]:
        """All reported resources."""

    async def save_reports(self, rows: Iterable[Row]) -> None:
        """Write rows in one transaction."""

    async def snapshot(self) -> bytes:
        """All of it as it is at one moment, as the file of an embedded store."""
