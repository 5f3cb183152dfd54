"""An application of HTTP/1.1 that keeps what reached it, and a client that sees all of an answer.

In: bytes of requests. Out: what the application got, and answers with early ones and trailers.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.crossings import HTTP1, Crossings, crossings
from tests.e2e.heads_client import Door

_SECONDS = 5.0
_MOST = 1 << 20
_FORGED = "X-Fedmesh-Declined: 1\r\nX-Fedmesh-Unreached: 1\r\nX-Fedmesh-Unfinished: 1"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer: its first line, headers, body and trailers as they came."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    trailers: tuple[tuple[str, str], ...] = ()
    early: tuple[str, ...] = ()
    """The statuses of answers before the last one."""

    @property
    def status(self) -> int:
        return int(self.line.split()[1])

    def get(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


@dataclass(slots=True)
class Recorded:
    """The proxies, and what reached the application."""

    world: Crossings
    requests: list[Message] = field(default_factory=list)

    async def ask(
        self, door: Door, first: str, *lines: str, body: bytes = b"", version: str = "1.1"
    ) -> Message:
        """One request, and the whole answer."""
        reader, writer = await asyncio.open_connection(*door.address(self.world), limit=_MOST)
        try:
            async with asyncio.timeout(_SECONDS):
                return await _ask(
                    reader, writer, request(door, first, *lines, version=version), body
                )
        finally:
            writer.transport.abort()

    def take(self) -> list[Message]:
        """What has reached the application since."""
        found, self.requests = self.requests, []
        return found


def request(door: Door, first: str, *lines: str, version: str = "1.1") -> bytes:
    """The head of a request; its Host is that of the door unless a line names one."""
    named = any(line.lower().startswith("host:") for line in lines)
    host = () if named else (f"Host: {door.host.decode()}",)
    return "\r\n".join([f"{first} HTTP/{version}", *host, *lines, "", ""]).encode()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, body: bytes
) -> Message:
    waits = b"expect: 100-continue" in head.lower()
    writer.write(head if waits else head + body)
    early = []
    while True:
        line, headers = await _head(reader)
        status = int(line.split()[1])
        if status >= 200 or status == 101:
            break
        early.append(line)
        if waits and status == 100:
            writer.write(body)
    found, trailers = (b"", ()) if status == 101 else await _body(reader, headers)
    return Message(line, headers, found, trailers, tuple(early))


@asynccontextmanager
async def recorded(folder: Path, network: str) -> AsyncIterator[Recorded]:
    """All ways through the mesh run, with this application behind them."""
    async with crossings(folder, network, http1=False) as world:
        made = Recorded(world)
        server = await asyncio.start_server(
            lambda r, w: _serve(made, r, w), world.at.application, HTTP1, limit=_MOST
        )
        try:
            yield made
        finally:
            server.close()


async def _serve(made: Recorded, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            line, headers = await _head(reader)
            path = line.split()[1]
            if ("expect", "100-continue") in headers and path != "/silent":
                if path == "/refused":
                    made.requests.append(Message(line, headers))
                    out.write(b"HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno")
                    break
                out.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body, trailers = await _body(reader, headers, is_request=True)
            made.requests.append(Message(line, headers, body, trailers))
            if path == "/dies":
                break
            out.write(_answer(path))
            await out.drain()
            if path == "/websocket":
                out.write(await reader.read(64))
                break
    with contextlib.suppress(OSError):
        await out.drain()
        out.close()


def _answer(path: str) -> bytes:
    kind, _, rest = path.strip("/").partition("/")
    ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
    match kind:
        case "websocket":
            text = "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            text += f"{_FORGED}\r\n\r\n"
        case "trailers":
            text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n"
            text += "2\r\nok\r\n0\r\nx-end: yes\r\nconnection: close\r\n\r\n"
        case "early":
            text = f"HTTP/1.1 {rest} X\r\nLink: a\r\n\r\n{ok}\r\nok"
        case "status":
            text = f"HTTP/1.1 {rest} X\r\nContent-Length: 2\r\n{_FORGED}\r\n\r\nok"
        case "headers":  # so many in all
            more = "".join(f"x-{n}: a\r\n" for n in range(int(rest) - 1))
            text = f"{ok}{more}\r\nok"
        case "head":  # so many bytes in all
            padding = "a" * (int(rest) - len(ok) - len("x: \r\n\r\n"))
            text = f"{ok}x: {padding}\r\n\r\nok"
        case _:
            text = f"{ok}\r\nok"
    return text.encode()


async def _head(reader: asyncio.StreamReader) -> tuple[str, tuple[tuple[str, str], ...]]:
    line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    return line, _fields(rest)


def _fields(lines: list[str]) -> tuple[tuple[str, str], ...]:
    parts = (line.partition(":") for line in lines if line)
    return tuple((name.lower(), value.strip()) for name, _, value in parts)


async def _body(
    reader: asyncio.StreamReader, headers: tuple[tuple[str, str], ...], *, is_request: bool = False
) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    known = dict(headers)
    if known.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        lines = []
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            lines.append(line.decode("latin-1").strip())
        return body, _fields(lines)
    if "content-length" in known:
        return await reader.readexactly(int(known["content-length"])), ()
    return (b"" if is_request else await reader.read()), ()
