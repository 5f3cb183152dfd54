"""A link that is read no faster than its messages are worked off: no peer takes all the time.

The work on a message runs in the event loop, between two reads; after it the peer waits as long as
it took of the processor. `federation.wire.rpc.server` puts it around every stream of whoever may be
hostile, and `federation.wire.rpc.run_session` rests likewise after the work of the other half.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from federation.wire.rpc.streams import Link

LONGEST_PAUSE_SECONDS = 1.0
SHORTEST_PAUSE_SECONDS = 0.02
"""Work that is over sooner costs nobody anything."""


async def rest(took: float) -> None:
    """Give others as much time as some work took of the processor."""
    if took > SHORTEST_PAUSE_SECONDS:
        await asyncio.sleep(min(took, LONGEST_PAUSE_SECONDS))


class Paced:
    """A link whose peer gets at most half of the time; `clock` counts what this thread worked.

    `decode` makes a message of what is read, and is work as well.
    """

    def __init__(
        self,
        link: Link[Any, Any],
        decode: Callable[[Any], Any] = lambda message: message,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._link = link
        self._decode = decode
        self._clock = clock
        self._given_at: float | None = None

    async def read(self) -> Any:
        """The next message, None when the peer has ended the stream."""
        if self._given_at is not None:
            await rest(self._clock() - self._given_at)
        data = await self._link.read()
        self._given_at = self._clock()
        return None if data is None else self._decode(data)

    async def write(self, message: Any) -> None:
        """Send one message."""
        await self._link.write(message)
