"""Where the API takes connections: the guard admits them, and only then TLS begins.

In: an address, the guard, how a connection is served. Out: connections of which the guard knows
as soon as they are accepted; what a stranger may have in TLS handshakes is bounded with the rest.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from federation.apiserver.connection_guard import HANDSHAKE_SECONDS, ConnectionGuard, Factory, Place
from federation.model.errors import Failed
from federation.runtime.binding import patiently
from federation.runtime.loops import Loop, running
from federation.runtime.tasks import cancel, start

_BACKLOG = 1_024
_AT_A_TIME = 50


class Listening:
    """Takes connections from sockets that listen, and serves them behind the guard."""

    def __init__(self, guard: ConnectionGuard, factory: Factory, context: ssl.SSLContext) -> None:
        self._door = guard
        self._factory = factory
        self._context = context
        self._handshakes: set[asyncio.Task[None]] = set()

    def loop(self, listening: socket.socket) -> Loop:
        """Takes connections of one socket for ever."""
        return Loop("api", partial(self._take_some, listening), says="connection not taken")

    async def _take_some(self, listening: socket.socket) -> None:
        """Wait for one, and take those that wait, up to a number: others are served between."""
        taken, address = await asyncio.get_running_loop().sock_accept(listening)
        with contextlib.suppress(BlockingIOError):
            for _ in range(_AT_A_TIME):
                self.take(taken, str(address[0]))
                taken, address = listening.accept()
                taken.setblocking(False)
            self.take(taken, str(address[0]))

    def take(self, taken: socket.socket, address: str) -> None:
        """Begin TLS with a connection, when the guard has a place for it."""
        waiting: list[asyncio.Task[None]] = []
        place = self._door.admit(address, lambda: [task.cancel() for task in waiting])
        if place is None:
            taken.close()
            return
        task = start(self._shake_hands(taken, place), "api-handshake")
        waiting.append(task)
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, taken: socket.socket, place: Place) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._door.guard(self._factory, place),
                taken,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except BaseException as error:
            self._door.leave(place)
            taken.close()
            if not isinstance(error, OSError):  # a stranger's TLS, or its end
                raise

    async def end(self) -> None:
        """End the handshakes that are under way."""
        for task in tuple(self._handshakes):
            await cancel(task)


@asynccontextmanager
async def listen(
    host: str, port: int, guard: ConnectionGuard, factory: Factory, context: ssl.SSLContext
) -> AsyncIterator[None]:
    """Take connections while the context lasts; raises Failed when the address cannot be taken."""
    try:
        sockets = await patiently(partial(_sockets, host, port), f"{host}:{port}")
    except OSError as error:
        raise Failed(
            f"api_listen: cannot listen at {host}:{port}: is it taken by another program?"
        ) from error
    listening = Listening(guard, factory, context)
    try:
        async with running(listening.loop(one) for one in sockets):
            yield
    finally:
        await listening.end()
        for one in sockets:
            one.close()


async def _sockets(host: str, port: int) -> list[socket.socket]:
    """One for each address that the name stands for."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[socket.socket] = []
    with contextlib.ExitStack() as opened:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = opened.enter_context(socket.socket(family, kind, protocol))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.setblocking(False)
            one.bind(address)
            one.listen(_BACKLOG)
            made.append(one)
        opened.pop_all()
    return made
