"""The door of the HTTPS API: nobody holds it open who brings no request.

A connection must bring a whole request in time, again after each answer. When there are too many
connections, the one that has waited longest without a whole request makes room. So whoever only
holds connections open, or sends ever so slowly, shuts nobody out.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from federation.runtime.room import Room

MAX_CONNECTIONS = 500
REQUEST_SECONDS = 10.0
HANDSHAKE_SECONDS = 5.0
LINE_BYTES = 8_190
FIELD_BYTES = 8_190
HEADERS = 100

SETTINGS: dict[str, Any] = {
    "max_line_size": LINE_BYTES,
    "max_field_size": FIELD_BYTES,
    "max_headers": HEADERS,
}
"""For the runner of the API."""

Factory = Callable[[], asyncio.Protocol]


class Door:
    """The connections at the API; those that wait for a whole request are known oldest first."""

    def __init__(self, most: int = MAX_CONNECTIONS, seconds: float = REQUEST_SECONDS) -> None:
        self._seconds = seconds
        self._room: Room[asyncio.BaseProtocol] = Room(most)
        self._transports: dict[asyncio.BaseProtocol, asyncio.Transport] = {}
        self._clocks: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._room)

    def guard(self, factory: Factory) -> Factory:
        """The same factory of protocols; the door hears of their beginning and end."""
        return lambda: _Watched(factory(), self)

    def enter(self, protocol: asyncio.BaseProtocol, transport: asyncio.Transport) -> None:
        """A connection whose TLS is done."""
        longest = self._room.enter(protocol)
        if longest is not None:
            self._cut(longest)
        self._transports[protocol] = transport
        self.wait(protocol)

    def wait(self, protocol: asyncio.BaseProtocol) -> None:
        """A connection that has to bring a request from now on."""
        self._stop_clock(protocol)
        if protocol in self._room:
            self._room.wait(protocol)
            loop = asyncio.get_running_loop()
            self._clocks[protocol] = loop.call_later(self._seconds, self._end, protocol)

    def answer(self, protocol: asyncio.BaseProtocol) -> None:
        """A connection that has brought a whole request; the answer may take as long as it does."""
        self._stop_clock(protocol)
        self._room.answer(protocol)

    def leave(self, protocol: asyncio.BaseProtocol) -> None:
        """A connection that has ended."""
        self._stop_clock(protocol)
        self._room.leave(protocol)
        self._transports.pop(protocol, None)

    def _stop_clock(self, protocol: asyncio.BaseProtocol) -> None:
        timer = self._clocks.pop(protocol, None)
        if timer is not None:
            timer.cancel()

    def _end(self, protocol: asyncio.BaseProtocol) -> None:
        if self._transports[protocol].get_write_buffer_size():
            self.wait(protocol)  # it still reads the last answer
        else:
            self._cut(protocol)

    def _cut(self, protocol: asyncio.BaseProtocol) -> None:
        transport = self._transports[protocol]
        self.leave(protocol)
        transport.abort()


class _Watched(asyncio.Protocol):
    """A protocol of which the door hears; all else passes through."""

    def __init__(self, inner: asyncio.Protocol, door: Door) -> None:
        self._inner = inner
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)
        self._door.enter(self._inner, transport)  # type: ignore[arg-type] # TCP with TLS

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self._inner)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
