"""A client that knows nothing but its DNS server reaches every service, whoever dies."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from dnslib import QTYPE, RCODE

from federation.demo import readiness
from federation.demo.layout import (
    SERVICE_GRPC_PORT,
    SERVICE_PORT,
    SERVICE_TCP_PORT,
    backends_of,
    service_host,
)
from federation.model.annotations import STEERING
from federation.model.errors import Denied, FedmeshError
from federation.supervisor.certificates import agent_trust
from federation.verify import guarantees
from federation.wire import codec
from federation.wire.rpc import methods
from federation.wire.rpc.channel import connect
from federation.xds.messages import Request
from tests.e2e.documents import api_workload, export, service, text_of
from tests.e2e.rig import Mesh, ask_dns, pause, wait_until

pytestmark = pytest.mark.timeout(120)

NAME = "api.demo.svc.clusterset.local"
ALONE = "127.30.0.53"


def get(address: str, service: str = "api", path: str = "/") -> tuple[int, dict[str, Any]]:
    """A GET at the address of a service."""
    return readiness.get(f"{address}:{SERVICE_PORT}", path, service_host(service))


@pytest.mark.parametrize("cluster", ["us-east", "us-west", "eu-west"])
def test_a_client_without_a_sidecar_is_answered_by_its_own_cluster(
    mesh: Mesh, cluster: str
) -> None:
    status, said = get(mesh.entry(cluster))
    assert (status, said["cluster"]) == (200, cluster)
    assert said["caller"] == f"spiffe://{cluster}.fedmesh.demo/entry"


def test_a_service_of_other_clusters_is_answered_by_the_nearest(mesh: Mesh) -> None:
    status, said = get(mesh.entry("us-east", "orders"), "orders")
    assert (status, said["cluster"]) == (200, "us-west")


def test_tcp_reaches_a_service_of_another_cluster(mesh: Mesh) -> None:
    address = (mesh.entry("us-east", "orders"), SERVICE_TCP_PORT)
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"hello\n")
        assert connection.recv(200)


def test_grpc_reaches_a_service_of_another_cluster(mesh: Mesh, tmp_path: Path) -> None:
    target = f"{mesh.entry('us-east', 'orders')}:{SERVICE_GRPC_PORT}"
    with mesh.traffic(
        "us-east", tmp_path, rate=40, service="orders", protocol="grpc", target=target
    ) as load:
        pause(1.0)
    records = load.over.records
    assert len(records) > 20
    assert not guarantees.failures(records)


def test_a_name_that_was_resolved_once_survives_the_loss_of_all_local_backends(
    mesh: Mesh, tmp_path: Path
) -> None:
    target = f"{mesh.entry('us-east')}:{SERVICE_PORT}"
    names = [m.name for m in backends_of(mesh.layout, "us-east", "api")]
    with mesh.traffic("us-east", tmp_path, rate=100, target=target) as load:
        pause(1.0)
        mesh.kill(*names)
        pause(2.0)
        mesh.start(*names)
        pause(1.0)
    records = load.over.records
    assert not guarantees.failures(records)
    assert {r.cluster for r in records} >= {"us-east", "us-west"}


def test_addresses_stay_over_restarts_of_agent_and_gateway(mesh: Mesh) -> None:
    before = [mesh.entry("us-east", service) for service in ("api", "orders", "web")]
    assert len(set(before)) == 3
    for name in ("us-east-agent", "us-east-gateway"):
        mesh.kill(name)
        mesh.start(name)
    wait_until("the gateway serves", lambda: mesh.is_ready("us-east-gateway"), 15)
    mesh.check_health()
    assert [mesh.entry("us-east", service) for service in ("api", "orders", "web")] == before
    assert get(before[0])[0] == 200


def test_dns_and_entry_go_on_without_agent_and_controller(mesh: Mesh) -> None:
    before = mesh.entry("us-east")
    mesh.kill("controller", "us-east-agent")
    mesh.kill("us-east-dns")
    mesh.start("us-east-dns")
    try:
        health = mesh.member("us-east-dns").address("health")
        ready = lambda: readiness.get(health, "/ready")[0] == 200  # noqa: E731
        wait_until("it answers from its disk", ready, 10)
        assert mesh.entry("us-east") == before
        assert get(before)[0] == 200
    finally:
        mesh.start("controller", "us-east-agent")


@contextmanager
def server_alone(folder: Path) -> Iterator[str]:
    """A DNS server whose agent is nowhere; its address."""
    settings = {
        "listen": f"{ALONE}:15053",
        "agent": f"{ALONE}:15012",
        "trust_file": str(folder / "trust.pem"),
        "token_file": str(folder / "token"),
        "state": str(folder / "state"),
    }
    config = folder / "dns.yaml"
    config.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "cluster_agent.dns.main", "--config", str(config)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield ALONE
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def test_before_its_first_sync_ever_a_server_knows_nothing(tmp_path: Path) -> None:
    with server_alone(tmp_path) as host:

        def answers() -> bool:
            try:
                return bool(ask_dns(host, 15053, NAME).header.rcode == RCODE.SERVFAIL)
            except TimeoutError:
                return False

        wait_until("SERVFAIL", answers, 15)
        assert ask_dns(host, 15053, "nobody.clusterset.local").header.rcode == RCODE.SERVFAIL
        assert ask_dns(host, 15053, ".", "NS").header.rcode == RCODE.REFUSED
        with socket.create_connection((host, 15053), timeout=5) as connection:
            connection.sendall(b"\0\5short")
            assert connection.recv(10) == b""


def test_a_withdrawn_service_has_no_name_and_a_new_one_has(mesh: Mesh) -> None:
    name = "late.demo.svc.clusterset.local"
    assert mesh.ask("us-west", name).header.rcode == RCODE.NXDOMAIN
    spec = {"apiVersion": "v1", "kind": "Service"}
    document = {
        **spec,
        "metadata": {"name": "late", "namespace": "demo"},
        "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80}]},
    }
    with mesh.edited("us-east", "late.yaml", text_of(document, export("late"))):
        wait_until("it has a name", lambda: bool(mesh.ask("us-west", name).rr), 15)
        srv = mesh.ask("us-west", f"_http._tcp.{name}", "SRV")
        assert [r.rtype for r in srv.rr] == [QTYPE.SRV]
        assert mesh.ask("us-west", name, "AAAA").header.rcode == RCODE.NOERROR
    gone = lambda: mesh.ask("us-west", name).header.rcode == RCODE.NXDOMAIN  # noqa: E731
    wait_until("the name is gone", gone, 15)


@pytest.mark.parametrize("number", range(3))
def test_whoever_is_told_of_a_new_address_is_let_in_there(mesh: Mesh, number: int) -> None:
    name = f"fresh-{number}"
    documents = (*service(name, api_workload(mesh.layout, "us-east")), export(name))
    with mesh.edited("us-east", "fresh.yaml", text_of(*documents)):

        def told() -> list[str]:
            reply = mesh.ask("us-east", f"{name}.demo.svc.clusterset.local")
            return [str(record.rdata) for record in reply.rr]

        wait_until("it has an address", lambda: bool(told()), 15)
        (address,) = told()
        with socket.create_connection((address, SERVICE_PORT), timeout=5):
            pass


def test_a_service_that_asks_for_it_is_steered_by_dns(mesh: Mesh) -> None:
    steered = {**export("api"), "spec": {"exportedAnnotations": {STEERING: "true"}}}
    names = [m.name for m in backends_of(mesh.layout, "us-east", "api")]
    zone = "mesh.local"

    def strict(cluster: str) -> str:
        reply = mesh.ask("us-east", f"{cluster}.api.demo.svc.{zone}")
        return str(reply.rr[0].rdata) if reply.rr else ""

    plain = mesh.entry("us-east")
    with steered_everywhere(mesh, steered):
        wait_until("strict addresses", lambda: bool(strict("us-east") and strict("us-west")), 10)
        preferred = mesh.entry("us-east", zone=zone)
        assert len({plain, preferred, strict("us-east"), strict("us-west")}) == 4
        assert mesh.entry("us-east") == plain
        wait_until("it listens", lambda: get(strict("us-west"))[0] == 200, 15)
        assert get(strict("us-west"))[1]["cluster"] == "us-west"
        assert get(preferred)[1]["cluster"] == "us-east"
        mesh.kill(*names)
        try:
            moved = lambda: mesh.entry("us-east", zone=zone) != preferred  # noqa: E731
            assert wait_until("DNS leads elsewhere", moved, 15) < 2
            other = mesh.entry("us-east", zone=zone)
            assert get(other)[1]["cluster"] == "us-west"
            assert get(preferred)[1]["cluster"] == "us-west", "an old answer leads somewhere, too"
            assert get(strict("us-east"))[0] == 503
        finally:
            mesh.start(*names)
        back = lambda: mesh.entry("us-east", zone=zone) == preferred  # noqa: E731
        wait_until("DNS leads back", back, 15)
    wait_until("steered no more", lambda: not strict("us-east"), 10)


@contextmanager
def steered_everywhere(mesh: Mesh, steered: dict[str, Any]) -> Iterator[None]:
    """All clusters export `api` like this."""
    text = {
        cluster: text_of(*(export(s) for s in services if s != "api"), steered)
        for cluster, services in (
            ("us-east", ("web",)),
            ("us-west", ("orders", "web")),
            ("eu-west", ("orders", "web")),
        )
    }
    with (
        mesh.edited("us-east", "exports.yaml", text["us-east"]),
        mesh.edited("us-west", "exports.yaml", text["us-west"]),
        mesh.edited("eu-west", "exports.yaml", text["eu-west"]),
    ):
        yield


def test_only_a_token_for_dns_reads_names(mesh: Mesh) -> None:
    token = mesh.paths.token("us-east-gateway").read_text().strip()
    trust = agent_trust.read_trust(mesh.paths.state("us-east-agent") / "trust.pem")
    agent = mesh.member("us-east-agent").address("xds")

    async def read() -> None:
        async with (
            connect(agent, trust.identity, trust.agent_host, token) as connection,
            connection.stream(methods.NAMES) as link,
        ):
            await link.write(Request(codec.SERVICE_NAMES, "dns"))
            await link.read()

    with pytest.raises(Denied):
        asyncio.run(read())


def test_a_token_for_dns_gets_no_certificate(mesh: Mesh) -> None:
    token = mesh.paths.token("us-east-dns").read_text().strip()
    trust = agent_trust.read_trust(mesh.paths.state("us-east-agent") / "trust.pem")
    agent = mesh.member("us-east-agent").address("xds")

    async def certify() -> None:
        async with connect(agent, trust.identity, trust.agent_host, token) as connection:
            await agent_trust.certify(connection)

    with pytest.raises(FedmeshError, match="subject is 'dns'"):
        asyncio.run(certify())


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig (Debian: bind9-dnsutils) is not here")
def test_dig_is_answered_over_udp_and_tcp(mesh: Mesh) -> None:
    host, _, port = mesh.member("us-east-dns").address("dns").rpartition(":")
    for more in ((), ("+tcp",), ("+noedns",)):
        command = ("dig", f"@{host}", "-p", port, "+short", *more, NAME)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == mesh.entry("us-east")


def test_metrics_tell_what_was_asked(mesh: Mesh) -> None:
    mesh.entry("us-east")
    host, _, port = mesh.member("us-east-dns").address("metrics").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    line = (
        'fedmesh_dns_queries_total{path="table",rcode="NOERROR",type="A",zone="clusterset.local"}'
    )
    assert line in text
    assert "fedmesh_dns_table_synced 1.0" in text
