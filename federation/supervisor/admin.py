"""Questions to Envoy's admin interface over its unix socket. Nobody else touches that socket."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from federation.model.errors import NotReady

ANSWER_BYTES = 64 << 20
"""An Envoy that knows a hundred thousand endpoints says some 50 MB about them."""
ANSWER_SECONDS = 5.0
_READ_BYTES = 1 << 20

_ALWAYS = {"host": "admin", "connection": "close"}
_NONE: Mapping[str, str] = MappingProxyType({})


async def ask(
    socket: Path, path: str, method: str = "GET", headers: Mapping[str, str] = _NONE
) -> bytes:
    """The body of the answer to `path`.

    Raises NotReady when Envoy does not answer 200 in time, or says more than ANSWER_BYTES.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await _exchange(socket, request(method, path, headers))
    except (OSError, TimeoutError) as error:
        raise NotReady(f"envoy's socket {socket} does not answer") from error
    return body_of(answer, path)


def body_of(answer: bytes, path: str) -> bytes:
    """The body of a whole answer; raises NotReady when that is not 200, or is too large."""
    if len(answer) > ANSWER_BYTES:
        raise NotReady(f"envoy's answer to {path} is larger than {ANSWER_BYTES >> 20} MB")
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise NotReady(f"envoy answers {b''.join(status).decode() or 'nothing'} to {path}")
    return _joined(body) if b"transfer-encoding: chunked" in head.lower() else body


def request(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """A question as bytes."""
    lines = [f"{name}: {value}" for name, value in {**_ALWAYS, **headers}.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


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
    answer = bytearray()
    try:
        writer.write(request)
        while len(answer) <= ANSWER_BYTES and (more := await reader.read(_READ_BYTES)):
            answer += more
        return bytes(answer)
    finally:
        writer.close()
