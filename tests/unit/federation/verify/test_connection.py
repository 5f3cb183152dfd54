"""A connection carries one call at a time, and is given back only when it is sound."""

from federation.verify.call import Call
from federation.verify.connection import Connection, Counted, time_out
from federation.verify.history import Record
from tests.unit.fakes.fake_transport import FakeTransport

ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 45\r\n\r\n"
    b'{"cluster": "us-east", "workload": "api-1"}  '
)


def connected() -> tuple[Connection, FakeTransport, list[Connection]]:
    free: list[Connection] = []
    connection, transport = Connection(free.append), FakeTransport()
    connection.connection_made(transport)
    return connection, transport, free


def call(over: list[Record]) -> Call:
    return Call("run-1", 5.0, 5.01, over.append)


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


def test_an_answer_that_is_no_json_names_nobody() -> None:
    connection, _, _ = connected()
    over: list[Record] = []
    connection.send(call(over), b"")
    connection.data_received(ANSWER.replace(b"application/json", b"text/plain"))
    assert [(r.status, r.cluster) for r in over] == [(200, "")]


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


def test_a_call_that_takes_too_long_ends_with_its_connection() -> None:
    connection, transport, _ = connected()
    over: list[Record] = []
    late = call(over)
    connection.send(late, b"")
    time_out(connection, late)
    assert [r.error for r in over] == ["timeout"]
    assert transport.closed


def test_an_answer_in_time_keeps_its_connection() -> None:
    connection, transport, _ = connected()
    over: list[Record] = []
    answered = call(over)
    connection.send(answered, b"")
    connection.data_received(ANSWER)
    time_out(connection, answered)
    assert [r.error for r in over] == [""]
    assert not transport.closed


def test_a_pool_learns_of_a_connection_that_is_gone() -> None:
    lost: list[int] = []
    connection = Counted(lambda _: None, lambda: lost.append(1))
    connection.connection_made(FakeTransport())
    connection.connection_lost(None)
    assert lost == [1]
