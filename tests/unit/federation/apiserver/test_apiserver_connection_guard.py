"""Whoever holds connections to the API open shuts nobody out: with real TLS on the loopback."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from federation.apiserver.connection_guard import ConnectionGuard, Place, source_of
from federation.apiserver.server import make_api, serve_api
from federation.apiserver.tls import tls_context
from federation.model.errors import Failed
from federation.runtime import binding
from federation.runtime.clock import utc_now
from tests.unit.fakes.authorities import make_authority
from tests.unit.fakes.fake_transport import FakeTransport
from tests.unit.fakes.let_in import parts
from tests.unit.federation.apiserver.test_apiserver_server import FakeApplication
from tests.unit.federation.wire.rpc.test_rpc_channel import free_address

pytestmark = pytest.mark.waits

HOST = "127.0.0.1"
REQUEST = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


class Speaking(FakeApplication):
    """With a root certificate of any length."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def root_pem(self) -> bytes:
        return bytes(self._size)


def shown() -> ssl.SSLContext:
    return tls_context(make_authority(utc_now()).identity(utc_now()))


@asynccontextmanager
async def served(
    most: int, seconds: float = 0.3, answer_bytes: int = 3
) -> AsyncIterator[tuple[int, ConnectionGuard]]:
    guard, port = ConnectionGuard(most, seconds), int(free_address().rpartition(":")[2])
    api = make_api(parts(Speaking(answer_bytes), "token"), guard)
    async with serve_api(api, guard, HOST, port, shown()):
        yield port, guard


async def entered(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection whose TLS is done."""
    believing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    believing.check_hostname = False
    believing.verify_mode = ssl.CERT_NONE
    return await asyncio.open_connection(HOST, port, ssl=believing)


async def answer(port: int) -> bytes:
    reader, writer = await entered(port)
    writer.write(REQUEST)
    found = await reader.readuntil(b"\r\n")
    writer.close()
    return found


async def ended(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(3.0):
            await reader.read()
    except TimeoutError:
        return False
    except (ConnectionError, ssl.SSLError):
        return True
    return True


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nhost:",
        b"POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx",
    ],
    ids=["nothing", "half-a-head", "half-a-body"],
)
async def test_who_brings_no_whole_request_in_time_is_cut_off(said: bytes) -> None:
    async with served(5) as (port, guard):
        reader, writer = await entered(port)
        writer.write(said)
        assert await ended(reader)
        assert len(guard) == 0
        writer.close()


async def test_a_connection_that_goes_on_asking_stays() -> None:
    async with served(5) as (port, _):
        reader, writer = await entered(port)
        for _ in range(4):
            writer.write(REQUEST)
            assert b"200" in await reader.readuntil(b"\r\n")
            await reader.readuntil(b"ok\n")
            await asyncio.sleep(0.15)
        writer.close()


async def test_the_longest_silent_makes_room_for_who_asks() -> None:
    async with served(3, 60.0) as (port, guard):
        silent = [await entered(port) for _ in range(6)]
        assert b"200" in await answer(port)
        assert len(guard) <= 3
        assert await ended(silent[0][0])
        for _, writer in silent:
            writer.close()


async def test_an_address_that_is_taken_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binding, "PATIENCE_SECONDS", 0.0)
    async with served(3) as (port, guard):
        api = make_api(parts(FakeApplication(), "token"), guard)
        with pytest.raises(Failed, match="taken by another program"):
            async with serve_api(api, guard, HOST, port, shown()):
                pass


async def asking_for_much(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection with little room, on which a large answer comes."""
    reader, writer = await entered(port)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /v1/trust/root HTTP/1.1\r\nhost: x\r\n\r\n" * 4)
    return reader, writer


async def gone(guard: ConnectionGuard, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while len(guard):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
    return True


async def test_who_takes_no_answer_is_cut_off() -> None:
    async with served(5, 0.2, answer_bytes=4 << 20) as (port, guard):
        _, writer = await asking_for_much(port)
        assert await gone(guard, 5.0)
        writer.transport.abort()


async def test_who_takes_a_long_answer_slowly_gets_all_of_it() -> None:
    size = 4 << 20
    async with served(5, 0.2, answer_bytes=size) as (port, _):
        reader, writer = await entered(port)
        writer.write(b"GET /v1/trust/root HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        taken = 0
        while taken < size:
            taken += len(await reader.readexactly(size // 16))
            await asyncio.sleep(0.05)
        assert taken == size
        writer.close()


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("127.0.0.1", bytes([127, 0, 0, 1])),
        ("::ffff:127.0.0.1", bytes([127, 0, 0, 1])),
        ("2001:db8:1:2:3:4:5:6", bytes.fromhex("20010db800010002")),
        ("fe80::1%eth0", bytes.fromhex("fe80000000000000")),
        ("unix", b"unix"),
    ],
)
def test_a_source_is_an_address_or_a_network_of_64_bits(address: str, source: bytes) -> None:
    assert source_of(address) == source


async def test_the_source_with_most_connections_makes_room_for_others() -> None:
    guard, ended_ = ConnectionGuard(3), []

    def admit(address: str) -> Place | None:
        return guard.admit(address, lambda: ended_.append(address))

    honest = admit("192.0.2.1")
    assert admit("198.51.100.9")
    assert admit("198.51.100.9")
    assert admit("192.0.2.2")
    assert (ended_, len(guard)) == (["198.51.100.9"], 3)
    assert honest is not None
    assert honest in guard._room


async def test_when_all_are_being_answered_nobody_more_is_let_in() -> None:
    guard, protocols = ConnectionGuard(2), [asyncio.Protocol() for _ in range(2)]
    for protocol in protocols:
        place = guard.admit("192.0.2.1", lambda: None)
        assert place is not None
        guard.enter(protocol, FakeTransport(), place)
        guard.answer(protocol)
    assert guard.admit("192.0.2.2", lambda: None) is None
    assert len(guard) == 2
    guard.wait(protocols[0])
    assert guard.admit("192.0.2.2", lambda: None) is not None
    for protocol in protocols:
        guard.forget(protocol)
