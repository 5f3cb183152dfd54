"""Durable state in memory: the simplest thing that keeps what `Store` promises."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from federation.controller.store.store import Changed, Entry, Listing, Row
from federation.model.errors import Conflict, NotReady


class FakeStore:
    """See `federation.controller.store.store.Store`; it outlives the controllers of a test."""

    def __init__(self, epoch: str = "first", kept_changes: int = 1000) -> None:
        self.epoch = epoch
        self.intent: dict[str, Entry] = {}
        self.rows: dict[tuple[str, str, str], Row] = {}
        self.leases: dict[str, tuple[str, float]] = {}
        self.changes: list[Changed] = []
        self.next_revision = 1
        self._kept = kept_changes
        self._last = 0
        self._news = asyncio.Event()

    async def read(self, key: str) -> Entry | None:
        return self.intent.get(key)

    async def read_all(self, prefix: str) -> Listing:
        found = {k: v for k, v in sorted(self.intent.items()) if k.startswith(prefix)}
        return Listing(found, self._last)

    async def write(self, key: str, value: bytes, expected: int) -> int:
        self._expect(key, expected)
        self.intent[key] = Entry(value, self._last + 1)
        return self._change(key, value)

    async def delete(self, key: str, expected: int) -> int:
        if not self._expect(key, expected):
            raise Conflict(f"{key} cannot be deleted, since it is not there")
        del self.intent[key]
        return self._change(key, None)

    def _expect(self, key: str, expected: int) -> int:
        entry = self.intent.get(key)
        found = entry.revision if entry else 0
        if found != expected:
            raise Conflict(f"{key} was changed")
        return found

    def _change(self, key: str, value: bytes | None) -> int:
        self._last += 1
        self.changes = [*self.changes, Changed(key, value, self._last)][-self._kept :]
        self._news.set()
        return self._last

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Changed]:
        while True:
            if after < self._last - len(self.changes):
                raise NotReady(f"changes after revision {after} are not kept any more")
            for change in [c for c in self.changes if c.revision > after]:
                after = change.revision
                if change.key.startswith(prefix):
                    yield change
            self._news.clear()
            if after == self._last:
                await self._news.wait()

    async def hold(self, name: str, holder: str, seconds: float, now: float) -> str:
        found, until = self.leases.get(name, (holder, now))
        if found != holder and until > now:
            return found
        self.leases[name] = (holder, now + seconds)
        return holder

    async def release(self, name: str, holder: str) -> None:
        if self.leases.get(name, ("", 0.0))[0] == holder:
            del self.leases[name]

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

    async def snapshot(self) -> bytes:
        raise NotImplementedError("the file of an embedded store")
