"""Long answers in pieces, each made when the one before is taken: a reader who stalls costs little.

In: a list, the request that asked for it. Out: the answer; the connection of who takes nothing is
cut.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from aiohttp import web

Json = dict[str, Any]

BYTES_AT_ONCE = 64 * 1024
"""How much is made before it is sent: what a reader costs, beside the buffers of his connection."""
LIST_SECONDS = 10.0
"""How long a reader has for so much of a list; as for any answer (`connection_guard`)."""


async def send_list(found: Json, request: web.Request) -> web.StreamResponse:
    """A list or a table as JSON: at once when it is short, in pieces otherwise."""
    parts = pieces(_parts(found))
    first = next(parts)
    second = next(parts, None)
    if second is None:
        return web.Response(body=first, content_type="application/json")
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    for data in chain((first, second), parts):
        if not await is_taken(request, answer, data, LIST_SECONDS):
            return answer
        await asyncio.sleep(0)  # a reader who is fast does not keep others waiting
    await answer.write_eof()
    return answer


async def is_taken(
    request: web.Request, answer: web.StreamResponse, data: bytes, seconds: float
) -> bool:
    """Send a piece; False when nobody takes it in time, and then the connection is cut."""
    if request.transport is None or request.transport.is_closing():
        return False
    try:
        async with asyncio.timeout(seconds):
            await answer.write(data)
    except (TimeoutError, ConnectionError):
        if request.transport is not None:
            request.transport.abort()
        return False
    return True


def pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same in pieces that are worth sending, each made when it is asked for."""
    some: list[bytes] = []
    size = 0
    for part in parts:
        some.append(part)
        size += len(part)
        if size >= BYTES_AT_ONCE:
            yield b"".join(some)
            some, size = [], 0
    if some:
        yield b"".join(some)


def _parts(found: Json) -> Iterator[bytes]:
    name = "rows" if "rows" in found else "items"
    head = _bytes({key: value for key, value in found.items() if key != name})
    yield head[:-1] + f',"{name}":['.encode()
    for index, item in enumerate(found[name]):
        yield (b"," if index else b"") + _bytes(item)
    yield b"]}"


def _bytes(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
