"""Taking an address that another program still has: tried for a while before that is an error.

For a process that starts: the one before it may need a moment to end, an address may come a moment
later than the process. Whoever is told that it cannot be had ends, and is started again.
"""

from collections.abc import Awaitable, Callable
from errno import EADDRINUSE, EADDRNOTAVAIL
from typing import TypeVar

from federation.runtime.loops import persist

PATIENCE_SECONDS = 6.0
AGAIN_SECONDS = 0.3
PASSING = frozenset({EADDRINUSE, EADDRNOTAVAIL})
"""What may be over in a moment; that it is not permitted is not."""

Taken = TypeVar("Taken")


async def patiently(take: Callable[[], Awaitable[Taken]], address: str) -> Taken:
    """What `take` returns; raises its OSError when the address cannot be had in time."""
    return await persist(
        address,
        take,
        says="cannot listen yet",
        passes=_may_pass,
        patience=PATIENCE_SECONDS,
        longest_pause=AGAIN_SECONDS,
    )


def _may_pass(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in PASSING
