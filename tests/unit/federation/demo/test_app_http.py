"""The demo's application says over HTTP who it is, in order, to any client."""

import asyncio
import json
from typing import Any

import pytest

from federation.demo import app_websocket
from federation.demo.app_http import MAX_DELAY_SECONDS, Session, answer_bytes, reply_to
from federation.demo.app_work import Work
from federation.verify.http1 import Message, MessageReader
from tests.unit.fakes.fake_transport import FakeTransport

WHO = {"cluster": "us-east", "workload": "api-1", "version": "v1"}
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def session() -> tuple[Session, FakeTransport]:
    made, transport = Session(Work(WHO)), FakeTransport()
    made.connection_made(transport)
    return made, transport


def answers(data: bytes) -> list[Message]:
    reader, found = MessageReader(answers=True), []
    reader.feed(data)
    while (message := reader.take()) is not None:
        found.append(message)
    return found


def bodies(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(bytes(message.body)) for message in answers(data)]


def get(path: str, **headers: str) -> Message:
    return Message(("GET", path, "HTTP/1.1"), {k.replace("_", "-"): v for k, v in headers.items()})


def test_an_answer_names_cluster_workload_version_and_what_was_asked() -> None:
    made, transport = session()
    made.data_received(b"PUT /a?b=c HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody")
    assert bodies(transport.written) == [{**WHO, "caller": None, "method": "PUT", "path": "/a?b=c"}]


def test_pipelined_requests_are_answered_in_order() -> None:
    made, transport = session()
    made.data_received(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HT")
    made.data_received(b"TP/1.1\r\n\r\n")
    assert [b["path"] for b in bodies(transport.written)] == ["/1", "/2", "/3"]


def test_a_slow_answer_is_not_overtaken_by_the_next() -> None:
    made, transport = session()
    later: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.call_later = lambda _, call, *args, **kw: later.append(call)  # type: ignore[assignment, method-assign]

    async def arrive() -> None:
        made.data_received(b"GET /delay/5 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")

    loop.run_until_complete(arrive())
    loop.close()
    assert transport.written == b""
    (answer_late,) = later
    answer_late()
    assert [b["path"] for b in bodies(transport.written)] == ["/delay/5", "/2"]


def test_who_pipelines_too_much_is_held_back() -> None:
    made, transport = session()
    made._busy = True
    made.data_received(b"x" * 300_000)
    assert not transport.reading


def test_status_and_delay_are_as_asked() -> None:
    work = Work(WHO)
    assert reply_to(get("/status/503"), work).status == 503
    assert reply_to(get("/status/999"), work).status == 200
    assert reply_to(get("/delay/0.25"), work).delay == 0.25
    assert reply_to(get("/delay/9999"), work).delay == MAX_DELAY_SECONDS


def test_requests_are_counted_by_their_id() -> None:
    work = Work(WHO)
    for request_id in ("a", "b", "a"):
        reply_to(get("/x", x_request_id=request_id), work)
    reply_to(get("/x"), work)
    assert json.loads(reply_to(get("/count"), work).body) == {
        "processed": 4,
        "distinct": 2,
        "twice": {"a": 2},
    }
    assert json.loads(reply_to(get("/count/a"), work).body) == {"id": "a", "times": 2}
    assert json.loads(reply_to(get("/count/all"), work).body) == {"ids": {"a": 2, "b": 1}}


def test_head_and_empty_answers_have_no_body() -> None:
    made, transport = session()
    made.data_received(b"HEAD / HTTP/1.1\r\n\r\n")
    assert transport.written.endswith(b"\r\n\r\n")
    assert b"content-length: 1" in transport.written
    empty = answer_bytes(reply_to(get("/status/204"), Work(WHO)), head_only=False, closes=False)
    assert b"content-length" not in empty


def test_the_connection_closes_when_the_client_asks_and_not_before() -> None:
    made, transport = session()
    made.data_received(b"GET / HTTP/1.1\r\n\r\n")
    assert not transport.is_closing()
    made.data_received(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET /late HTTP/1.1\r\n\r\n")
    assert transport.is_closing()
    assert [b["path"] for b in bodies(transport.written)] == ["/", "/"]


@pytest.mark.parametrize("data", [b"BAD\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"])
def test_nonsense_is_refused_and_the_connection_closed(data: bytes) -> None:
    made, transport = session()
    made.data_received(data)
    assert [m.words[1] for m in answers(transport.written)] == ["400"]
    assert transport.closed


def test_an_upload_that_waits_for_continue_is_asked_for() -> None:
    made, transport = session()
    made.data_received(b"PUT / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n")
    assert transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    made.data_received(b"abc")
    assert [m.words[1] for m in answers(transport.written)] == ["200"]


def test_a_client_that_left_gets_no_late_answer() -> None:
    made, transport = session()
    made.connection_lost(None)
    made._answer_late(get("/"), reply_to(get("/"), Work(WHO)))
    assert transport.written == b""


def test_only_what_has_an_effect_is_in_the_journal_and_before_its_answer() -> None:
    lines: list[bytes] = []
    work = Work(WHO, journal=lines.append)
    for method, target in (("GET", "/"), ("POST", "/delay/9"), ("POST", "/count")):
        reply_to(Message((method, target, "HTTP/1.1"), {"x-request-id": method + target}), work)
    assert lines == [b"POST/delay/9\n"]


def test_a_websocket_takes_its_connection_over_with_what_came_early() -> None:
    made, transport = session()
    made.data_received(UPGRADE + b"\x89\x80abcd")
    head, _, frames = transport.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert isinstance(transport.protocol, app_websocket.Session)
    said = {**WHO, "caller": None, "method": "GET", "path": "/ws"}
    assert frames == app_websocket.frame(
        app_websocket.Kind.TEXT, json.dumps(said).encode()
    ) + app_websocket.frame(app_websocket.Kind.PONG, b"")


def test_a_broken_upgrade_is_refused_and_a_plain_request_answered() -> None:
    made, transport = session()
    made.data_received(UPGRADE.replace(b": 13", b": 8"))
    assert [m.words[1] for m in answers(transport.written)] == ["400"]
    assert transport.closed
    assert reply_to(get("/ws"), Work(WHO)).status == 200
