"""Sends heads as they are, beside requests of others that share the same connections.

In: cases of `tests.e2e.heads` and the running proxies. Out: what the others got, and what the
proxies count that nobody may cause.
"""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from federation.model.names import ServiceName, host_name
from tests.e2e.crossings import (
    HTTP1,
    HTTP2,
    INBOUND,
    MTLS,
    OUTBOUND_PORT,
    OWN,
    PLAIN,
    Crossings,
    server_name,
)
from tests.e2e.heads import Head, Stream

AT_ONCE = 8
BATCH = 64
_ANSWER_SECONDS = 1.0
_SLOW_SECONDS = 0.7
_SHARED = (
    r"(cluster\.((out|far)~|app~9080|9080\..*svc-t).*(upstream_cx_destroy_with_active_rq|"
    r"ejections_enforced_total)$|http2\.rx_messaging_error$)"
)


@dataclass(frozen=True, slots=True)
class Door:
    """Where somebody sends requests for a port of a service."""

    way: str
    service: ServiceName
    number: int

    def address(self, world: Crossings) -> tuple[str, int]:
        match self.way:
            case "caller":
                return world.at.caller, OUTBOUND_PORT
            case "entry":
                return world.at.entry(self.service), self.number
            case _ if self.service == OWN:
                return world.at.application, INBOUND
            case _:
                return world.at.gateway, MTLS

    @property
    def host(self) -> bytes:
        return f"{host_name(self.service)}:{self.number}".encode()

    def __str__(self) -> str:
        return f"{self.way}-{self.service.name}-{self.number}"


DOORS = tuple(
    Door(way, service, number)
    for way in ("caller", "entry")
    for service in (OWN, PLAIN)
    for number in (HTTP1, HTTP2)
)
PEERS = tuple(
    Door("peer", service, number) for service in (OWN, PLAIN) for number in (HTTP1, HTTP2)
)


@dataclass(slots=True)
class Others:
    """POSTs of others by every door, always in flight; statuses by door."""

    world: Crossings
    found: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def failed(self) -> dict[tuple[str, str], int]:
        return {key: count for key, count in self.found.items() if key[1] != "200"}

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Three at a time by each door."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._repeat(door)) for door in DOORS for _ in range(3)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _repeat(self, door: Door) -> None:
        line = b"POST /slow/%g HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n\r\nhi"
        while True:
            reader, writer = await asyncio.open_connection(*door.address(self.world))
            try:
                writer.write(line % (_SLOW_SECONDS, door.host))
                head = await reader.readuntil(b"\r\n\r\n")
                self.found[str(door), head.split()[1].decode()] += 1
            except (OSError, asyncio.IncompleteReadError) as error:
                self.found[str(door), type(error).__name__] += 1
            finally:
                writer.transport.abort()


async def harm(world: Crossings) -> dict[str, int]:
    """What proxies count of shared connections that ended, of heads that could not be sent."""
    found = {}
    for name in world.proxies:
        for counter, value in (await world.counted(name, _SHARED)).items():
            if value and not (counter.startswith("http2.") and name in world.faced):
                found[f"{name}: {counter}"] = value
    for reason in world.strict:
        found[reason] = found.get(reason, 0) + 1
    return found


def batches(cases: Iterable[Head | Stream]) -> Iterator[list[Head | Stream]]:
    """So many that one may look through them, once something was found."""
    whole = iter(cases)
    while batch := list(islice(whole, BATCH)):
        yield batch


async def send_heads(world: Crossings, door: Door, batch: list[Head]) -> Counter[bytes]:
    """Each on a connection of its own; the first bytes of what came back."""
    limit = asyncio.Semaphore(AT_ONCE)
    found: Counter[bytes] = Counter()

    async def one(case: Head) -> None:
        async with limit:
            found[await _ask(door.address(world), case.data)] += 1

    await asyncio.gather(*(one(case) for case in batch))
    return found


async def ask(world: Crossings, door: Door, data: bytes) -> bytes:
    """What comes back, its first bytes; `(silence)` when nothing does."""
    return await _ask(door.address(world), data)


async def _ask(address: tuple[str, int], data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(data)
        async with asyncio.timeout(_ANSWER_SECONDS):
            return (await reader.read(65536))[:12]
    except TimeoutError:
        return b"(silence)"
    except OSError:
        return b"(reset)"
    finally:
        writer.transport.abort()


def context_of(world: Crossings, folder: Path) -> ssl.SSLContext:
    """TLS of a peer that has an identity."""
    shown, file = world.mint.shown("shop/web"), folder / "peer.pem"
    file.write_bytes(shown.key + shown.chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(file)
    return context


async def send_streams(
    world: Crossings, door: Door, batch: list[Stream], context: ssl.SSLContext | None
) -> int:
    """All on one connection, or on the next one when it is ended; how many were answered."""
    name = server_name(door.service, door.number) if context else None
    left, answered = list(batch), 0
    while left:
        reader, writer = await asyncio.open_connection(
            *door.address(world), ssl=context, server_hostname=name
        )
        try:
            sent = _write_streams(writer, left)
            answered += await _count_ends(reader, writer, *sent)
            left = left[len(sent[1]) :]
        finally:
            writer.transport.abort()
    return answered


def _write_streams(
    writer: asyncio.StreamWriter, batch: list[Stream]
) -> tuple[H2Connection, set[int]]:
    unchecked = H2Configuration(
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        validate_inbound_headers=False,
    )
    session, streams = H2Connection(unchecked), set()
    session.initiate_connection()
    for case in batch:
        stream = session.get_next_available_stream_id()
        streams.add(stream)
        with contextlib.suppress(ProtocolError, ValueError):  # what h2 cannot write
            session.send_headers(stream, case.headers, end_stream=case.trailers is None)
            if case.trailers is not None:
                session.send_data(stream, b"x")
                session.send_headers(stream, case.trailers, end_stream=True)
    writer.write(session.data_to_send())
    return session, streams


async def _count_ends(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    session: H2Connection,
    open_: set[int],
) -> int:
    waiting = set(open_)
    with contextlib.suppress(TimeoutError, OSError, ProtocolError):
        async with asyncio.timeout(_ANSWER_SECONDS * 2):
            while waiting and (data := await reader.read(65536)):
                for event in session.receive_data(data):
                    if isinstance(event, StreamEnded | StreamReset):
                        waiting.discard(event.stream_id or 0)
                    if isinstance(event, ConnectionTerminated):
                        return len(open_) - len(waiting)
                writer.write(session.data_to_send())
    return len(open_) - len(waiting)
