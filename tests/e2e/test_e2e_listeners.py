"""A port that another program has for a moment: the proxy says so, and listens when it is free."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.e2e.rig import Mesh, wait_until

SIDECAR, GATEWAY, AGENT = "eu-west-web-1-sidecar", "us-west-gateway", "us-east-agent"


@contextlib.contextmanager
def taken(address: str) -> Iterator[None]:
    """Another program listens there."""
    host, _, port = address.rpartition(":")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((host, int(port)))
        other.listen()
        yield


def is_told(mesh: Mesh, proxy: str, address: str) -> bool:
    words = (proxy, " does not listen at ", f"'{address}': Address already in use")
    return any(all(w in p["what"] for w in words) for p in mesh.client.status()["problems"])


@pytest.mark.timeout(120)
def test_a_port_taken_for_a_moment_is_told_and_then_used(mesh: Mesh) -> None:
    mesh.check_health()
    outbound = mesh.member(SIDECAR).address("outbound")
    east_west = mesh.member(GATEWAY).address("mtls")
    names = (("sidecar demo/web-1", outbound), ("gateway ", east_west))
    xds = mesh.member(AGENT).address("xds")
    try:
        mesh.kill(SIDECAR, GATEWAY, AGENT)
        with taken(xds):
            mesh.start(AGENT)
            waits = f"cannot listen yet loop={xds}"
            wait_until("the agent waits", lambda: waits in mesh.log(AGENT), 20)
        with taken(outbound), taken(east_west):
            mesh.start(SIDECAR, GATEWAY)
            wait_until("both are told", lambda: all(is_told(mesh, *name) for name in names), 30)
            assert not mesh.is_ready(SIDECAR)
            assert not mesh.is_ready(GATEWAY)
        both = (SIDECAR, GATEWAY)
        wait_until("both are ready", lambda: all(map(mesh.is_ready, both)), 30)
        assert mesh.call("eu-west")[0] == 200
        wait_until("nothing is told", lambda: not mesh.client.status()["problems"], 30)
    finally:
        mesh.repair()
    mesh.check_health()
