"""Questions to Envoy's admin interface over its unix socket. Nobody else touches that socket."""

import asyncio
from pathlib import Path

from federation.model.errors import NotReady

ANSWER_BYTES = 64 << 20
ANSWER_SECONDS = 5.0

_REQUEST = "{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"


async def ask(socket: Path, path: str, method: str = "GET") -> bytes:
    """The body of the answer to `path`; raises NotReady when Envoy does not answer 200 in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await _exchange(socket, _REQUEST.format(method=method, path=path).encode())
    except (OSError, TimeoutError) as error:
        raise NotReady(f"envoy's admin socket {socket} does not answer") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise NotReady(f"envoy answers {b''.join(status).decode() or 'nothing'} to {path}")
    return _joined(body) if b"transfer-encoding: chunked" in head.lower() else body


def _joined(chunked: bytes) -> bytes:
    """The body out of its chunks (RFC 9112, 7.1)."""
    parts = []
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size, 16)
        parts.append(rest[:length])
        chunked = rest[length + 2 :]
    return b"".join(parts)


async def _exchange(socket: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(request)
        return await reader.read(-1)
    finally:
        writer.close()
