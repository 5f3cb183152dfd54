"""Faults strike exactly the processes they name, with their Envoys unless alone, and are undone."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from federation.demo.configs import Paths
from federation.demo.layout import find_site, plan_layout
from federation.demo.processes import ProcessTable, kill_now, marked, start_time
from federation.demo.rig import DemoRig
from federation.demo.topology import marker_text
from federation.model.errors import Failed
from federation.verify.faults import Fault, Rig, Way, inject, unavailable
from federation.verify.standin import HANG, REFUSE

LAYOUT = plan_layout("127.249", 2)
AGENT, GATEWAY, SIDECAR = "us-west-agent", "us-west-gateway", "us-west-api-1-sidecar"
ALL = (AGENT, GATEWAY, SIDECAR)
WAIT = (sys.executable, "-S", "-c", "import signal; signal.pause()")


class Demo:
    """Processes that do nothing, under the names of a demo's."""

    def __init__(self, state: Path) -> None:
        self.paths = Paths(state)
        self.table = ProcessTable(state)
        self.rig: Rig = DemoRig(state, LAYOUT)
        for folder in ("logs", "state"):
            (state / folder).mkdir()
        self.paths.marker.write_text(marker_text(LAYOUT))
        self.pids = {name: self.start(name, WAIT) for name in ALL}
        for name in (GATEWAY, SIDECAR):
            self.pids[f"{name}'s Envoy"] = self._start_envoy(name)

    def start(self, name: str, command: tuple[str, ...]) -> int:
        return self.table.start(name, command, self.paths.log(name)).pid

    def _start_envoy(self, name: str) -> int:
        folder = self.paths.state(name)
        folder.mkdir()
        pid = self.start(f"{name}-envoy", (*WAIT, f"{folder}/bootstrap.json"))
        (folder / "envoy.pid").write_text(f"{pid}\n")
        return pid

    @property
    def alive(self) -> set[str]:
        return {name for name, pid in self.pids.items() if start_time(pid) is not None}

    @property
    def stopped(self) -> set[str]:
        """What SIGSTOP holds; a process is seen to stop a moment after it was told to."""
        return {name for name, pid in self.pids.items() if _state_of(pid) == "T"}


def _state_of(pid: int) -> str:
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rfind(")") + 2]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    yield Demo(tmp_path)
    kill_now(marked(tmp_path))


def settled(demo: Demo, wanted: set[str]) -> set[str]:
    deadline = time.monotonic() + 5.0
    while demo.stopped != wanted and time.monotonic() < deadline:
        os.sched_yield()
    return demo.stopped


def test_the_living_are_known_by_name(demo: Demo) -> None:
    assert all(map(demo.rig.is_alive, ALL))
    assert not demo.rig.is_alive("us-east-agent")
    kill_now([demo.pids[AGENT]])
    assert not demo.rig.is_alive(AGENT)
    fault = Fault("the agent", Way.KILL, (AGENT, GATEWAY))
    assert unavailable(fault, demo.rig) == "the agent: us-west-agent does not run"


def test_a_killed_proxy_takes_its_envoy_with_it_and_nobody_else(demo: Demo) -> None:
    before = time.monotonic()
    at = demo.rig.kill((GATEWAY,), alone=False)
    assert before <= at <= time.monotonic()
    assert demo.alive == {AGENT, SIDECAR, f"{SIDECAR}'s Envoy"}


def test_a_supervisor_killed_alone_leaves_its_envoy(demo: Demo) -> None:
    demo.rig.kill((GATEWAY, SIDECAR), alone=True)
    assert demo.alive == {AGENT, f"{GATEWAY}'s Envoy", f"{SIDECAR}'s Envoy"}
    demo.rig.kill((GATEWAY,), alone=True)
    assert AGENT in demo.alive


@pytest.mark.parametrize("alone", [True, False])
def test_what_was_killed_is_dead_in_the_topology(demo: Demo, *, alone: bool) -> None:
    demo.rig.kill((AGENT,), alone=alone)
    assert f'"pid": {demo.pids[GATEWAY]}' in demo.paths.topology.read_text()
    assert f'"pid": {demo.pids[AGENT]}' not in demo.paths.topology.read_text()


def test_signals_reach_a_proxy_and_its_envoy_and_nobody_else(demo: Demo) -> None:
    names = (GATEWAY, AGENT)
    demo.rig.send(names, signal.SIGSTOP, alone=False)
    struck = {GATEWAY, f"{GATEWAY}'s Envoy", AGENT}
    assert settled(demo, struck) == struck
    demo.rig.send(names, signal.SIGCONT, alone=False)
    assert settled(demo, set()) == set()
    assert demo.alive == set(demo.pids)


def test_signals_to_a_supervisor_alone_spare_its_envoy(demo: Demo) -> None:
    before = time.monotonic()
    at = demo.rig.send((GATEWAY,), signal.SIGSTOP, alone=True)
    assert before <= at <= time.monotonic()
    assert settled(demo, {GATEWAY}) == {GATEWAY}


def test_what_was_killed_is_started_as_it_was_and_the_living_are_left_alone(demo: Demo) -> None:
    command = next(p.command for p in demo.table.load() if p.name == AGENT)
    other = demo.start("us-east-agent", WAIT)
    kill_now([demo.pids[AGENT]])
    demo.rig.start((AGENT, "us-east-agent"))
    found = {p.name: p for p in demo.table.load()}
    assert found[AGENT].alive
    assert found[AGENT].command == command
    assert found["us-east-agent"].pid == other
    assert f'"pid": {found[AGENT].pid}' in demo.paths.topology.read_text()


def dial(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5.0)


def test_somebody_else_listens_where_the_dead_were_dialled_until_told_to_leave(demo: Demo) -> None:
    site = find_site(LAYOUT, "us-west")
    gateway, sidecar = f"{site.gateway}:15443", f"{site.behind('api')[0].address}:15006"
    demo.rig.kill(ALL, alone=False)
    before = {p.name for p in demo.table.load()}
    leave = demo.rig.stand_in(ALL, HANG)
    with dial(gateway) as one, dial(sidecar) as another:
        for connection in (one, another):
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.recv(1)
        leave()
    for address in (gateway, sidecar):
        with pytest.raises(ConnectionRefusedError):
            dial(address)
    assert {p.name for p in demo.table.load()} == before


def test_a_fault_that_resets_does_so(demo: Demo) -> None:
    injection = inject(Fault("the gateway", Way.REFUSE, (GATEWAY,)), demo.rig)
    assert not demo.rig.is_alive(GATEWAY)
    with (
        pytest.raises(ConnectionResetError),
        dial(f"{find_site(LAYOUT, 'us-west').gateway}:15443") as connection,
    ):
        connection.recv(1)
    assert injection.at <= time.monotonic()


def test_nobody_can_stand_in_where_another_listens_and_that_is_said(demo: Demo) -> None:
    site = find_site(LAYOUT, "us-west")
    before = {p.name for p in demo.table.load()}
    with (
        socket.create_server((site.gateway, 15443)),
        pytest.raises(Failed, match=f"{GATEWAY}, {SIDECAR}") as refused,
    ):
        demo.rig.stand_in((GATEWAY, SIDECAR), REFUSE)
    assert "cannot stand in" in str(refused.value)
    assert {p.name for p in demo.table.load()} == before
