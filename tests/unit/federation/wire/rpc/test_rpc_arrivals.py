"""Who waits is woken by whatever comes in, also when somebody else has read it already."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from federation.wire.rpc.arrivals import Arrivals

LONG_SECONDS = 10.0
"""Not waited for: a test that waits so long fails by its own time."""


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The caller's end and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = socket.create_connection(server.getsockname())
        here, _ = server.accept()
        with closing(there), closing(here):
            yield there, here


@pytest.fixture
def arrivals() -> Iterator[Arrivals]:
    with closing(Arrivals()) as found:
        yield found


def test_the_bell_ends_one_wait(arrivals: Arrivals) -> None:
    assert not arrivals.wait(0)
    arrivals.ring()
    arrivals.ring()
    assert arrivals.wait(LONG_SECONDS)
    assert not arrivals.wait(0)


def woken(arrivals: Arrivals) -> bool:
    """Whether a wait ends by itself."""
    return bool(arrivals._events.poll(0))


def test_what_comes_in_wakes_once_each_time_also_when_it_was_read(arrivals: Arrivals) -> None:
    with connected() as (there, here):
        assert arrivals.hear(here)
        arrivals.wait(0)  # it may write
        assert not woken(arrivals)
        for _ in range(3):
            there.sendall(b"x")
            assert here.recv(10) == b"x"
            assert woken(arrivals)
            assert not woken(arrivals)


def test_what_is_heard_is_the_connection_and_not_its_descriptor(arrivals: Arrivals) -> None:
    with connected() as (there, here):
        with socket.socket(fileno=os.dup(here.fileno())) as copy:
            assert arrivals.hear(copy)
            assert arrivals.hear(copy)
        arrivals.wait(0)
        there.sendall(b"x")
        assert woken(arrivals)


def test_it_keeps_no_connection_open(arrivals: Arrivals) -> None:
    with connected() as (there, here):
        arrivals.hear(here)
        here.close()
        assert there.recv(10) == b""


def test_an_end_wakes(arrivals: Arrivals) -> None:
    with connected() as (there, here):
        arrivals.hear(here)
        arrivals.wait(0)
        there.close()
        assert woken(arrivals)


def test_what_cannot_be_heard_is_said(arrivals: Arrivals) -> None:
    with Path(os.devnull).open() as file:  # epoll takes none
        assert not arrivals.hear(file)  # type: ignore[arg-type]


def test_who_rings_after_the_end_does_no_harm() -> None:
    arrivals = Arrivals()
    arrivals.close()
    arrivals.ring()
    with pytest.raises(ValueError, match="closed"):
        arrivals.wait(0)
