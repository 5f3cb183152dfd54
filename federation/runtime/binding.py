"""Taking an address that another program still has: tried for a while before that is an error.

For a process that starts: the one before it may need a moment to end, an address may come a moment
later than the process. Whoever is told that it cannot be had ends, and is started again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from errno import EADDRINUSE, EADDRNOTAVAIL
from typing import TypeVar

from federation.runtime.logs import event

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 6.0
AGAIN_SECONDS = 0.3
PASSING = frozenset({EADDRINUSE, EADDRNOTAVAIL})
"""What may be over in a moment; that it is not permitted is not."""

Taken = TypeVar("Taken")


async def patiently(take: Callable[[], Awaitable[Taken]], address: str) -> Taken:
    """What `take` returns; raises its OSError when the address cannot be had in time."""
    loop = asyncio.get_running_loop()
    latest, is_said = loop.time() + PATIENCE_SECONDS, False
    while True:
        try:
            return await take()
        except OSError as error:
            if error.errno not in PASSING or loop.time() >= latest:
                raise
            if not is_said:
                is_said = True
                log.warning(event("cannot listen yet", address=address, reason=error.strerror))
        await asyncio.sleep(AGAIN_SECONDS)
