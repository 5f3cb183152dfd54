"""The streams that are open, by whom: of one peer only so many, the oldest makes room.

The newest stays, since whoever comes back after its link broke is not to wait until its old stream
is noticed as dead; and one who holds a stolen token shuts the owner out for no longer than it takes
the owner to come back.
"""

import asyncio
from collections.abc import Coroutine, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from federation.model.errors import NotReady
from federation.runtime.tasks import start


class Streams:
    """Streams by key; `reason` is what the peer of one that is ended hears."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._open: dict[Hashable, list[asyncio.Task[Any]]] = {}

    async def run(
        self, key: Hashable, most: int, work: Coroutine[Any, Any, None], name: str
    ) -> None:
        """Run a stream to its end; raises NotReady when it is ended from here."""
        stream = start(work, name)
        with self.place(key, most, stream):
            await self._to_its_end(stream)

    @contextmanager
    def place(self, key: Hashable, most: int, stream: asyncio.Task[Any]) -> Iterator[None]:
        """Count a stream that runs as one of `key`, too."""
        streams = self._open.setdefault(key, [])
        streams.append(stream)
        if len(streams) > most:
            streams.pop(0).cancel()
        try:
            yield
        finally:
            if stream in streams:
                streams.remove(stream)
            if not streams and self._open.get(key) is streams:
                del self._open[key]

    def has(self, key: Hashable) -> bool:
        """Whether a peer has a stream open."""
        return key in self._open

    def end(self, key: Hashable) -> None:
        """End all streams of a peer."""
        for stream in self._open.get(key, []):
            stream.cancel()

    async def _to_its_end(self, stream: asyncio.Task[Any]) -> None:
        """Wait for a stream that somebody may end.

        gRPC tells the peer nothing of a handler that is cancelled, but of one that raises.
        """
        task = asyncio.current_task()
        try:
            await stream
        except asyncio.CancelledError:
            if task is None or task.cancelling():
                raise
            raise NotReady(self._reason) from None
