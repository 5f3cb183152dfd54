"""Envoy's admin socket: an answer in full, or a reason why there is none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from federation.model.errors import NotReady
from federation.supervisor.admin import ANSWER_BYTES, ask


@asynccontextmanager
async def admin(socket: Path, answer: bytes) -> AsyncIterator[list[bytes]]:
    """Something that gives the same answer to everybody, and notes what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] = serve
    async with await asyncio.start_unix_server(handler, str(socket)):
        yield asked


async def test_a_body_is_returned_as_it_came(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nLIVE\n"
    async with admin(tmp_path / "s", answer) as asked:
        assert await ask(tmp_path / "s", "/ready") == b"LIVE\n"
    assert asked[0].startswith(b"GET /ready HTTP/1.1\r\n")


async def test_headers_are_sent_as_well(tmp_path: Path) -> None:
    async with admin(tmp_path / "s", b"HTTP/1.1 200 OK\r\n\r\n") as asked:
        await ask(tmp_path / "s", "/ready", headers={"x-one": "1", "x-two": "2"})
    lines = asked[0].decode().split("\r\n")
    assert lines[0] == "GET /ready HTTP/1.1"
    assert {"x-one: 1", "x-two: 2", "connection: close"} <= set(lines)
    assert lines[-2:] == ["", ""]


async def test_chunks_are_joined(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with admin(tmp_path / "s", head + b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"):
        assert await ask(tmp_path / "s", "/stats", "POST") == b"abc0123456789"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\nINIT\n", "answers 503 to /ready"),
        (b"", "answers nothing to /ready"),
    ],
)
async def test_anything_but_200_is_not_ready(tmp_path: Path, answer: bytes, reason: str) -> None:
    async with admin(tmp_path / "s", answer):
        with pytest.raises(NotReady, match=reason):
            await ask(tmp_path / "s", "/ready")


async def test_nobody_there_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="does not answer"):
        await ask(tmp_path / "s", "/ready")


async def test_an_answer_without_end_is_cut_off(tmp_path: Path) -> None:
    given, ended = 0, asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal given
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while given < 2 * ANSWER_BYTES:
                writer.write(bytes(1 << 20))
                await writer.drain()
                given += 1 << 20
        writer.close()
        ended.set()

    async with await asyncio.start_unix_server(serve, str(tmp_path / "s")):
        with pytest.raises(NotReady, match="envoy's answer to /clusters is larger than 64 MB"):
            await ask(tmp_path / "s", "/clusters")
        await ended.wait()
    assert given < 1.5 * ANSWER_BYTES
