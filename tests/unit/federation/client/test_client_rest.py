"""Requests are repeated when that is asked for, and answers are read within bounds."""

import http.client
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from federation.client.rest import Request, Rest
from federation.client.statuses import Expired
from federation.model.errors import Busy, PeerBroke


class Wire:
    """A socket from which one answer can be read."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))


class Answers:
    """An `Opener` whose answers are given."""

    url = "https://c"

    def __init__(self, *answers: bytes) -> None:
        self.left = list(answers)

    @contextmanager
    def opened(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Iterator[http.client.HTTPResponse]:
        made = http.client.HTTPResponse(Wire(self.left.pop(0)))  # type: ignore[arg-type]
        made.begin()
        yield made


def answer(status: int, body: bytes, *headers: str) -> bytes:
    head = (f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join((*head, "", "")).encode() + body


BUSY = answer(429, b'{"kind":"Status","message":"too many","code":429}', "Retry-After: 2")
GET = Request("GET", "/apis?x=1")


def test_what_is_too_much_is_asked_again_as_often_as_it_makes_sense() -> None:
    slept: list[float] = []
    assert Rest(Answers(BUSY, BUSY, answer(200, b"{}")), slept.append).ask(GET).object == {}
    assert slept == [2, 2]
    with pytest.raises(Busy, match="too many"):
        Rest(Answers(*[BUSY] * 4), slept.append).ask(GET)
    assert len(slept) == 5
    without = answer(503, b'{"kind":"Status","message":"away","code":503}')
    with pytest.raises(Busy, match="away"):
        Rest(Answers(without), slept.append).ask(GET)


def test_nobody_is_made_to_sleep_for_long() -> None:
    slept: list[float] = []
    later = answer(503, b"{}", "Retry-After: 86400")
    assert Rest(Answers(later, answer(200, b"{}")), slept.append).ask(GET).status == 200
    assert slept == [10]


@pytest.mark.parametrize("body", [b"", b"[]", b"no", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_a_sentence(body: bytes) -> None:
    with pytest.raises(PeerBroke, match="GET /apis: the controller's answer is no JSON object"):
        _ = Rest(Answers(answer(200, body)), lambda _: None).ask(GET).object


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federation.client.rest._MOST_ANSWER_BYTES", 10)
    rest = Rest(Answers(answer(200, b'{"a":1234}'), answer(200, b'{"a":12345}')), lambda _: None)
    assert rest.ask(GET).object == {"a": 1234}
    with pytest.raises(PeerBroke, match="more than 10 bytes"):
        rest.ask(GET)


def streamed(*lines: bytes) -> list[tuple[str, object]]:
    body = b"".join(f"{len(line):x}\r\n".encode() + line + b"\r\n" for line in lines)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    opener = Answers(head + body + b"0\r\n\r\n")
    return list(Rest(opener, lambda _: None).stream(GET, 1.0))


def test_a_line_may_come_in_pieces() -> None:
    event = b'{"type":"ADDED","object":{"a":1}}\n'
    assert streamed(event[:9], event[9:] + event) == [("ADDED", {"a": 1})] * 2
    assert streamed() == []


@pytest.mark.parametrize(
    "line", [b"no\n", b"[]\n", b'{"type":"ADDED"}\n', b'{"type":1,"object":{}}\n', b'{"type"']
)
def test_a_line_that_is_none_is_a_sentence(line: bytes) -> None:
    with pytest.raises(PeerBroke, match="GET /apis: "):
        streamed(line)


def test_a_line_without_an_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federation.client.rest._MOST_LINE_BYTES", 20)
    with pytest.raises(PeerBroke, match="cannot be read"):
        streamed(b'{"type":"ADDED","object":{"a":1}}\n')


def test_an_error_in_the_stream_is_that_error() -> None:
    gone = b'{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}\n'
    with pytest.raises(Expired, match="too old"):
        streamed(gone)
