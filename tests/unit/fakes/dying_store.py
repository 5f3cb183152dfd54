"""A store whose process dies, or whose disk refuses, at a chosen write."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from enum import Enum
from typing import TypeVar

from federation.controller.store.store import Changed, Entry, Listing, Row, Store
from federation.model.errors import Failed

Result = TypeVar("Result")


class Died(BaseException):
    """The process is gone: nothing after this line runs."""


class Fault(Enum):
    """What happens at the write."""

    DIES_BEFORE = "dies before it"
    DIES_AFTER = "dies after it, before anybody hears of it"
    REFUSED = "the disk refuses it"


class DyingStore:
    """See `federation.controller.store.store.Store`; counts what is written, and faults once."""

    def __init__(self, store: Store, at: int = 0, fault: Fault = Fault.REFUSED) -> None:
        self._store = store
        self._at = at
        self._fault = fault
        self.writes = 0

    async def _do(self, write: Callable[[], Awaitable[Result]]) -> Result:
        self.writes += 1
        if self.writes != self._at:
            return await write()
        if self._fault is Fault.REFUSED:
            raise Failed("the controller's store cannot be used: database or disk is full")
        if self._fault is Fault.DIES_AFTER:
            await write()
        raise Died

    @property
    def epoch(self) -> str:
        return self._store.epoch

    async def read(self, key: str) -> Entry | None:
        return await self._store.read(key)

    async def read_all(self, prefix: str) -> Listing:
        return await self._store.read_all(prefix)

    async def write(self, key: str, value: bytes, expected: int) -> int:
        return await self._do(lambda: self._store.write(key, value, expected))

    async def delete(self, key: str, expected: int) -> int:
        return await self._do(lambda: self._store.delete(key, expected))

    def watch(self, prefix: str, after: int) -> AsyncIterator[Changed]:
        return self._store.watch(prefix, after)

    async def hold(self, name: str, holder: str, seconds: float, now: float) -> str:
        return await self._do(lambda: self._store.hold(name, holder, seconds, now))

    async def release(self, name: str, holder: str) -> None:
        await self._do(lambda: self._store.release(name, holder))

    async def reserve_revisions(self, count: int) -> int:
        return await self._do(lambda: self._store.reserve_revisions(count))

    async def load_reports(self) -> tuple[Row, ...]:
        return await self._store.load_reports()

    async def save_reports(self, rows: Iterable[Row]) -> None:
        await self._do(lambda: self._store.save_reports(rows))

    async def snapshot(self) -> bytes:
        return await self._store.snapshot()
