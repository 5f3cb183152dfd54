"""The smallest HTTP server: health probes (`/live`, `/ready`), and a page of metrics.

It has no authentication, so a probe says nothing but a status.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

_REQUEST_BYTES = 4096
_REQUEST_SECONDS = 5.0


Page = Callable[[], tuple[str, bytes]]
"""The status line's end and the body of an answer."""


async def serve_health(host: str, port: int, is_ready: Callable[[], bool]) -> asyncio.Server:
    """Listen at (host, port); `/ready` answers 200 or 503 by `is_ready`. Raises OSError."""
    return await _serve(host, port, health_pages(is_ready))


async def serve_metrics(host: str, port: int, text: Callable[[], bytes]) -> asyncio.Server:
    """Listen at (host, port); `/metrics` answers what `text` gives. Raises OSError."""
    return await _serve(host, port, {b"/metrics": lambda: ("200 OK", text())})


def health_pages(is_ready: Callable[[], bool]) -> Mapping[bytes, Page]:
    """What a health probe answers."""

    def ready() -> tuple[str, bytes]:
        return _live() if is_ready() else ("503 Service Unavailable", b"no\n")

    return {b"/live": _live, b"/ready": ready}


def _live() -> tuple[str, bytes]:
    return "200 OK", b"ok\n"


def _not_found() -> tuple[str, bytes]:
    return "404 Not Found", b"not found\n"


async def _serve(host: str, port: int, pages: Mapping[bytes, Page]) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError, OSError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n")
                path = head.split(b" ")[1] if head.count(b" ") > 1 else b""
                writer.write(response(pages, path))
                await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port, limit=_REQUEST_BYTES)


def response(pages: Mapping[bytes, Page], path: bytes) -> bytes:
    """The whole answer to a request for a path."""
    status, body = pages.get(path, _not_found)()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
