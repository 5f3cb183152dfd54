"""Costly work for others, beside the loop: a few at a time, in turn, and a share for each.

In: who it is for, and the work. Out: what it gives. Signing takes some milliseconds, in which
nobody else would be heard; and one who asks very often must not keep the others waiting.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from federation.model.errors import Busy

AT_A_TIME = 2
"""As many threads work; more only get into each other's way."""

_Result = TypeVar("_Result")


class Bench:
    """Places to work at. `each` is how many one may have in work and waiting together."""

    def __init__(self, each: int, at_a_time: int = AT_A_TIME) -> None:
        self._each = each
        self._free = asyncio.Semaphore(at_a_time)
        self._asked: Counter[str] = Counter()

    @asynccontextmanager
    async def place(self, who: str, what: str) -> AsyncIterator[None]:
        """A place, after those who asked before; raises Busy, which names `what`, for too many."""
        if self._asked[who] >= self._each:
            raise Busy(f"{what} is asked for too often at once: try again in a moment")
        self._asked[who] += 1
        try:
            async with self._free:
                yield
        finally:
            self._asked[who] -= 1
            if not self._asked[who]:
                del self._asked[who]

    async def do(self, who: str, what: str, work: Callable[[], _Result]) -> _Result:
        """Do the work on a thread, at a place."""
        async with self.place(who, what):
            return await asyncio.to_thread(work)
