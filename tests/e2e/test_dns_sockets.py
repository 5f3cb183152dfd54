"""The DNS server's own sockets: limits per source over UDP and TCP, peers that are gone, IPv6."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from dnslib import DNSRecord

from cluster_agent.dns.rate_limit import Sources
from cluster_agent.dns.server import DnsServer, TcpLimits
from federation.runtime.descriptors import raise_limit
from federation.runtime.tasks import cancel, start
from tests.unit.cluster_agent.dns.test_dns_answer import NAME, query, table

PORT = 15053
HOST = "127.0.8.53"


@asynccontextmanager
async def serving(per_second: int, host: str = HOST) -> AsyncIterator[DnsServer]:
    server = DnsServer(table(), Sources(per_second), TcpLimits(Sources(per_second)))
    async with server.serving(host, PORT):
        yield server


async def over_tcp(host: str = HOST, source: str | None = None) -> DNSRecord | None:
    """One question; None when the connection is closed without an answer."""
    local = None if source is None else (source, 0)
    reader, writer = await asyncio.open_connection(host, PORT, local_addr=local)
    asked = query(NAME)
    writer.write(len(asked).to_bytes(2, "big") + asked)
    try:
        length = int.from_bytes(await reader.readexactly(2), "big")
        return DNSRecord.parse(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    finally:
        writer.close()


async def over_udp(count: int, host: str = HOST) -> list[DNSRecord]:
    """What comes of so many questions at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect((host, PORT))
        for _ in range(count):
            asking.send(query(NAME))
        await asyncio.sleep(0.2)
        found = []
        while True:
            try:
                found.append(DNSRecord.parse(asking.recv(4096)))
            except BlockingIOError:
                return found


async def test_who_asks_too_much_over_udp_has_tcp_left_and_a_count_there_too() -> None:
    async with serving(5) as server:
        replies = await over_udp(15)
        assert sum(bool(reply.rr) for reply in replies) == 5
        assert sum(bool(reply.header.tc) for reply in replies) == 5
        answers = [await over_tcp() for _ in range(7)]
        assert sum(answer is not None and bool(answer.rr) for answer in answers) == 5
        assert server.limited == 10 + 2


@pytest.mark.parametrize("said", [b"\xff\xff", b"\x00\x40"], ids=["too long", "nothing more"])
async def test_a_query_that_is_too_long_or_does_not_come_over_tcp_is_closed(said: bytes) -> None:
    limited = TcpLimits(Sources(1_000), silent_seconds=0.2)
    async with DnsServer(table(), Sources(1_000), limited).serving(HOST, PORT):
        reader, writer = await asyncio.open_connection(HOST, PORT)
        writer.write(said)
        assert await reader.read() == b""
        writer.close()
        assert await over_tcp() is not None


async def test_a_peer_that_has_gone_at_once_is_no_event(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(1_000):
        for _ in range(50):
            with socket.socket() as peer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.connect((HOST, PORT))
        await asyncio.sleep(0.2)
        assert await over_tcp() is not None
    assert caplog.text == ""


async def test_an_address_of_ipv6_answers_ipv6_over_both_transports() -> None:
    async with serving(1_000, "::1"):
        assert await over_tcp("::1") is not None
        assert len(await over_udp(1, "::1")) == 1


async def test_all_addresses_of_ipv6_are_none_of_ipv4_over_either_transport() -> None:
    async with serving(1_000, "::"):
        with pytest.raises(ConnectionRefusedError):
            await over_udp(2, HOST)
        with pytest.raises(ConnectionRefusedError):
            await over_tcp(HOST)


async def _hold(source: str, said: bytes, opened: list[str]) -> None:
    """Keep a connection open that brings no whole query; open it again when it is closed."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(HOST, PORT, local_addr=(source, 0))
            try:
                opened.append(source)
                writer.write(said)
                await reader.read()
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.05)


async def _seconds_of(questions: int, source: str) -> list[float]:
    """How long each of so many questions takes, 20 a second; all of them are answered."""
    loop, took = asyncio.get_running_loop(), []
    for _ in range(questions):
        began = loop.time()
        answer = await over_tcp(HOST, source)
        assert answer is not None
        assert answer.rr
        took.append(loop.time() - began)
        await asyncio.sleep(max(0.0, 0.05 - took[-1]))
    return sorted(took)


@pytest.mark.parametrize("said", [b"", b"\0"], ids=["nothing", "one byte"])
async def test_connections_that_bring_no_query_do_not_shut_dns_over_tcp(said: bytes) -> None:
    """A thousand from twenty sources; the honest one is a stranger, then one of the twenty."""
    raise_limit()
    async with serving(100_000):
        quiet = await _seconds_of(20, "127.0.0.1")
        opened: list[str] = []
        flood = [
            start(_hold(f"127.0.9.{source}", said, opened), f"flood-{source}-{number}")
            for source in range(1, 21)
            for number in range(50)
        ]
        try:
            while len(opened) < 1_000:  # noqa: ASYNC110 - others fill it
                await asyncio.sleep(0.05)
            beside = await _seconds_of(20, "127.0.0.1")
            mates = await _seconds_of(20, "127.0.9.7")
        finally:
            for task in flood:
                await cancel(task)
    assert len(opened) > 1_000, "whoever was cut off came again"
    for seconds in (beside, mates):
        assert seconds[-1] < max(1.0, 10 * quiet[-1])
