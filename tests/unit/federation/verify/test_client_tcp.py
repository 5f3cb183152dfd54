"""TCP load: the server speaks first, and only a right echo is an answer."""

import pytest

from federation.verify.call import Call, Load
from federation.verify.client_tcp import Exchange, TcpClient
from federation.verify.history import About, Record
from tests.unit.fakes.fake_transport import FakeTransport

FIRST = b'{"cluster": "us-east", "workload": "api-1", "version": "v1"}\n'


def connected() -> tuple[Exchange, FakeTransport, list[Record]]:
    over: list[Record] = []
    exchange, transport = Exchange(Call("run-1", 5.0, 5.01, over.append)), FakeTransport()
    exchange.connection_made(transport)
    return exchange, transport, over


def test_a_line_is_sent_only_after_the_server_spoke_and_its_echo_is_the_answer() -> None:
    exchange, transport, over = connected()
    assert transport.written == b""
    exchange.data_received(FIRST[:20])
    assert transport.written == b""
    exchange.data_received(FIRST[20:])
    assert transport.written == b"run-1\n"
    exchange.data_received(b"run")
    assert over == []
    exchange.data_received(b"-1\n")
    (record,) = over
    assert (record.status, record.cluster, record.workload) == (200, "us-east", "api-1")
    assert (record.at, record.start) == (5.0, 5.01)
    assert transport.closed
    assert exchange.over.is_set()


def test_the_end_of_the_connection_after_the_answer_changes_nothing() -> None:
    exchange, _, over = connected()
    exchange.data_received(FIRST)
    exchange.data_received(b"run-1\n")
    exchange.connection_lost(None)
    assert [r.failed for r in over] == [False]


@pytest.mark.parametrize(
    "parts",
    [
        (b"hello\n",),
        (b"{}\n",),
        (FIRST + b"run-1\n",),
        (FIRST, b"run-2\n"),
        (FIRST, b"run-1\nrun-1\n"),
        (FIRST, b"\n"),
        (b"x" * 70_000,),
    ],
    ids=["no json", "nobody", "echo too early", "wrong", "twice", "empty", "endless"],
)
def test_who_says_anything_else_fails_the_call(parts: tuple[bytes, ...]) -> None:
    exchange, transport, over = connected()
    for part in parts:
        exchange.data_received(part)
    assert [r.error[:9] for r in over] == ["protocol:"]
    assert transport.closed


@pytest.mark.parametrize(("cause", "error"), [(None, "closed"), (OSError(), "reset")])
def test_a_connection_that_is_cut_fails_its_call_once(cause: OSError | None, error: str) -> None:
    exchange, _, over = connected()
    exchange.data_received(FIRST)
    exchange.connection_lost(cause)
    exchange.time_out()
    assert [r.error for r in over] == [error]


def test_time_outs_say_how_far_it_came() -> None:
    exchange, transport, over = connected()
    exchange.time_out()
    alone: list[Record] = []
    for end in (Exchange.time_out, Exchange.refused):
        end(Exchange(Call("run-2", 5.0, 5.01, alone.append)))
    assert [r.error for r in over] == ["timeout"]
    assert [r.error for r in alone] == ["connect: timeout", "connect: refused"]
    assert transport.closed


async def test_too_many_connections_fail_the_request_instead_of_delaying_it() -> None:
    over: list[Record] = []
    load = Load("10.0.0.1", 80, About("t", "", "", "", 1.0, "tcp"), 1.0, connections=0)
    client = TcpClient(load)
    client.begin(Call("run-1", 5.0, 5.01, over.append))
    await client.close()
    assert [r.error for r in over] == ["generator: no free connection"]
