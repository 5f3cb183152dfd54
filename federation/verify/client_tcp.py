"""The load generator's TCP: one connection for each request, on which the server speaks first.

In: calls. Out: their ends. A call is good when the server said who it is, and sent back the one
line that it got.
"""

import asyncio
import time
from typing import cast

from federation.runtime import tasks
from federation.verify.call import NO_CONNECTION, OK, Call, Load, who_answered

_MAX_ANSWER_BYTES = 64 * 1024


class Exchange(asyncio.Protocol):
    """One connection and its call; `over` is set when nothing more is to come."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._line = f"{call.id}\n".encode()
        self._received = b""
        self._sent = False
        self._transport: asyncio.Transport | None = None
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The other side accepted; it is its turn."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side closed."""
        self._end("reset" if exc is not None else "closed")

    def data_received(self, data: bytes) -> None:
        """Part of what the server says first, or of the echo."""
        self._received += data
        first, end, echo = self._received.partition(b"\n")
        if len(self._received) > _MAX_ANSWER_BYTES:
            self._end("protocol: the answer does not end")
        elif end and not self._sent:
            self._send(first, echo)
        elif self._sent and not self._line.startswith(echo):
            self._end(f"protocol: the echo is {echo[:40]!r}")
        elif echo == self._line:
            self._call.answered(OK, who_answered(first), time.monotonic())
            self._end("")

    def time_out(self) -> None:
        """End the call, for it took too long."""
        self._end("connect: timeout" if self._transport is None else "timeout")

    def refused(self) -> None:
        """There is no connection."""
        self._end("connect: refused")

    def _send(self, first: bytes, early: bytes) -> None:
        if not any(who_answered(first)) or early:
            self._end(f"protocol: the server began with {(first + early)[:40]!r}")
        elif self._transport is not None:
            self._sent = True
            self._transport.write(self._line)

    def _end(self, error: str) -> None:
        self._call.failed(error, time.monotonic())  # has no effect on a call that is over
        self.over.set()
        if self._transport is not None:
            self._transport.close()


class TcpClient:
    """Opens a connection for each call."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, call: Call) -> None:
        """Connect, and exchange one line."""
        if len(self._running) >= self._load.connections:
            call.failed(NO_CONNECTION, time.monotonic())
            return
        running = tasks.start(self._exchange(call), f"tcp-{call.id}")
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Wait for the last calls; each closes its connection."""
        await asyncio.gather(*self._running)

    async def _exchange(self, call: Call) -> None:
        loop, load = asyncio.get_running_loop(), self._load
        exchange = Exchange(call)
        try:
            async with asyncio.timeout(load.timeout):
                await loop.create_connection(lambda: exchange, load.host, load.port)
                await exchange.over.wait()
        except TimeoutError:
            exchange.time_out()
        except OSError:
            exchange.refused()
