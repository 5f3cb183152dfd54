"""A process with a loopback of its own uses addresses that are taken elsewhere."""

import socket
import subprocess
import sys

import pytest

LISTEN = """
import socket, sys
from tests.loopback import take_own
try:
    take_own()
except PermissionError:
    sys.exit(77)
for host in ("127.0.0.1", "127.250.0.1"):
    with socket.create_server((host, int(sys.argv[1]))) as server:
        socket.create_connection(server.getsockname()).close()
"""


def test_an_address_that_is_taken_elsewhere_is_free_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = (sys.executable, "-c", LISTEN, port)
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode == 77:
        pytest.skip("a network namespace needs root")
    assert (done.returncode, done.stderr) == (0, "")
