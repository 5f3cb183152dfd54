"""Questions to Envoy's admin interface over its unix socket. Nobody else touches that socket."""

import asyncio
from pathlib import Path

from federation.model.errors import NotReady

ANSWER_BYTES = 64 << 20
ANSWER_SECONDS = 5.0


async def ask(socket: Path, path: str, method: str = "GET") -> bytes:
    """The body of the answer to `path`; raises NotReady when Envoy does not answer 200 in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await _exchange(socket, f"{method} {path} HTTP/1.0\r\n\r\n".encode())
    except (OSError, TimeoutError) as error:
        raise NotReady(f"envoy's admin socket {socket} does not answer") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise NotReady(f"envoy answers {b''.join(status).decode() or 'nothing'} to {path}")
    return body


async def _exchange(socket: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(request)
        return await reader.read(-1)
    finally:
        writer.close()
