"""A link that is read no faster than its messages are worked off: no peer takes all the time.

The work on a message runs in the event loop, between two reads; after it the peer waits as long as
it took of the processor. Around the link of whoever may be hostile; next on the way is
`federation.wire.pump`.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from federation.wire.links import Link

LONGEST_PAUSE_SECONDS = 0.2
SHORTEST_PAUSE_SECONDS = 0.02
"""Work that is over sooner costs nobody anything."""


class Paced:
    """A link whose peer gets at most half of the time; `clock` counts what this thread worked."""

    def __init__(self, link: Link[Any, Any], clock: Callable[[], float] = time.thread_time) -> None:
        self._link = link
        self._clock = clock
        self._given_at: float | None = None

    async def read(self) -> Any:
        """The next message, None when the peer has ended the stream."""
        if self._given_at is not None:
            took = self._clock() - self._given_at
            if took > SHORTEST_PAUSE_SECONDS:
                await asyncio.sleep(min(took, LONGEST_PAUSE_SECONDS))
        message = await self._link.read()
        self._given_at = self._clock()
        return message

    async def write(self, message: Any) -> None:
        """Send one message."""
        await self._link.write(message)
