"""Both ends of a sync stream in memory: what one end writes, the other reads."""

import asyncio
from typing import Any


class MemoryLink:
    """One end of a stream; see `federation.wire.rpc.streams.Link`."""

    def __init__(self, incoming: asyncio.Queue[Any], outgoing: asyncio.Queue[Any]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self.errors: list[Exception] = []
        """What the next writes raise, in order."""

    async def read(self) -> Any:
        return await self._incoming.get()

    async def write(self, message: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        await self._outgoing.put(message)

    def end(self) -> None:
        """The other end reads the end of the stream."""
        self._outgoing.put_nowait(None)


def linked() -> tuple[MemoryLink, MemoryLink]:
    """A stream's two ends."""
    up: asyncio.Queue[Any] = asyncio.Queue()
    down: asyncio.Queue[Any] = asyncio.Queue()
    return MemoryLink(down, up), MemoryLink(up, down)
