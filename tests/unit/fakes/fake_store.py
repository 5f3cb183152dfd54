"""Durable state in memory, with errors to raise next."""

from collections.abc import Iterable

from federation.controller.store.store import Entry, Row
from federation.model.errors import Conflict


class FakeStore:
    """See `federation.controller.store.store.Store`; it outlives the controllers of a test."""

    def __init__(self, epoch: str = "first") -> None:
        self.epoch = epoch
        self.intent: dict[str, Entry] = {}
        self.rows: dict[tuple[str, str, str], Row] = {}
        self.next_revision = 1

    async def read(self, key: str) -> Entry | None:
        return self.intent.get(key)

    async def read_all(self, prefix: str) -> dict[str, Entry]:
        return {k: v for k, v in sorted(self.intent.items()) if k.startswith(prefix)}

    async def write(self, key: str, value: bytes, expected: int) -> int:
        found = self.intent.get(key)
        if (found.revision if found else 0) != expected:
            raise Conflict(f"{key} was changed")
        self.intent[key] = Entry(value, expected + 1)
        return expected + 1

    async def reserve_revisions(self, count: int) -> int:
        first, self.next_revision = self.next_revision, self.next_revision + count
        return first

    async def load_reports(self) -> tuple[Row, ...]:
        return tuple(self.rows.values())

    async def save_reports(self, rows: Iterable[Row]) -> None:
        for row in rows:
            key = (row.cluster, row.type_url, row.name)
            if row.body is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
