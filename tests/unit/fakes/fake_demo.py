"""A demo for a stage: its time, its load and its processes exist only here.

Time passes when the stage waits, and when the rig is told something (a second each). Meanwhile
every load that was started writes its history, five requests a second, answered at once.
"""

import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from federation.demo.layout import Layout, members
from federation.demo.scenarios import loads
from federation.demo.scenarios import stage as module
from federation.demo.scenarios.stage import DemoStage, Told
from federation.verify.history import Lag, Record, about_line, end_line, record_line
from federation.verify.traffic import parse_arguments
from tests.unit.fakes.fake_rig import FakeRig

EVERY_SECONDS = 0.2


class Running(NamedTuple):
    """A load that runs; `pid` is its number in the order of all starts."""

    name: str
    command: tuple[str, ...]
    pid: int
    alive: bool = True

    @property
    def out(self) -> Path:
        return Path(self.command[self.command.index("--out") + 1])

    @property
    def host(self) -> str:
        return _host_of(tuple(self.arguments))

    @property
    def arguments(self) -> list[str]:
        return list(self.command[self.command.index("-m") + 2 :])


@cache
def _host_of(arguments: tuple[str, ...]) -> str:
    """Where a load goes; asked for each request, so looked up once for a command line."""
    return parse_arguments(list(arguments))[0].host


class FakeDemo:
    """Answers come from `cluster`; those of single loads from `exceptions` ("": none), `until`.

    A client without a sidecar is answered where it is, unless that is the first cluster.
    """

    def __init__(self, layout: Layout) -> None:
        self.rig = FakeRig(member.name for member in members(layout))
        self.cluster = layout.sites[0].id
        self.exceptions: dict[str, str] = {}
        self.until = float("inf")
        self.story: list[str] = []
        self.running: list[Running] = []
        self.connections = 2
        self.started: list[Running] = []
        self.counts: dict[str, dict[str, Any]] = {}
        self._written = self.rig.now
        self._elsewhere = {site.gateway: site.id for site in layout.sites[1:]}

    # -- time ------------------------------------------------------------------------------------

    def monotonic(self) -> float:
        return self.rig.now

    def pause(self, seconds: float) -> None:
        self.rig.now += seconds
        while self._written + EVERY_SECONDS <= self.rig.now:
            self._written += EVERY_SECONDS
            for load in self.running:
                self._write(load)

    def _write(self, load: Running) -> None:
        at = self._written
        exceptions = self.exceptions if at < self.until else {}
        cluster = exceptions.get(load.name, self._elsewhere.get(load.host, self.cluster))
        if cluster:
            line = record_line(Record(f"r{at:.1f}", at, at, at, 200, "", cluster, "api-1"))
            with load.out.open("a") as file:
                file.write(line)

    # -- processes -------------------------------------------------------------------------------

    def start(self, name: str, command: tuple[str, ...], log: Path) -> None:
        assert command[0] == sys.executable
        assert log.parent.is_dir()
        load = Running(name, command, len(self.started))
        assert not load.out.exists(), "an old history would be continued"
        load.out.write_text(about_line(parse_arguments(load.arguments)[0].about))
        self.running.append(load)
        self.started.append(load)
        self.story.append(f"start {name}")

    def load(self) -> tuple[Running, ...]:
        return tuple(self.running)

    def stop(self, pids: Iterable[int], grace_seconds: float) -> None:
        assert grace_seconds > 0
        for load in [self.started[pid] for pid in pids]:
            self.running.remove(load)
            self.story.append(f"stop {load.name}")
            with load.out.open("a") as file:
                file.write(end_line(Lag(0.001, 0.001, 9)))

    def forget(self, name: str) -> None:
        assert name not in [load.name for load in self.running]
        self.story.append(f"forget {name}")

    def get(self, address: str, path: str) -> tuple[int, dict[str, Any]]:
        assert path == "/count"
        return (200, self.counts[address]) if address in self.counts else (0, {})


def staged(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> FakeDemo:
    """Let every stage from now on be one of this demo."""
    demo = FakeDemo(layout)
    for name, fake in (
        ("time", demo),
        ("pause", demo.pause),
        ("stop", demo.stop),
        ("get", demo.get),
        ("open_connections", lambda _state, _layout, _service: demo.connections),
        ("ProcessTable", lambda _state: demo),
        ("DemoRig", lambda _state, _layout: demo.rig),
    ):
        monkeypatch.setattr(module, name, fake)
    monkeypatch.setattr(loads, "resolve", lambda site, _service: site.gateway)
    return demo


def stage_in(folder: Path, layout: Layout, told: Told | None = None) -> DemoStage:
    """A stage with its histories in the folder of the demo itself."""
    return DemoStage(folder, layout, folder, told or Told())
