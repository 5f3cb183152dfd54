"""The connections of a server as the kernel shows them, and an end for one of them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from federation.wire.rpc import connection_guard
from federation.wire.rpc.connection_guard import Sockets, guarded, peer_name
from federation.wire.rpc.intake import STRANGER_BYTES, Intake


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
    with connected() as (port, there, here), guarded(port, Intake()):
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
