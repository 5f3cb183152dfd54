"""A health probe: the smallest HTTP server that answers `/live` and `/ready`.

It is the one listener without authentication, so it says nothing but a status.
"""

import asyncio
import contextlib
from collections.abc import Callable

_REQUEST_BYTES = 4096
_REQUEST_SECONDS = 5.0


async def serve_health(host: str, port: int, is_ready: Callable[[], bool]) -> asyncio.Server:
    """Listen at (host, port); `/ready` answers 200 or 503 by `is_ready`. Raises OSError."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError, OSError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n")
                path = head.split(b" ")[1] if head.count(b" ") > 1 else b""
                writer.write(_response(path, is_ready))
                await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port, limit=_REQUEST_BYTES)


def _response(path: bytes, is_ready: Callable[[], bool]) -> bytes:
    known = {b"/live": True, b"/ready": is_ready()}
    status, body = "404 Not Found", b"not found\n"
    if path in known:
        status, body = ("200 OK", b"ok\n") if known[path] else ("503 Service Unavailable", b"no\n")
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
