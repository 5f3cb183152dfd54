"""Whoever holds connections to the API open shuts nobody out: with real TLS on the loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from federation.api.door import Door
from federation.api.server import make_api, serve_api, tls_context
from federation.model.errors import Failed
from federation.runtime.clock import utc_now
from tests.unit.fakes.authorities import make_authority
from tests.unit.federation.api.test_api_server import FakeApplication
from tests.unit.federation.wire.test_wire_channel import free_address

HOST = "127.0.0.1"
REQUEST = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


def shown() -> ssl.SSLContext:
    return tls_context(make_authority(utc_now()).identity(utc_now()))


@asynccontextmanager
async def served(most: int, seconds: float = 0.3) -> AsyncIterator[tuple[int, Door]]:
    door, port = Door(most, seconds), int(free_address().rpartition(":")[2])
    api = make_api(FakeApplication(), "token", door)
    async with serve_api(api, door, HOST, port, shown()):
        yield port, door


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
    async with served(5) as (port, door):
        reader, writer = await entered(port)
        writer.write(said)
        assert await ended(reader)
        assert len(door) == 0
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
    async with served(3, 60.0) as (port, door):
        silent = [await entered(port) for _ in range(6)]
        assert b"200" in await answer(port)
        assert len(door) <= 3
        assert await ended(silent[0][0])
        for _, writer in silent:
            writer.close()


async def test_an_address_that_is_taken_says_so() -> None:
    async with served(3) as (port, door):
        api = make_api(FakeApplication(), "token", door)
        with pytest.raises(Failed, match="taken by another program"):
            async with serve_api(api, door, HOST, port, shown()):
                pass
