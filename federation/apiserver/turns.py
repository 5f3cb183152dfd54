"""One after the other, for each name: whoever wants to change the same thing waits for his turn."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from federation.model.errors import Busy


class Turns:
    """Locks by name, which are there as long as somebody has or wants them."""

    def __init__(self, longest_wait: float) -> None:
        self._longest_wait = longest_wait
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def turn(self, name: Hashable) -> AsyncIterator[None]:
        """Have a name for oneself; raises Busy when the turn does not come in time."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        try:
            async with asyncio.timeout(self._longest_wait):
                await lock.acquire()
        except TimeoutError:
            raise Busy(
                f"others change the same at this moment, for more than {self._longest_wait:g} s: "
                "try again later"
            ) from None
        try:
            yield
        finally:
            lock.release()
