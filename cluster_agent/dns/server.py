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
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from cluster_agent.dns.answer import TCP_SIZE, Counts, answer, truncated
from cluster_agent.dns.rate_limit import Sources
from cluster_agent.dns.table import Table
from cluster_agent.dns.udp_batches import LARGEST, Packets, is_supported
from federation.model.addresses import counted_as
from federation.model.errors import Failed
from federation.runtime.binding import patiently
from federation.runtime.logs import event
from federation.runtime.loops import Loop, running
from federation.runtime.room import Room

log = logging.getLogger(__name__)

_BUFFER_BYTES = 4 << 20
_BACKLOG = 1_024
"""Connections that wait to be taken; beyond, a client tries again after a second."""
_TCP_BUFFER_BYTES = 8 << 10
"""What the system keeps of what a connection sends: no more than a query or two."""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """What sources may ask; connections in all and of one; how long it may be silent (seconds).

    Beyond those numbers the connection that has waited longest without a whole query makes room, of
    a source that has its share one of its own.
    """

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
        self._room: Room[asyncio.StreamWriter] = Room(tcp.connections, tcp.of_one_source)
        self.counts = Counts()
        self.spent = Spent()
        self.ticking = Loop("dns-seconds", self._tick)
        """Counts anew every second what sources may ask."""

    @contextlib.asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[None]:
        """Listen at (host, port) while the context lasts; raises Failed when it is taken."""
        if not is_supported():
            raise Failed("fedmesh-dns needs Linux on a machine of 64 bits")
        loop = asyncio.get_running_loop()
        try:
            udp, tcp = await patiently(partial(_sockets, host, port), f"{host}:{port}")
        except OSError as error:
            raise cannot_listen("listen", f"{host}:{port}") from error
        server = await asyncio.start_server(
            self._serve_tcp, sock=tcp, limit=LARGEST, backlog=_BACKLOG
        )
        loop.add_reader(udp, self._read_batch, Packets(udp))
        try:
            async with running([self.ticking]):
                yield
        finally:
            loop.remove_reader(udp)
            udp.close()
            server.close()

    async def _tick(self) -> None:
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
        longest = self._room.enter(writer, counted_as(source))
        if longest is not None:
            longest.transport.abort()
        try:
            while await self._serve_one(source, reader, writer):
                pass
        finally:
            self._room.leave(writer)
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
                query = await reader.readexactly(length)
                self._room.wait(writer)
                reply = self._reply_over_tcp(source, query)
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


async def _sockets(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """One for UDP and one for TCP at (host, port); raises OSError when that is taken."""
    udp = _socket(socket.SOCK_DGRAM, host, port, _BUFFER_BYTES)
    try:
        return udp, _socket(socket.SOCK_STREAM, host, port, _TCP_BUFFER_BYTES)
    except OSError:
        udp.close()
        raise


def _socket(kind: socket.SocketKind, host: str, port: int, buffer_bytes: int) -> socket.socket:
    """A socket of this kind at (host, port); raises OSError when that is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, kind)
    found.setblocking(False)
    if family is socket.AF_INET6:  # IPv4 has an address of its own
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if kind is socket.SOCK_STREAM:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    else:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    try:
        found.bind((host, port))
    except OSError:
        found.close()
        raise
    return found


def cannot_listen(field: str, address: str) -> Failed:
    """What to say of an address in the settings that cannot be listened at."""
    return Failed(f"{field}: cannot listen at {address}: is it taken, or not allowed?")
