"""The guard of the HTTPS API: nobody holds it open who brings no request, or takes no answer.

A connection has a place from the moment it is accepted. It must bring a whole request in time,
again after each answer, and take the answer in time. When all places are taken, the source that has
most of them makes room: with its connection that has waited longest. For newcomers of that very
source it does so only some times a second; the others are sent away before TLS costs anything. So
whoever only holds connections open, or opens ever new ones, shuts nobody out.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

from federation.runtime.rates import Bucket, Rate
from federation.runtime.room import Room

MAX_CONNECTIONS = 500
REQUEST_SECONDS = 10.0
HANDSHAKE_SECONDS = 5.0
ANSWER_BYTES_AT_LEAST = 64 * 1024
"""So much of an answer must be taken in `REQUEST_SECONDS`, or all of it."""
LINE_BYTES = 8_190
FIELD_BYTES = 8_190
HEADERS = 100
OWN_ROOM = Rate(200, 20.0)
"""How often a source that has most connections is given room for more of them, at its own cost."""
_BITS_OF_A_NETWORK = 64

SETTINGS: dict[str, Any] = {
    "max_line_size": LINE_BYTES,
    "max_field_size": FIELD_BYTES,
    "max_headers": HEADERS,
}
"""For the runner of the API."""

Factory = Callable[[], asyncio.Protocol]


@dataclass(eq=False, slots=True)
class Place:
    """One connection, and how it is ended.

    `left` is how much of an answer it had not taken when it was last looked at.
    """

    end: Callable[[], object]
    transport: asyncio.Transport | None = None
    clock: asyncio.TimerHandle | None = None
    left: int | None = None


class ConnectionGuard:
    """The connections at the API; those that wait for a whole request are known oldest first."""

    def __init__(self, most: int = MAX_CONNECTIONS, seconds: float = REQUEST_SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._room: Room[Place] = Room(most)
        self._places: dict[asyncio.BaseProtocol, Place] = {}
        self._own_room = Bucket(OWN_ROOM, 0.0)

    def __len__(self) -> int:
        return len(self._room)

    def admit(self, address: str, end: Callable[[], object]) -> Place | None:
        """A place for a connection that was accepted; None when there is none.

        `end` ends it while its TLS is not done yet.
        """
        source, place = source_of(address), Place(end)
        is_full = len(self._room) >= self._most
        now = asyncio.get_running_loop().time()
        if is_full and self._room.has_most(source) and not self._own_room.take(now):
            return None
        longest = self._room.enter(place, source)
        if longest is not None:
            self._cut(longest)
        elif is_full:
            self._room.leave(place)
            return None
        return place

    def guard(self, factory: Factory, place: Place) -> Factory:
        """The same factory; the guard hears of the beginning and end of the protocol it makes."""
        return lambda: _Watched(factory(), self, place)

    def enter(
        self, protocol: asyncio.BaseProtocol, transport: asyncio.Transport, place: Place
    ) -> None:
        """A connection whose TLS is done."""
        place.transport, place.end = transport, transport.abort
        if place not in self._room:
            transport.abort()
            return
        self._places[protocol] = place
        self._wait(place)

    def wait(self, protocol: asyncio.BaseProtocol) -> None:
        """A connection that has to bring a request from now on, and to take the last answer."""
        place = self._places.get(protocol)
        if place is not None:
            place.left = None
            self._wait(place)

    def answer(self, protocol: asyncio.BaseProtocol) -> None:
        """A connection that has brought a whole request; making the answer takes what it takes."""
        place = self._places.get(protocol)
        if place is not None:
            self._stop_clock(place)
            self._room.answer(place)

    def leave(self, place: Place) -> None:
        """A connection that has ended."""
        self._stop_clock(place)
        self._room.leave(place)

    def forget(self, protocol: asyncio.BaseProtocol) -> None:
        """The same, by its protocol."""
        place = self._places.pop(protocol, None)
        if place is not None:
            self.leave(place)

    def _wait(self, place: Place) -> None:
        self._stop_clock(place)
        if place in self._room:
            self._room.wait(place)
            loop = asyncio.get_running_loop()
            place.clock = loop.call_later(self._seconds, self._look, place)

    def _stop_clock(self, place: Place) -> None:
        if place.clock is not None:
            place.clock.cancel()
            place.clock = None

    def _look(self, place: Place) -> None:
        """Its time is over: it goes, unless it is taking a long answer."""
        left = place.transport.get_write_buffer_size() if place.transport is not None else 0
        before, place.left = place.left, left
        if left and (before is None or before - left >= ANSWER_BYTES_AT_LEAST):
            self._wait(place)
        else:
            self._cut(place)

    def _cut(self, place: Place) -> None:
        self.leave(place)
        place.end()


def source_of(address: str) -> bytes:
    """Whose an address is: with IPv6 a network of 64 bits is one host's."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address.encode()
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return mapped.packed if mapped else found.packed[: _BITS_OF_A_NETWORK // 8]
    return found.packed


class _Watched(asyncio.Protocol):
    """A protocol of which the guard hears; all else passes through."""

    def __init__(self, inner: asyncio.Protocol, guard: ConnectionGuard, place: Place) -> None:
        self._inner = inner
        self._door = guard
        self._place = place

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)
        self._door.enter(self._inner, transport, self._place)  # type: ignore[arg-type] # TCP with TLS

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.forget(self._inner)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
