"""Connections are refused before TLS, ended within it, and taken again after an error."""

import asyncio
import errno
import socket
from collections.abc import Callable

import pytest

from federation.apiserver.connection_guard import ConnectionGuard
from federation.apiserver.listening import listen
from federation.runtime.rates import Rate
from tests.unit.federation.apiserver.test_apiserver_connection_guard import (
    HOST,
    answer,
    ended,
    served,
    shown,
)

pytestmark = pytest.mark.waits


async def silent(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which TLS never begins."""
    return await asyncio.open_connection(HOST, port)


async def test_handshakes_that_nobody_finishes_make_room_for_who_asks() -> None:
    async with served(3, 60.0) as (port, guard):
        halves = [await silent(port) for _ in range(6)]
        assert b"200" in await answer(port)
        assert len(guard) <= 3
        assert await ended(halves[0][0])
        for _, writer in halves:
            writer.close()


async def test_a_source_that_has_all_places_is_refused_before_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("federation.apiserver.connection_guard.OWN_ROOM", Rate(1, 1e-9))
    async with served(2, 60.0) as (port, guard):
        kept = [await silent(port) for _ in range(3)]  # the third in place of the first
        reader, writer = await silent(port)
        assert await ended(reader)
        assert len(guard) == 2
        for _, one in (*kept, (reader, writer)):
            one.close()


async def test_what_is_no_tls_costs_a_place_for_a_moment_only() -> None:
    async with served(2, 60.0) as (port, guard):
        reader, writer = await silent(port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await ended(reader)
        await asyncio.sleep(0.01)
        assert len(guard) == 0
        writer.close()


class Refusing:
    """A loop whose accept fails some times."""

    def __init__(self, loop: asyncio.AbstractEventLoop, errors: int) -> None:
        self._accept = loop.sock_accept
        self.left = errors

    async def sock_accept(self, listening: socket.socket) -> object:
        if self.left:
            self.left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return await self._accept(listening)


async def test_an_error_in_taking_connections_is_said_and_survived(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    refusing = Refusing(loop, 3)
    monkeypatch.setattr(loop, "sock_accept", refusing.sock_accept)
    async with served(2, 60.0) as (port, _):
        assert b"200" in await answer(port)
    assert caplog.text.count("Too many open files") == 1


async def test_an_end_ends_handshakes_that_are_under_way() -> None:
    factory: Callable[[], asyncio.Protocol] = asyncio.Protocol
    guard = ConnectionGuard()
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    async with listen(HOST, port, guard, factory, shown()):
        reader, writer = await silent(port)
        while not len(guard):  # noqa: ASYNC110 - it is taken in a turn or two
            await asyncio.sleep(0)
    assert await ended(reader)
    assert len(guard) == 0
    writer.close()
