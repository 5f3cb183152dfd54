"""Watches as answers that go on: how many there may be, and what becomes of readers that stall.

In: a request and what it watches. Out: an answer that ends by itself, at the latest after an hour,
when its reader takes nothing for a while, or within seconds when he may not watch any more.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web

from federation.apiserver import reading
from federation.apiserver.resource import Resource
from federation.apiserver.sending import is_taken
from federation.apiserver.statuses import StatusError
from federation.apiserver.watching import Watch, lines

MOST_WATCHES = 400
MOST_WATCHES_OF_ONE = 200
"""Of one user: k9s and Argo CD watch each kind, from each of their processes."""
STALL_SECONDS = 30.0
"""A reader that takes nothing for so long is let go, and may watch again from where it was."""
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched, and how it is shown; `may_still`: whether who watches still may."""

    resource: Resource
    watch: Watch
    form: str
    may_still: Callable[[], bool]


class Streams:
    """The watches that are under way."""

    def __init__(self, most: int = MOST_WATCHES, most_of_one: int = MOST_WATCHES_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._of: Counter[str] = Counter()

    async def serve(self, request: web.Request, who: str, watched: Watched) -> web.StreamResponse:
        """Send lines until it ends; raises StatusError (429) when there are too many."""
        if self._of.total() >= self._most or self._of[who] >= self._most_of_one:
            raise StatusError(
                _TOO_MANY,
                f"there are {self._of.total()} watches, {self._of[who]} of them yours: at most "
                f"{self._most} and {self._most_of_one} are served",
            )
        self._of[who] += 1
        try:
            return await _send(request, watched)
        finally:
            self._of[who] -= 1
            self._of += Counter()  # who has none is forgotten


async def _send(request: web.Request, watched: Watched) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    end = asyncio.get_running_loop().time() + reading.watch_seconds(request.query)
    resource, form = watched.resource, watched.form

    def left() -> float:
        return end - asyncio.get_running_loop().time()

    def shape(found: dict[str, Any]) -> dict[str, Any]:
        return reading.shaped(resource, found, form, request.query)

    stream = lines(resource.collection, watched.watch, shape if form else None, left)
    async with aclosing(cast(Any, stream)):
        async for data in stream:
            if not watched.may_still():
                break
            if not data and request.transport and not request.transport.is_closing():
                continue
            if not await is_taken(request, answer, data, STALL_SECONDS):
                return answer
    await answer.write_eof()
    return answer
