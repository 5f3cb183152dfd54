"""Over TCP the application speaks first, and then says every line again."""

import json

from federation.demo.app_tcp import MAX_LINE_BYTES, Echo
from federation.demo.app_work import Work
from tests.unit.fakes.fake_transport import FakeTransport

WHO = {"cluster": "us-east", "workload": "api-1", "version": "v1"}


def connected() -> tuple[Echo, FakeTransport]:
    echo, transport = Echo(Work(WHO)), FakeTransport()
    echo.connection_made(transport)
    return echo, transport


def test_the_server_says_who_it_is_before_it_is_asked() -> None:
    _, transport = connected()
    said = transport.said()
    assert json.loads(said) == WHO
    assert said.endswith(b"\n")
    assert said.count(b"\n") == 1


def test_whole_lines_come_back_however_they_were_cut() -> None:
    echo, transport = connected()
    transport.said()
    echo.data_received(b"one\ntw")
    assert transport.said() == b"one\n"
    echo.data_received(b"o")
    assert transport.said() == b""
    echo.data_received(b"\n\nthree\nrest")
    assert transport.said() == b"two\n\nthree\n"
    assert not transport.closed


def test_a_line_without_end_ends_the_connection() -> None:
    echo, transport = connected()
    echo.data_received(b"x" * MAX_LINE_BYTES)
    assert not transport.closed
    echo.data_received(b"x")
    assert transport.closed


def test_a_client_that_does_not_read_is_not_read_from() -> None:
    echo, transport = connected()
    echo.pause_writing()
    assert not transport.reading
    echo.resume_writing()
    assert transport.reading


def test_a_client_that_left_gets_nothing() -> None:
    echo, transport = connected()
    transport.said()
    echo.connection_lost(None)
    echo.data_received(b"late\n")
    assert transport.said() == b""
