"""The load generator: what is due, what goes over the wire, and how calls end."""

import asyncio
import json
from typing import Any

import pytest

from federation.verify import history, traffic
from federation.verify.connection import Call, Connection
from federation.verify.history import About, Record
from federation.verify.http1 import MessageReader
from federation.verify.traffic import Generator, Load, due_count, request_bytes

ABOUT = About("10.0.0.1:80", "api.demo", "/x", "POST", 100.0)
LOAD = Load("10.0.0.1", 80, ABOUT, 1.0, body_bytes=3)
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 45\r\n\r\n"
    b'{"cluster": "us-east", "workload": "api-1"}  '
)


class FakeTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


def connected() -> tuple[Connection, FakeTransport, list[Connection]]:
    free: list[Connection] = []
    connection, transport = Connection(free.append), FakeTransport()
    connection.connection_made(transport)
    return connection, transport, free


def call(over: list[Record]) -> Call:
    return Call("run-1", 5.0, 5.01, over.append)


@pytest.mark.parametrize(
    ("now", "seconds", "count"),
    [(9.9, None, 0), (10.0, None, 1), (10.5, None, 51), (11.0, 1.0, 100), (99.0, 1.0, 100)],
)
def test_as_many_requests_are_due_as_the_schedule_says(
    now: float, seconds: float | None, count: int
) -> None:
    assert due_count(10.0, now, 100.0, seconds) == count


def test_a_request_is_one_valid_message_with_its_id() -> None:
    reader = MessageReader(answers=False)
    reader.feed(request_bytes(LOAD, "abc-1"))
    message = reader.take()
    assert message is not None
    assert message.words == ("POST", "/x", "HTTP/1.1")
    assert message.headers["host"] == "api.demo"
    assert message.headers["x-request-id"] == "abc-1"
    assert bytes(message.body) == b"xxx"
    assert reader.idle


def test_an_answer_ends_the_call_and_frees_the_connection() -> None:
    connection, transport, free = connected()
    over: list[Record] = []
    connection.send(call(over), b"request")
    assert transport.written == b"request"
    connection.data_received(ANSWER[:30])
    assert (over, free) == ([], [])
    connection.data_received(ANSWER[30:])
    (record,) = over
    assert (record.status, record.cluster, record.workload) == (200, "us-east", "api-1")
    assert (record.at, record.start) == (5.0, 5.01)
    assert free == [connection]
    assert connection.usable


def test_a_connection_that_the_answer_closes_is_not_used_again() -> None:
    connection, transport, free = connected()
    over: list[Record] = []
    connection.send(call(over), b"")
    connection.data_received(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    assert [r.status for r in over] == [200]
    assert free == []
    assert transport.closed


def test_a_connection_that_is_cut_fails_its_call_once() -> None:
    connection, _, free = connected()
    over: list[Record] = []
    connection.send(call(over), b"")
    connection.data_received(ANSWER[:30])
    connection.connection_lost(ConnectionResetError())
    connection.connection_lost(None)
    assert [r.error for r in over] == ["reset"]
    assert free == []


def test_a_late_answer_does_not_end_a_call_a_second_time() -> None:
    over: list[Record] = []
    one = call(over)
    one.failed("timeout", 9.0)
    one.failed("closed", 9.1)
    assert [r.error for r in over] == ["timeout"]


def test_bytes_that_are_no_http_fail_the_call() -> None:
    connection, transport, _ = connected()
    over: list[Record] = []
    connection.send(call(over), b"")
    connection.data_received(b"SSH-2.0\r\n\r\n")
    assert over[0].error.startswith("protocol:")
    assert transport.closed


def test_an_answer_that_nobody_asked_for_closes_an_idle_connection() -> None:
    connection, transport, _ = connected()
    connection.data_received(ANSWER)
    assert transport.closed


class Answering(Connection):
    """A connection to a peer that answers at once."""

    def __init__(self, cluster: str = "us-east") -> None:
        super().__init__(self.keep)
        self.generator: Generator | None = None
        self.cluster = cluster
        self.connection_made(FakeTransport())

    def keep(self, _: Connection) -> None:
        """Free again; nothing to do, it is always in reach."""

    def send(self, call: Call, data: bytes) -> None:
        super().send(call, data)
        self.data_received(ANSWER)


async def test_a_run_sends_what_is_due_and_ends_with_its_lag() -> None:
    lines: list[str] = []
    load = Load("10.0.0.1", 80, About("t", "h", "/", "GET", 1000.0), 0.02)
    generator = Generator(load, "run", lines.append)
    generator._idle = [Answering() for _ in range(100)]
    await generator.run(asyncio.Event())
    found = history.parse("".join(lines))
    assert found.complete
    assert len(found.records) == 20
    assert len({record.id for record in found.records}) == 20
    assert json.loads(lines[0])["kind"] == "about"


async def test_a_full_pool_fails_the_request_instead_of_delaying_it() -> None:
    lines: list[str] = []
    load = Load("10.0.0.1", 80, About("t", "h", "/", "GET", 1000.0), 0.005, connections=0)
    await Generator(load, "run", lines.append).run(asyncio.Event())
    errors = {record.error for record in history.parse("".join(lines)).records}
    assert errors == {"generator: no free connection"}


async def test_a_run_that_is_stopped_sends_nothing_more() -> None:
    lines: list[str] = []
    stop = asyncio.Event()
    stop.set()
    await Generator(LOAD, "run", lines.append).run(stop)
    assert history.parse("".join(lines)).records == ()


def test_the_command_line_becomes_a_load() -> None:
    load, out = traffic.parse_arguments(
        ["--target", "127.0.0.1:80", "--host", "h", "--rate", "50", "--seconds", "2", "--out", "f"]
    )
    assert (load.host, load.port, load.seconds, load.about.rate) == ("127.0.0.1", 80, 2.0, 50.0)
    assert out.name == "f"


@pytest.mark.parametrize("wrong", ["--target nowhere", "--target 1.2.3.4:80 --rate 0"])
def test_a_wrong_command_line_is_a_usage_error(wrong: str) -> None:
    with pytest.raises(SystemExit) as ended:
        traffic.parse_arguments([*wrong.split(), "--host", "h", "--out", "f"])
    assert ended.value.code == 2
