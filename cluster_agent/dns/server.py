"""The sockets of the DNS server: UDP and TCP at one address.

A shell: queries go through `limits` and `answer`, replies go out. UDP packets are read in batches
(`packets`), which costs a fraction of a datagram transport.
"""

import asyncio
import contextlib
import ipaddress
import logging
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cluster_agent.dns.answer import TCP_SIZE, Counts, answer, truncated
from cluster_agent.dns.limits import Sources
from cluster_agent.dns.packets import LARGEST, Packets, is_supported
from cluster_agent.dns.table import Table
from federation.model.errors import Failed
from federation.runtime.logs import event
from federation.runtime.tasks import cancel, start

log = logging.getLogger(__name__)

_BUFFER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """What sources may ask; connections in all and of one; how long it may be silent (seconds)."""

    sources: Sources
    connections: int = 1_000
    of_one_source: int = 50
    silent_seconds: float = 10.0


@dataclass(slots=True)
class Spent:
    """How many queries were answered, and the seconds that took in all."""

    queries: int = 0
    seconds: float = 0.0


class DnsServer:
    """Answers from a table.

    What a source may ask over TCP is counted apart: whoever asks too much over UDP in the name of
    another does not take that way from it.
    """

    def __init__(self, table: Table, udp_sources: Sources, tcp: TcpLimits) -> None:
        self._table = table
        self._udp_sources = udp_sources
        self._tcp = tcp
        self._connections: Counter[bytes] = Counter()
        self.counts = Counts()
        self.spent = Spent()

    @contextlib.asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[None]:
        """Listen at (host, port) while the context lasts; raises Failed when it is taken."""
        if not is_supported():
            raise Failed("fedmesh-dns needs Linux on a machine of 64 bits")
        udp = _udp_socket(host, port)
        loop = asyncio.get_running_loop()
        try:
            server = await asyncio.start_server(self._serve_tcp, host, port)
        except OSError as error:
            udp.close()
            raise cannot_listen("listen", f"{host}:{port}") from error
        loop.add_reader(udp, self._read_batch, Packets(udp))
        ticking = start(self._tick(), "dns-seconds")
        try:
            yield
        finally:
            await cancel(ticking)
            loop.remove_reader(udp)
            udp.close()
            server.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._udp_sources.tick()
            self._tcp.sources.tick()

    def _read_batch(self, packets: Packets) -> None:
        began = time.perf_counter()
        count = packets.answer(self._reply)
        self.spent.queries += count
        self.spent.seconds += time.perf_counter() - began

    def _reply(self, source: bytes, query: bytes) -> bytes | None:
        """A query that finds a bug has no answer, and those beside it have theirs."""
        if not self._udp_sources.take(source):
            return truncated(query) if self._udp_sources.is_told else None
        try:
            return answer(self._table, query, self.counts)
        except Exception:
            log.exception(event("query failed", query=query[:100].hex()))
            return None

    def _reply_over_tcp(self, source: bytes, query: bytes) -> bytes | None:
        if not self._tcp.sources.take(source):
            return None
        try:
            return answer(self._table, query, self.counts, TCP_SIZE)
        except Exception:
            log.exception(event("query failed", query=query[:100].hex()))
            return None

    @property
    def limited(self) -> int:
        """How many queries were above the limits of their sources."""
        return self._udp_sources.limited + self._tcp.sources.limited

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None:  # it has gone already
            writer.close()
            return
        source = _packed(str(peer[0]))
        total = self._connections.total()
        if total >= self._tcp.connections or self._connections[source] >= self._tcp.of_one_source:
            writer.close()
            return
        self._connections[source] += 1
        try:
            while await self._serve_one(source, reader, writer):
                pass
        finally:
            self._connections[source] -= 1
            if not self._connections[source]:
                del self._connections[source]
            writer.close()

    async def _serve_one(
        self, source: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One query of a connection; whether another may follow."""
        try:
            async with asyncio.timeout(self._tcp.silent_seconds):
                length = int.from_bytes(await reader.readexactly(2), "big")
                if length > LARGEST:
                    return False
                reply = self._reply_over_tcp(source, await reader.readexactly(length))
                if reply is None:
                    return False
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return False
        self.spent.queries += 1
        return True


def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address.partition("%")[0]).packed


def _udp_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_DGRAM)
    found.setblocking(False)
    if family is socket.AF_INET6:  # as TCP: IPv4 has an address of its own
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise cannot_listen("listen", f"{host}:{port}") from error
    return found


def cannot_listen(field: str, address: str) -> Failed:
    """What to say of an address in the settings that cannot be listened at."""
    return Failed(f"{field}: cannot listen at {address}: is it taken, or not allowed?")
