"""Signs of life on a sync stream: whoever receives says every few seconds that it is there.

An open stream is none: the kernel of a frozen process still takes bytes, and what a cut network
drops is missed much later. A beat is a request of a type of its own that nobody answers.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from federation.model.errors import FedmeshError
from federation.runtime.loops import Loop, running
from federation.wire.rpc.streams import Link
from federation.xds.messages import Request

BEAT_SECONDS = 3.0
BEAT = "type.googleapis.com/fedmesh.v1.Beat"


class _Shared:
    """A link that two may write to, one after the other."""

    def __init__(self, link: Link[Any, Any]) -> None:
        self._link = link
        self._writing = asyncio.Lock()

    async def read(self) -> Any:
        return await self._link.read()

    async def write(self, message: Any) -> None:
        async with self._writing:
            await self._link.write(message)


@asynccontextmanager
async def beating(link: Link[Any, Any]) -> AsyncIterator[Link[Any, Any]]:
    """The link of a receiver that says while the context lasts that it is there."""
    shared = _Shared(link)

    async def beat() -> None:
        await asyncio.sleep(BEAT_SECONDS)  # the first word is another one
        with contextlib.suppress(FedmeshError):  # whoever reads hears how the link ended
            await shared.write(Request(BEAT))

    async with running([Loop("beat", beat)]):
        yield shared


class Heard:
    """The link of a sender that hears beats: `on_word` is called with each word of the peer."""

    def __init__(self, link: Link[Any, Any], on_word: Callable[[], None]) -> None:
        self._link = link
        self._on_word = on_word

    async def read(self) -> Any:
        """The next message that is no beat, None when the peer has ended the stream."""
        while (message := await self._link.read()) is not None:
            self._on_word()
            if message.type_url != BEAT:
                return message
        return None

    async def write(self, message: Any) -> None:
        """Send one message."""
        await self._link.write(message)
