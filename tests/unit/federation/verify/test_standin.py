"""Who stands in for a dead process listens where that did, and is as silent or as rude as told."""

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from federation.verify.standin import HANG, REFUSE


def free_addresses(count: int) -> list[str]:
    with contextlib.ExitStack() as held:
        found = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in found]


def connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5.0)


def is_silent(connection: socket.socket) -> bool:
    """Whether it is open, and nothing was said so far."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        connection.settimeout(5.0)
        return True
    return False


def heard(connection: socket.socket) -> bytes:
    """All that is said until the end."""
    said = b""
    while data := connection.recv(1000):
        said += data
    return said


@contextlib.contextmanager
def standing_in(how: str, *addresses: str) -> Iterator[None]:
    command = (sys.executable, "-P", "-m", "federation.verify.standin", "--how", how, *addresses)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n"
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=5.0)
    assert process.returncode in (0, -signal.SIGTERM), "the signal may be early"
    assert complaints == ""


def test_who_hangs_accepts_at_every_address_and_says_nothing_until_it_ends() -> None:
    addresses = free_addresses(2)
    with contextlib.ExitStack() as connections:
        with standing_in(HANG, *addresses):
            found = [connections.enter_context(connect(address)) for address in addresses]
            for connection in found:
                connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                assert is_silent(connection)
        for connection in found:
            with contextlib.suppress(ConnectionResetError):
                assert heard(connection) == b""


def test_who_refuses_resets_every_connection() -> None:
    addresses = free_addresses(2)
    with standing_in(REFUSE, *addresses):
        for address in (*addresses, *addresses):
            with pytest.raises(ConnectionResetError), connect(address) as connection:
                heard(connection)


def test_an_address_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        command = (sys.executable, "-P", "-m", "federation.verify.standin", "--how", HANG, address)
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=8.0)
    assert ended.returncode == 1
    assert "cannot stand in" in ended.stderr
    assert ended.stdout == ""
