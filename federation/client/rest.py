"""Requests to a Kubernetes-style API, and what is read of the answers: whole ones, and streams.

In: an `Opener`, which is a `Client`. Out: JSON values, and the model's errors by the Status of the
answer. Everything that is read is bounded, and so is the time.
"""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from federation.client.statuses import status_error
from federation.model.errors import PeerBroke

Json = dict[str, Any]

PLAIN = "application/json"
SECONDS = 30.0

_MOST_ANSWER_BYTES = 64 * 1024 * 1024
_MOST_LINE_BYTES = 8 * 1024 * 1024
_TRIES = 4
_LONGEST_PAUSE = 10.0
_FIRST_BAD, NOT_MODIFIED = 300, 304
_RETRIED = (429, 503)


class Opener(Protocol):
    """Who sends requests: a `Client`."""

    @property
    def url(self) -> str: ...

    def opened(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> AbstractContextManager[http.client.HTTPResponse]: ...


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `headers` beside those that say who asks."""

    method: str
    path: str
    data: bytes | None = None
    headers: Mapping[str, str] | None = None

    @property
    def shown(self) -> str:
        """How errors name it."""
        return f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was read; `request` is how errors name what was asked."""

    status: int
    body: Any
    etag: str
    request: str

    @property
    def object(self) -> Json:
        """The JSON object in it; raises PeerBroke."""
        if not isinstance(self.body, dict):
            raise PeerBroke(f"{self.request}: the controller's answer is no JSON object")
        return self.body


class Rest:
    """Sends requests and reads answers."""

    def __init__(self, opener: Opener, sleep: Callable[[float], None]) -> None:
        self._opener = opener
        self._sleep = sleep

    @property
    def url(self) -> str:
        """Whom it asks."""
        return self._opener.url

    def ask(self, request: Request) -> Answer:
        """The answer; asked again when there was too much to do, as then nothing was done."""
        for _ in range(_TRIES - 1):
            answer, pause = self._once(request)
            if answer.status not in _RETRIED or pause is None:
                break
            self._sleep(pause)
        else:
            answer, _ = self._once(request)
        if answer.status >= _FIRST_BAD and answer.status != NOT_MODIFIED:
            raise status_error(answer.status, answer.body, request.shown)
        return answer

    def _once(self, request: Request) -> tuple[Answer, float | None]:
        """The answer, and for how many seconds it asks to be left alone."""
        headers = {"Accept": PLAIN, **(request.headers or {})}
        method, path, data = request.method, request.path, request.data
        with self._opener.opened(method, path, data, headers, SECONDS) as answer:
            body, of = _parsed(_whole(answer)), answer.headers
            found = Answer(answer.status, body, of.get("ETag", ""), request.shown)
            return found, _pause(of.get("Retry-After", ""))

    def stream(self, request: Request, silence: float) -> Iterator[tuple[str, Json]]:
        """The events of a watch, until it ends; `silence`: how long it may say nothing."""
        headers = request.headers or {}
        with self._opener.opened("GET", request.path, None, headers, silence) as answer:
            if answer.status >= _FIRST_BAD:
                raise status_error(answer.status, _parsed(_whole(answer)), request.shown)
            while line := answer.readline(_MOST_LINE_BYTES):
                yield _event(line, request.shown)


def _event(line: bytes, asked: str) -> tuple[str, Json]:
    event = _parsed(line)
    if not line.endswith(b"\n") or not isinstance(event, dict):
        raise PeerBroke(f"{asked}: a line of the watch cannot be read")
    type, found = event.get("type"), event.get("object")
    if not isinstance(type, str) or not isinstance(found, dict):
        raise PeerBroke(f"{asked}: an event has no type or no object")
    if type == "ERROR":
        raise status_error(500, found, asked)
    return type, found


def _whole(answer: http.client.HTTPResponse) -> bytes:
    data = answer.read(_MOST_ANSWER_BYTES + 1)
    if len(data) > _MOST_ANSWER_BYTES:
        raise PeerBroke(f"the controller's answer has more than {_MOST_ANSWER_BYTES} bytes")
    if answer.length:
        raise http.client.IncompleteRead(data, answer.length)
    return data


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _pause(text: str) -> float | None:
    return min(float(text), _LONGEST_PAUSE) if text.isdecimal() else None
