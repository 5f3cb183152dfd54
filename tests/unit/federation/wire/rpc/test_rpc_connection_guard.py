"""The connections of a server as the kernel shows them, and an end for one of them."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from federation.wire.rpc import connection_guard
from federation.wire.rpc.arrivals import Arrivals
from federation.wire.rpc.connection_guard import (
    LOOK_SECONDS,
    REST_SECONDS,
    Found,
    Guard,
    Sockets,
    guarded,
    peer_name,
)
from federation.wire.rpc.intake import STRANGER_BYTES, Intake, Seen


@contextmanager
def connected() -> Iterator[tuple[int, socket.socket, socket.socket]]:
    """Port, the caller's end and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))) as there:
            here, _ = server.accept()
            with closing(here):
                yield port, there, here


def test_what_came_in_on_a_connection_is_seen_and_others_are_not_shown() -> None:
    with connected() as (port, there, here):
        there.sendall(b"x" * 1000)
        here.recv(10)
        sockets = Sockets(port)
        for _ in range(2):
            found = sockets.look()
            assert list(found) == [peer_name(there.getsockname())]
            assert found[peer_name(there.getsockname())].seen.received == 1000


def test_those_that_are_known_are_looked_at_without_looking_for_others() -> None:
    with connected() as (port, there, _):
        sockets = Sockets(port)
        name = peer_name(there.getsockname())
        assert not sockets.look_again()
        sockets.look()
        there.sendall(b"x" * 1000)
        assert sockets.look_again()[name].seen.received == 1000
        assert sockets.look_again() == sockets.look()


def test_what_has_its_descriptor_by_now_is_not_taken_for_it() -> None:
    with connected() as (port, _, here), closing(socket.socket()) as other:
        sockets = Sockets(port)
        assert sockets.look()
        os.dup2(other.fileno(), here.fileno())
        assert not sockets.look_again()
        assert not sockets.look()


@pytest.mark.parametrize("works", [True, False])
def test_each_connection_is_heard_once_and_known_when_it_cannot_be(works: bool) -> None:
    heard: list[int] = []

    def hear(connection: socket.socket) -> bool:
        heard.append(connection.fileno())
        return works

    with connected() as (port, _, here):
        sockets = Sockets(port, hear)
        sockets.look()
        sockets.look()
        assert len(heard) == 1
        assert sockets.are_heard is works
        here.close()
        assert not sockets.look_again()
        assert sockets.are_heard


def test_one_that_is_cut_ends_for_both_sides() -> None:
    with connected() as (port, there, here):
        (peer, found), *_ = Sockets(port).look().items()
        assert Sockets.cut(peer, found)
        assert there.recv(10) == b""
        assert here.recv(10) == b""


def test_a_descriptor_that_is_another_connection_by_now_is_left_alone() -> None:
    with connected() as (port, there, here):
        (_, found), *_ = Sockets(port).look().items()
        assert not Sockets.cut("ipv4:127.0.0.1:1", found)
        there.sendall(b"x")
        assert here.recv(10) == b"x"
    assert not Sockets.cut("ipv4:127.0.0.1:1", found)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (("10.0.0.1", 80), "ipv4:10.0.0.1:80"),
        (("::1", 80, 0, 0), "ipv6:%5B::1%5D:80"),
        (("::ffff:10.0.0.1", 80, 0, 0), "ipv4:10.0.0.1:80"),
        (("fe80::1%eth0", 80, 0, 2), "ipv6:%5Bfe80::1%25eth0%5D:80"),
    ],
)
def test_a_peer_is_called_as_grpc_calls_it(address: tuple[object, ...], name: str) -> None:
    assert peer_name(address) == name


def test_while_it_is_guarded_who_sends_too_much_is_cut_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection_guard, "LOOK_SECONDS", 0.0)
    before = threading.active_count()
    with (
        connected() as (port, there, here),
        closing(Arrivals()) as arrivals,
        guarded(port, Intake(), arrivals),
    ):
        sender = threading.Thread(target=_send, args=(there, 2 * STRANGER_BYTES))
        sender.start()
        while here.recv(65_536):
            pass
        sender.join()
    assert "connection cut peer=ipv4:127.0.0.1" in caplog.text
    assert threading.active_count() == before


def _send(there: socket.socket, size: int) -> None:
    try:
        there.sendall(b"x" * size)
        there.recv(1)
    except OSError:
        return


class Shown:
    """Connections as the kernel would show them; says how they were looked at."""

    def __init__(self, **seen: int) -> None:
        self.seen = {name: Found(0, Seen(size)) for name, size in seen.items()}
        self.looks: list[str] = []
        self.are_heard = True
        self.cuts: list[str] = []
        self.fails = False

    def look(self) -> dict[str, Found]:
        if self.fails:
            raise OSError
        self.looks.append("all")
        return self.seen

    def look_again(self) -> dict[str, Found]:
        self.looks.append("known")
        return self.seen

    def cut(self, peer: str, _: Found) -> bool:
        self.cuts.append(peer)
        return True


class Waits:
    """How long somebody would have waited; `rung` says whether the bell ended it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.rung = False

    def __call__(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return self.rung


def proved(*peers: str) -> Intake:
    intake = Intake()
    for peer in peers:
        with intake.call(peer, 1000):
            pass
    return intake


def test_while_a_stranger_is_there_it_does_not_rest() -> None:
    shown, waits = Shown(member=10, stranger=10), Waits()
    guard = Guard(shown, proved("member"), waits)  # type: ignore[arg-type]
    guard.turn()
    guard.turn()
    assert waits.seconds == [0.0, 0.0]
    assert guard.pause == LOOK_SECONDS


def test_with_members_that_have_sent_nothing_too_much_it_rests_until_it_is_told() -> None:
    shown, waits = Shown(member=10), Waits()
    guard = Guard(shown, proved("member"), waits)  # type: ignore[arg-type]
    guard.turn()
    guard.turn()
    waits.rung = True
    guard.turn()
    assert waits.seconds == [0.0, REST_SECONDS, REST_SECONDS]
    assert shown.looks == ["all", "known", "all"]


def test_it_looks_for_connections_it_was_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_guard, "REST_SECONDS", 0.0)
    shown = Shown(member=10)
    guard = Guard(shown, proved("member"), Waits())  # type: ignore[arg-type]
    guard.turn()
    guard.turn()
    assert shown.looks == ["all", "all"]


def test_what_cannot_be_heard_is_looked_at_all_the_time() -> None:
    shown, waits = Shown(member=10), Waits()
    shown.are_heard = False
    guard = Guard(shown, proved("member"), waits)  # type: ignore[arg-type]
    guard.turn()
    guard.turn()
    assert waits.seconds == [0.0, 0.0]


def test_when_no_descriptor_is_free_it_looks_at_all_again() -> None:
    shown, waits = Shown(member=10), Waits()
    guard = Guard(shown, proved("member"), waits)  # type: ignore[arg-type]
    shown.fails = True
    guard.turn()
    shown.fails = False
    guard.turn()
    assert waits.seconds == [0.0, 0.0]
    assert shown.looks == ["all"]


def test_a_member_that_sends_after_a_rest_is_cut() -> None:
    shown = Shown(member=10)
    guard = Guard(shown, proved("member"), Waits())  # type: ignore[arg-type]
    guard.turn()
    shown.seen = {"member": Found(0, Seen(1 << 30))}
    guard.turn()
    assert shown.cuts == ["member"]
