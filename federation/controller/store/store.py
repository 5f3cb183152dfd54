"""The interface of durable state, with etcd's semantics: keys, revisions, compare-and-swap.

Intent (members, tokens) is written synchronously, by compare-and-swap. Reports are a cache of what
clusters say, one row per resource, written behind.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and the revision at which it was written."""

    value: bytes
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
    """Durable state. All calls raise Failed when the disk does not let them."""

    @property
    def epoch(self) -> str:
        """Names the life of this store: another one after its loss."""

    async def read(self, key: str) -> Entry | None:
        """The entry at `key`."""

    async def read_all(self, prefix: str) -> dict[str, Entry]:
        """All entries whose key begins with `prefix`."""

    async def write(self, key: str, value: bytes, expected: int) -> int:
        """Write where the entry's revision is `expected` (0: where there is none).

        Returns the new revision; raises Conflict when someone else wrote in between. When it
        returns, the value is on the disk.
        """

    async def reserve_revisions(self, count: int) -> int:
        """Reserve `count` revisions of the facts for good; returns the first of them."""

    async def load_reports(self) -> tuple[Row, ...]:
        """All reported resources."""

    async def save_reports(self, rows: Iterable[Row]) -> None:
        """Write rows in one transaction."""
