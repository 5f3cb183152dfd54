"""Clients without a sidecar, spread over two gateways of their cluster, when one is lost."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from federation.demo import readiness
from federation.demo.layout import SERVICE_PORT, service_host
from federation.demo.processes import ProcessTable, envoy_of
from tests.e2e.rig import Mesh, wait_until

pytestmark = pytest.mark.timeout(120)

CLUSTER, SECOND = "us-east", "us-east-gateway-2"


class Second:
    """Another gateway of the first cluster, with its own range of addresses."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._table = ProcessTable(mesh.state)
        self.state = mesh.paths.state(SECOND)

    def start(self) -> None:
        first = self._mesh.member(f"{CLUSTER}-gateway")
        settings = yaml.safe_load(self._mesh.paths.config(first).read_text())
        host = self.address
        entry = settings["entry"] | {"addresses": f"{host.rpartition('.0.')[0]}.32.0/20"}
        settings |= {
            "name": "gateway-2",
            "address": host,
            "listen": f"{host}:15443",
            "readiness": f"{host}:15021",
            "state": str(self.state),
            "entry": entry,
            "drain_seconds": 2.0,
        }
        file = self._mesh.paths.folder / "config" / f"{SECOND}.yaml"
        file.write_text(yaml.safe_dump(settings))
        command = self._table_command(file)
        self._table.start(SECOND, command, self._mesh.paths.log(SECOND))

    @property
    def address(self) -> str:
        first = self._mesh.member(f"{CLUSTER}-gateway").address("mtls")
        return f"{first.rpartition(':')[0].rpartition('.')[0]}.7"

    def _table_command(self, file: Path) -> tuple[str, ...]:
        first = next(p for p in self._table.load() if p.name == f"{CLUSTER}-gateway")
        return (*first.command[:-1], str(file))

    @property
    def pid(self) -> int:
        return next(p.pid for p in self._table.load() if p.name == SECOND)

    @property
    def pids(self) -> list[int]:
        envoy = envoy_of(self.state)
        return [self.pid, *([envoy] if envoy else [])]

    def signal(self, number: int) -> None:
        for pid in self.pids:
            os.kill(pid, number)

    def is_ready(self) -> bool:
        return readiness.get(f"{self.address}:15021", "/ready")[0] == 200


@pytest.fixture
def second(mesh: Mesh) -> Iterator[Second]:
    """It runs, and DNS leads to it."""
    found = Second(mesh)
    found.start()
    try:
        wait_until("it is ready", found.is_ready, 20)
        wait_until("DNS leads to both", lambda: len(addresses(mesh)) == 2, 10)
        yield found
    finally:
        for pid in found.pids:
            os.kill(pid, signal.SIGKILL)
        ProcessTable(mesh.state).forget(SECOND)
        wait_until("DNS leads to one", lambda: len(addresses(mesh)) == 1, 20)


def addresses(mesh: Mesh) -> set[str]:
    """All that DNS says for a service."""
    reply = mesh.ask(CLUSTER, "api.demo.svc.clusterset.local")
    return {str(record.rdata) for record in reply.rr}


def test_clients_are_spread_over_both(mesh: Mesh, second: Second) -> None:
    assert {mesh.entry(CLUSTER) for _ in range(4)} == addresses(mesh)
    for address in addresses(mesh):
        host = service_host("api")
        assert readiness.get(f"{address}:{SERVICE_PORT}", "/", host)[0] == 200


@contextmanager
def killed(second: Second) -> Iterator[None]:
    second.signal(signal.SIGKILL)
    yield


@contextmanager
def frozen(second: Second) -> Iterator[None]:
    second.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        second.signal(signal.SIGCONT)


@contextmanager
def drained(second: Second) -> Iterator[None]:
    os.kill(second.pid, signal.SIGTERM)
    yield


@pytest.mark.parametrize("lose", [killed, frozen, drained])
def test_dns_leaves_a_gateway_that_is_lost_within_two_seconds(
    mesh: Mesh, second: Second, lose: object
) -> None:
    with lose(second):  # type: ignore[operator]
        took = wait_until("DNS leads to one", lambda: len(addresses(mesh)) == 1, 10)
        assert took < 2.5
        host = service_host("api")
        assert readiness.get(f"{mesh.entry(CLUSTER)}:{SERVICE_PORT}", "/", host)[0] == 200
