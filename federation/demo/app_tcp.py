"""The demo's application over TCP: the server speaks first, then echoes every line.

In: bytes of a client. Out: one line of JSON {cluster, workload, version} when it connects, and each
whole line again until the client closes.
"""

import asyncio
from typing import cast

from federation.demo.app_work import Work, line_of

MAX_LINE_BYTES = 64 * 1024


class Stream(asyncio.Protocol):
    """A connection that is not read from while its client does not read."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self.transport = None

    def pause_writing(self) -> None:
        """The client does not keep up."""
        if self.transport is not None:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self.transport is not None:
            self.transport.resume_reading()


class Echo(Stream):
    """One client; what it sent after its last line end is not answered."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who answers, before anything is asked."""
        super().connection_made(transport)
        self._work.process("", effect=False)
        cast(asyncio.Transport, transport).write(line_of(self._work.who))

    def data_received(self, data: bytes) -> None:
        """Send back what are whole lines by now."""
        whole, end, self._rest = (self._rest + data).rpartition(b"\n")
        if self.transport is None:
            return
        if end:
            self.transport.write(whole + end)
        if len(self._rest) > MAX_LINE_BYTES:
            self.transport.abort()
