"""A workload without a sidecar is called from another cluster: its gateway ends the mutual TLS."""

import json
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from federation.demo import readiness
from federation.demo.layout import SERVICE_PORT, SERVICE_TCP_PORT, service_host
from federation.verify import guarantees
from tests.e2e.documents import api_workload, export, text_of
from tests.e2e.plain import plain_service
from tests.e2e.rig import Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def legacy(mesh: Mesh) -> Iterator[None]:
    """`legacy` of eu-west is the application of api-1, without its sidecar."""
    address = api_workload(mesh.layout, "eu-west").address
    text = text_of(*plain_service("legacy", address), export("legacy"))
    with mesh.edited("eu-west", "legacy.yaml", text):
        for cluster in ("us-east", "us-west"):
            wait_until(f"{cluster} answers", partial(_is_answered, mesh, cluster), 15)
        yield


def _is_answered(mesh: Mesh, cluster: str) -> bool:
    """By the sidecar of a cluster, and at the address that its DNS tells."""
    name = service_host("legacy")
    if mesh.call(cluster, "legacy")[0] != 200 or not mesh.ask(cluster, name.partition(":")[0]).rr:
        return False
    address = f"{mesh.entry(cluster, 'legacy')}:{SERVICE_PORT}"
    return readiness.get(address, "/", name)[0] == 200


@pytest.mark.usefixtures("legacy")
def test_the_application_hears_who_calls_and_nobody_can_forge_it(mesh: Mesh) -> None:
    status, said = mesh.call("us-east", "legacy")
    assert (status, said["cluster"]) == (200, "eu-west")
    assert said["caller"] == "spiffe://us-east.fedmesh.demo/ns/demo/sa/web"
    host, _, port = mesh.proxy("us-east").rpartition(":")
    forged = "By=spiffe://x;URI=spiffe://us-west.fedmesh.demo/ns/demo/sa/api"
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = f"GET / HTTP/1.1\r\nHost: {service_host('legacy')}\r\nConnection: close\r\n"
        connection.sendall(f"{head}X-Forwarded-Client-Cert: {forged}\r\n\r\n".encode())
        reply = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert "spiffe://us-east.fedmesh.demo/ns/demo/sa/web" in reply
    assert "us-west" not in reply


@pytest.mark.usefixtures("legacy")
def test_a_client_without_a_sidecar_calls_a_workload_without_one(mesh: Mesh) -> None:
    address = mesh.entry("us-west", "legacy")
    host = service_host("legacy")
    status, said = readiness.get(f"{address}:{SERVICE_PORT}", "/", host)
    assert (status, said["cluster"]) == (200, "eu-west")
    assert said["caller"] == "spiffe://us-west.fedmesh.demo/entry"


@pytest.mark.usefixtures("legacy")
def test_tcp_is_passed_on_as_it_is(mesh: Mesh) -> None:
    address = (mesh.entry("us-east", "legacy"), SERVICE_TCP_PORT)
    with socket.create_connection(address, timeout=5) as connection:
        first = json.loads(connection.makefile().readline())
        assert first["cluster"] == "eu-west"


@pytest.mark.usefixtures("legacy")
def test_grpc_is_answered(mesh: Mesh, tmp_path: Path) -> None:
    with mesh.traffic("us-east", tmp_path, rate=40, service="legacy", protocol="grpc") as load:
        pause(1.0)
    records = load.over.records
    assert len(records) > 20
    assert not guarantees.failures(records)


def test_an_address_with_two_ports_in_two_slices_is_called_where_it_is_ready(mesh: Mesh) -> None:
    address = api_workload(mesh.layout, "eu-west").address
    meant, here = plain_service("two-ports", address, (("http", SERVICE_PORT),))
    dead = {"addresses": [address], "conditions": {"ready": False}}
    other = {
        **here,
        "metadata": {**here["metadata"], "name": "two-ports-0"},
        "endpoints": [dead],
        "ports": [{"name": "http", "protocol": "TCP", "port": 9}],
    }
    with mesh.edited("eu-west", "two.yaml", text_of(meant, other, here, export("two-ports"))):
        wait_until("it is answered", lambda: mesh.call("us-east", "two-ports")[0] == 200, 10)
        assert {mesh.call("us-east", "two-ports")[0] for _ in range(12)} == {200}
