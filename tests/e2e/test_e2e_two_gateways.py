"""Clients without a sidecar, spread over two gateways of their cluster, when one is lost."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
import yaml

from federation.demo import readiness
from federation.demo.layout import SERVICE_PORT, service_host
from federation.demo.processes import ProcessTable, envoy_of
from federation.envoy.senders import NEAR
from federation.runtime.files import write_private
from federation.verify import guarantees
from tests.e2e.rig import Mesh, pause, wait_until
from tests.e2e.test_e2e_only_ours import workload_token

pytestmark = pytest.mark.timeout(120)

CLUSTER, REMOTE = "us-east", "us-west"
NAME = "gateway-2"
NOTICED_SECONDS = 2.5
"""When DNS leaves a gateway that says nothing any more, at the latest, on a busy machine."""
IN_FLIGHT_SECONDS = NEAR.ping_interval + NEAR.ping_timeout
"""So long calls go into a frozen gateway before it is noticed; they may not be repeated."""
MOSTLY = 0.9
"""A request that met the lost gateway may be answered by the next cluster: 7 to 10 % of these 6 s
when one of two is frozen, as decision 023 weighs it."""


class Second:
    """Another gateway of a cluster, with its own range of addresses."""

    def __init__(self, mesh: Mesh, cluster: str) -> None:
        self.cluster = cluster
        self.name = f"{cluster}-gateway-2"
        self._mesh = mesh
        self._table = ProcessTable(mesh.state)
        self.state = mesh.paths.state(self.name)

    def start(self, range_: str = "") -> None:
        first = self._mesh.member(f"{self.cluster}-gateway")
        settings = yaml.safe_load(self._mesh.paths.config(first).read_text())
        host = self.address
        range_ = range_ or f"{host.rpartition('.0.')[0]}.32.0/20"
        token, entry_token = (self._token(kind) for kind in ("gateway", "entry"))
        entry = {"addresses": range_, "token_file": entry_token}
        settings |= {
            "name": NAME,
            "token_file": token,
            "address": host,
            "listen": f"{host}:15443",
            "readiness": f"{host}:15021",
            "state": str(self.state),
            "entry": entry,
            "drain_seconds": 2.0,
        }
        file = self._mesh.paths.folder / "config" / f"{self.name}.yaml"
        file.write_text(yaml.safe_dump(settings))
        command = self._table_command(file)
        self._table.start(self.name, command, self._mesh.paths.log(self.name))

    def _token(self, kind: str) -> str:
        file = self._mesh.paths.token(f"{self.name}-{kind}")
        write_private(file, workload_token(self._mesh, self.cluster, f"{kind}:{NAME}").encode())
        return str(file)

    @property
    def address(self) -> str:
        first = self._mesh.member(f"{self.cluster}-gateway").address("mtls")
        return f"{first.rpartition(':')[0].rpartition('.')[0]}.7"

    def _table_command(self, file: Path) -> tuple[str, ...]:
        first = next(p for p in self._table.load() if p.name == f"{self.cluster}-gateway")
        return (*first.command[:-1], str(file))

    @property
    def pid(self) -> int:
        return next(p.pid for p in self._table.load() if p.name == self.name)

    @property
    def pids(self) -> list[int]:
        envoy = envoy_of(self.state)
        return [self.pid, *([envoy] if envoy else [])]

    def signal(self, number: int) -> None:
        for pid in self.pids:
            os.kill(pid, number)

    def is_seen(self) -> bool:
        """Whether the first gateway's check of this one has passed: one that never did is new."""
        checks = self._mesh.ask_envoy(f"{self.cluster}-gateway", "/clusters").decode()
        name = f"remote~{self.cluster}~gateway-2~::{self.address}:15443::health_flags::healthy"
        return name in checks

    def is_ready(self) -> bool:
        return readiness.get(f"{self.address}:15021", "/ready")[0] == 200


@contextmanager
def running(mesh: Mesh, cluster: str) -> Iterator[Second]:
    """It runs, and DNS leads to it."""
    found = Second(mesh, cluster)
    found.start()
    try:
        wait_until("it is ready", found.is_ready, 20)
        wait_until("DNS leads to both", lambda: len(addresses(mesh, cluster)) == 2, 10)
        wait_until("the first has seen it", found.is_seen, 10)
        yield found
    finally:
        for pid in found.pids:
            os.kill(pid, signal.SIGKILL)
        ProcessTable(mesh.state).forget(found.name)
        wait_until("DNS leads to one", lambda: len(addresses(mesh, cluster)) == 1, 20)


@pytest.fixture
def second(mesh: Mesh) -> Iterator[Second]:
    with running(mesh, CLUSTER) as found:
        yield found


def addresses(mesh: Mesh, cluster: str = CLUSTER, service: str = "web") -> set[str]:
    """All that DNS says for a service."""
    reply = mesh.ask(cluster, f"{service}.demo.svc.clusterset.local")
    return {str(record.rdata) for record in reply.rr}


def test_a_gateway_whose_range_is_not_its_machines_own_is_not_led_to(mesh: Mesh) -> None:
    before = addresses(mesh)
    found = Second(mesh, CLUSTER)
    found.start("203.0.112.0/20")
    said = "gateway gateway-2 offers no entry at 203.0.112.0/20: this machine does not take"
    try:
        wait_until("it is ready", found.is_ready, 20)
        wait_until("people are told", lambda: said in problems(mesh), 10)
        assert addresses(mesh) == before
    finally:
        for pid in found.pids:
            os.kill(pid, signal.SIGKILL)
        ProcessTable(mesh.state).forget(found.name)


def problems(mesh: Mesh) -> str:
    return "\n".join(problem["what"] for problem in mesh.client.status()["problems"])


def test_clients_are_spread_over_both(mesh: Mesh, second: Second) -> None:
    found = addresses(mesh, second.cluster, "api")
    assert {mesh.entry(CLUSTER) for _ in range(4)} == found
    for address in found:
        host = service_host("api")
        assert readiness.get(f"{address}:{SERVICE_PORT}", "/", host)[0] == 200


Loss = Callable[[Second], AbstractContextManager[None]]


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
def test_dns_leaves_a_gateway_that_is_lost(mesh: Mesh, second: Second, lose: Loss) -> None:
    with lose(second):
        took = wait_until("DNS leads to one", lambda: len(addresses(mesh, second.cluster)) == 1, 10)
        assert took < NOTICED_SECONDS
        host = service_host("api")
        assert readiness.get(f"{mesh.entry(CLUSTER)}:{SERVICE_PORT}", "/", host)[0] == 200


class Resolving:
    """A client without a sidecar that asks DNS before every request, twenty times a second."""

    def __init__(self, mesh: Mesh, cluster: str) -> None:
        self._mesh = mesh
        self._cluster = cluster
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._waiting = ThreadPoolExecutor(max_workers=80)
        self.failed: list[float] = []
        self.answered = 0

    def __enter__(self) -> "Resolving":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._waiting.shutdown()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            self._waiting.submit(self._ask)

    def _ask(self) -> None:
        at = time.monotonic()
        address = f"{self._mesh.entry(self._cluster, 'orders')}:{SERVICE_PORT}"
        if readiness.get(address, "/", service_host("orders"))[0] == HTTPStatus.OK:
            self.answered += 1
        else:
            self.failed.append(at)


@pytest.mark.parametrize("lose", [killed, frozen, drained])
def test_the_loss_of_one_of_two_gateways_under_load_costs_what_was_inside_it(
    mesh: Mesh, tmp_path: Path, lose: Loss
) -> None:
    """Clients with a sidecar in another cluster, and without one at either gateway."""
    for name in ("get", "grpc", "first"):
        (tmp_path / name).mkdir()
    (stays,) = addresses(mesh, REMOTE, "orders")
    with (
        running(mesh, REMOTE) as second,
        mesh.traffic(CLUSTER, tmp_path / "get", rate=100, service="orders") as gets,
        mesh.traffic(
            CLUSTER, tmp_path / "grpc", rate=50, service="orders", protocol="grpc"
        ) as calls,
        mesh.traffic(
            REMOTE,
            tmp_path / "first",
            rate=50,
            service="orders",
            target=f"{stays}:{SERVICE_PORT}",
        ) as first,
        Resolving(mesh, REMOTE) as resolving,
    ):
        pause(2.0)
        at = time.monotonic()
        with lose(second):
            pause(4.0)
    for load in (gets, first):
        assert len(load.over.records) > 200
        assert not guarantees.failures(load.over.records)
        assert dict(guarantees.shares(load.over.records))[REMOTE] > MOSTLY
    late = [r for r in guarantees.failures(calls.over.records) if r.start > at + IN_FLIGHT_SECONDS]
    assert not late, "gRPC that was sent later"
    early = [r for r in guarantees.failures(calls.over.records) if r.end < at]
    assert not early
    assert resolving.answered > 40
    if lose is drained:
        assert not resolving.failed
        assert not guarantees.failures(calls.over.records)
    assert all(at <= when < at + NOTICED_SECONDS for when in resolving.failed)
