"""The rig: a running demo as the tests drive it: called, edited, killed, brought back, dumped."""

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dnslib import DNSRecord

from federation.client.client import Client
from federation.demo import mesh as demo
from federation.demo import readiness, topology
from federation.demo.configs import Paths
from federation.demo.layout import (
    NAMESPACE,
    SERVICE_GRPC_PORT,
    Layout,
    Member,
    Role,
    find_site,
    members,
    service_host,
)
from federation.demo.processes import ProcessTable, kill_now
from federation.model.errors import FedmeshError
from federation.runtime.files import write_atomic
from federation.verify import history
from federation.verify.history import History

Result = TypeVar("Result")
NETWORK = "127.30"
HEALTH_SECONDS = 20.0
_HERE_IN_A_ROW = 5
_REFUSED = (" is refused: ", " gets no certificate: ")
"""What is told for a minute of proxies that an agent has refused."""
_AGAIN_SECONDS = 0.005


class Unhealthy(Exception):  # noqa: N818
    """The rig itself is broken: the test says nothing about the mesh."""


def wait_until(what: str, passes: Callable[[], bool], seconds: float) -> float:
    """Ask until it is so; returns the seconds that took, raises AssertionError when it is late."""
    began = time.monotonic()
    while not passes():
        late = time.monotonic() - began
        assert late < seconds, f"{what}: not so after {late:.2f} s"
        pause(_AGAIN_SECONDS)
    return time.monotonic() - began


def pause(seconds: float) -> None:
    """Real processes need real time."""
    time.sleep(seconds)  # noqa: TID251


def finish(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on a loop of its own; the thread's current loop stays what it was."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def fedctl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run one command of fedctl to its end."""
    command = (sys.executable, "-m", "federation.cli.main", *words)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@dataclass(slots=True)
class Load:
    """Requests that are being sent; `history` is there once the load is over."""

    file: Path
    history: History | None = None

    @property
    def over(self) -> History:
        """What became of all requests."""
        assert self.history is not None
        return self.history


def lasting(problems: Iterable[str]) -> list[str]:
    """Those without what is told for a minute of proxies that other tests had refused."""
    return [text for text in problems if not any(words in text for words in _REFUSED)]


@dataclass(frozen=True, slots=True)
class Mesh:
    """A running demo."""

    state: Path

    def begin(self) -> None:
        """Set it up from nothing."""
        where = ("--state", str(self.state), "--network", NETWORK)
        done = fedctl("demo", "up", "--detach", "--hold", "1", "--ramp", "2", *where)
        if done.returncode:
            raise Unhealthy(done.stderr)

    def end(self) -> None:
        """Take it down."""
        fedctl("demo", "down", "--state", str(self.state))

    @property
    def layout(self) -> Layout:
        """What it consists of."""
        return topology.read_layout(self.state)

    @property
    def paths(self) -> Paths:
        """Its files."""
        return Paths(self.state)

    @property
    def client(self) -> Client:
        """A client of its controller."""
        return readiness.client_of(self.layout, self.paths)

    def member(self, name: str) -> Member:
        """One of its processes as laid out."""
        return next(m for m in members(self.layout) if m.name == name)

    def process(self, name: str) -> dict[str, Any]:
        """The same as it runs now, as `topology.json` shows it."""
        found: list[dict[str, Any]] = topology.refresh(self.state)["processes"]
        return next(p for p in found if p["name"] == name)

    def proxy(self, cluster: str) -> str:
        """Where the client of a cluster calls others."""
        return f"{find_site(self.layout, cluster).client().address}:15001"

    def call(self, cluster: str, service: str = "api", path: str = "/") -> tuple[int, Any]:
        """A GET of a cluster's client: status and what the application says."""
        return readiness.get(self.proxy(cluster), path, service_host(service))

    def answer(self, cluster: str, service: str) -> tuple[int, str]:
        """The same, with the text of the answer: Envoy says there why it has none."""
        host, _, port = self.proxy(cluster).rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", "/", headers={"Host": service_host(service)})
            found = connection.getresponse()
            return found.status, found.read().decode()

    def problems(self, cluster: str) -> list[str]:
        """A cluster's problems; those of proxies that other tests had refused are left out."""
        found = next(c for c in self.client.clusters() if c["id"] == cluster)
        return lasting(found["problems"])

    def ask(self, cluster: str, name: str, type_: str = "A") -> DNSRecord:
        """What the DNS server of a cluster answers."""
        host, _, port = self.member(f"{cluster}-dns").address("dns").rpartition(":")
        return ask_dns(host, int(port), name, type_)

    def entry(self, cluster: str, service: str = "api", zone: str = "clusterset.local") -> str:
        """The address that DNS tells a client without a sidecar."""
        reply = self.ask(cluster, f"{service}.{NAMESPACE}.svc.{zone}")
        assert reply.rr, reply
        return str(reply.rr[0].rdata)

    def source(self, cluster: str) -> Path:
        """The folder that the cluster's agent watches."""
        return self.paths.source(cluster)

    def log(self, name: str) -> str:
        """All that a process has logged."""
        return self.paths.log(name).read_text()

    def conditions(self, cluster: str) -> str:
        """What the agent tells people about their documents."""
        file = self.source(cluster) / ".fedmesh" / "status.yaml"
        return file.read_text() if file.exists() else ""

    @contextlib.contextmanager
    def edited(self, cluster: str, name: str, text: str) -> Iterator[None]:
        """A file of a cluster's folder with another text; afterwards as it was."""
        file = self.source(cluster) / name
        before = file.read_bytes() if file.exists() else None
        write_atomic(file, text.encode())
        try:
            yield
        finally:
            if before is None:
                file.unlink(missing_ok=True)
            else:
                write_atomic(file, before)

    @contextlib.contextmanager
    def traffic(
        self,
        cluster: str,
        folder: Path,
        *,
        rate: float = 200.0,
        service: str = "api",
        method: str = "GET",
        path: str = "/load",
        protocol: str = "http",
        target: str = "",
    ) -> Iterator[Load]:
        """Requests of a cluster's client for as long as this lasts, with their history.

        They go through its sidecar, or to `target`, an address of the service.
        """
        load = Load(folder / f"{protocol}.jsonl")
        is_grpc = protocol == "grpc"
        host = service_host(service, SERVICE_GRPC_PORT) if is_grpc else service_host(service)
        to = ("--protocol", protocol, "--target", target or self.proxy(cluster), "--host", host)
        command = (sys.executable, "-m", "federation.verify.traffic", *to)
        call = () if is_grpc else ("--path", path, "--method", method)
        what = (*call, "--rate", f"{rate:g}")
        with subprocess.Popen((*command, *what, "--out", str(load.file))) as generator:
            try:
                enough = max(1.0, rate / 4)
                wait_until("the load begins", lambda: _count(load.file) > enough, 15)
                yield load
            finally:
                generator.send_signal(signal.SIGTERM)
                generator.wait(15)
        load.history = history.load(load.file)

    def terminate(self, name: str) -> None:
        """Ask a process to end in order; does not wait."""
        os.kill(self.process(name)["pid"], signal.SIGTERM)

    def kill(self, *names: str) -> float:
        """Kill -9 processes with their Envoys; returns when (CLOCK_MONOTONIC)."""
        return demo.kill(self.state, [self.member(name) for name in names])

    def kill_alone(self, name: str) -> None:
        """Kill -9 one process; its Envoy, if it has one, is left alone."""
        pid = self.process(name)["pid"]
        kill_now([pid])
        topology.refresh(self.state)

    def start(self, *names: str) -> None:
        """Start what was killed; does not wait."""
        table = ProcessTable(self.state)
        for before in table.load():
            if before.name in names and not before.alive:
                table.start(before.name, before.command, Path(before.log))
        topology.refresh(self.state)

    def is_ready(self, name: str) -> bool:
        """Whether a proxy says that its Envoy serves."""
        return readiness.get(self.member(name).address("readiness"), "/ready")[0] == 200

    def check_health(self, seconds: float = HEALTH_SECONDS) -> None:
        """Wait until everything runs and each cluster is answered by itself; raises Unhealthy."""
        layout = self.layout
        checks = [
            readiness.Check("controller", "did not see all agents connected", self._is_complete),
            *readiness.process_checks(members(layout)),
            *readiness.request_checks(layout),
            *(
                readiness.Check(f"{s.id}-agent", "did not stay local", self._is_local(s.id))
                for s in layout.sites
            ),
            *(
                readiness.Check(f"{s.id}-agent", "did not learn the way out", self._knows(s.id))
                for s in layout.sites
            ),
        ]
        try:
            readiness.wait_for(checks, self.state, time.monotonic() + seconds)
        except FedmeshError as error:
            raise Unhealthy(str(error)) from error

    def _is_local(self, cluster: str) -> Callable[[], bool]:
        def passes() -> bool:
            answers = [self.call(cluster)[1] for _ in range(_HERE_IN_A_ROW)]
            return all(said.get("cluster") == cluster for said in answers)

        return passes

    def _is_complete(self) -> bool:
        try:
            found = {c["id"]: c["connected"] for c in self.client.clusters()}
        except FedmeshError:
            return False
        return all(found.get(site.id) for site in self.layout.sites)

    def _knows(self, cluster: str) -> Callable[[], bool]:
        """Whether the client of a cluster knows the gateways of all others."""
        others = [f"::{s.gateway}:" for s in self.layout.sites if s.id != cluster]

        def passes() -> bool:
            try:
                known = self.ask_envoy(f"{cluster}-web-1-sidecar", "/clusters").decode()
            except OSError:
                return False
            return all(other in known for other in others)

        return passes

    def repair(self) -> None:
        """Start whatever a failed test has left dead, so that the next one can judge."""
        self.start(*(m.name for m in members(self.layout)))

    def ask_envoy(self, name: str, path: str) -> bytes:
        """What the Envoy of a proxy answers on its admin socket."""
        return ask_admin(self.paths.state(name) / "admin.sock", path)

    def dump(self, folder: Path) -> None:
        """Keep logs, topology, conditions, and what every Envoy holds."""
        folder.mkdir(parents=True)
        shutil.copytree(self.state / "logs", folder / "logs")
        text = json.dumps(topology.refresh(self.state), indent=1)
        (folder / "topology.json").write_text(text)
        for site in self.layout.sites:
            (folder / f"{site.id}-status.yaml").write_text(self.conditions(site.id))
        for member in members(self.layout):
            if member.role in (Role.GATEWAY, Role.SIDECAR):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    found = self.ask_envoy(member.name, "/config_dump?include_eds")
                    (folder / f"{member.name}.json").write_bytes(found)


def ask_dns(host: str, port: int, name: str, type_: str = "A") -> DNSRecord:
    """One question over UDP, asked up to three times; raises TimeoutError."""
    question = DNSRecord.question(name, type_).pack()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.settimeout(1.0)
        found.connect((host, port))
        for _ in range(3):
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                found.send(question)
                return DNSRecord.parse(found.recv(4096))
    raise TimeoutError(f"{host}:{port} does not answer")


def _count(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("admin", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(str(self._path))


def ask_admin(admin_socket: Path, path: str) -> bytes:
    """What an Envoy answers on its admin socket."""
    with contextlib.closing(_UnixConnection(admin_socket)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read()
