"""HTTP load: what goes over the wire, and which connection carries it."""

from collections.abc import Callable

from federation.verify.call import Call, Load
from federation.verify.client_http import HttpClient, request_bytes
from federation.verify.connection import Connection
from federation.verify.history import About, Record
from federation.verify.http1 import MessageReader
from tests.unit.fakes.fake_transport import FakeTransport

ABOUT = About("10.0.0.1:80", "api.demo", "/x", "POST", 100.0)
LOAD = Load("10.0.0.1", 80, ABOUT, 1.0, body_bytes=3)


def call(over: list[Record]) -> Call:
    return Call("run-1", 5.0, 5.01, over.append)


def idle(on_free: Callable[[Connection], None]) -> tuple[Connection, FakeTransport]:
    connection, transport = Connection(on_free), FakeTransport()
    connection.connection_made(transport)
    return connection, transport


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


def test_a_get_has_no_body() -> None:
    load = Load("10.0.0.1", 80, About("t", "h", "/", "GET", 1.0), 1.0, body_bytes=3)
    assert request_bytes(load, "a").endswith(b"x-request-id: a\r\n\r\n")


async def test_a_free_connection_is_used_and_a_broken_one_is_not() -> None:
    client = HttpClient(LOAD)
    good, carries = idle(client._idle.append)
    broken, silent = idle(client._idle.append)
    silent.closed = True
    client._idle += [good, broken]
    over: list[Record] = []
    client.begin(call(over))
    assert carries.written == request_bytes(LOAD, "run-1")
    assert silent.written == b""
    good.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert [r.status for r in over] == [204]
    assert client._idle == [good]
    await client.close()
    assert carries.closed


def test_a_full_pool_fails_the_request_instead_of_delaying_it() -> None:
    over: list[Record] = []
    HttpClient(Load("10.0.0.1", 80, ABOUT, 1.0, connections=0)).begin(call(over))
    assert [r.error for r in over] == ["generator: no free connection"]
