"""A store on a disk that is slow at times."""

import asyncio
from collections.abc import Iterable

from federation.controller.store.store import Entry, Row
from federation.model.errors import Failed
from tests.unit.fakes.fake_store import FakeStore


class SlowStore(FakeStore):
    """What it reads and has done is told `delay` seconds later; saving fails `refuses` times."""

    delay = 0.0
    refuses = 0

    async def has_changed(self) -> None:
        """Wait until something is written or deleted."""
        self._news.clear()
        await self._news.wait()

    async def read(self, key: str) -> Entry | None:
        found = await super().read(key)
        await asyncio.sleep(self.delay)
        return found

    async def delete(self, key: str, expected: int) -> int:
        revision = await super().delete(key, expected)
        await asyncio.sleep(self.delay)
        return revision

    async def write(self, key: str, value: bytes, expected: int) -> int:
        revision = await super().write(key, value, expected)
        await asyncio.sleep(self.delay)
        return revision

    async def save_reports(self, rows: Iterable[Row]) -> None:
        refused, self.refuses = self.refuses > 0, max(0, self.refuses - 1)
        await asyncio.sleep(self.delay if refused else 0)
        if refused:
            raise Failed("no room")
        await super().save_reports(rows)
