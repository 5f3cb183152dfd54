"""Where a step is performed: its flows run, faults strike, phases are named, time passes.

In: a running demo and a `Step`. Out: the histories of its flows with what was marked meanwhile, for
`federation.demo.scenarios.verdict`. The load runs in processes of its own.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.demo.configs import Paths
from federation.demo.layout import Layout, Role, members
from federation.demo.processes import ProcessTable, pause, stop
from federation.demo.readiness import get
from federation.demo.rig import DemoRig
from federation.demo.scenarios.connections import open_connections
from federation.demo.scenarios.loads import command_of
from federation.demo.scenarios.steps import CALM, Flow, Recorded, Step
from federation.envoy.senders import reach
from federation.model.errors import Failed, NotReady
from federation.planning.rtt_class import rounded
from federation.verify import history
from federation.verify.faults import Fault, Way, inject, unavailable
from federation.verify.guarantees import Place
from federation.verify.history import Phase, Record

_BUSY_SECONDS = 0.15
_START_SECONDS = 15.0
_PULSE_SECONDS = 0.5
_BACK_SECONDS = 1.0
_OFTEN = 2.0
"""Requests a second from which on a second of them is judged."""
_BACK_SHARE = 0.98
_AFTER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests of a flow have ended since the step began, and how many of them failed."""

    sent: int = 0
    failed: int = 0


@dataclass(slots=True)
class Told:
    """Who is told how a scenario goes; each does nothing until it is replaced.

    A pulse is a flow, what ended in the last half second, and all since the step began.
    """

    step: Callable[[Step, int, int], None] = lambda _step, _number, _of: None
    phase: Callable[[str], None] = lambda _name: None
    pulse: Callable[[str, tuple[Record, ...], Tally], None] = lambda _flow, _recent, _tally: None


class Tail:
    """The newest records of a history that is being written, and how many there were of it."""

    def __init__(self, file: Path, judged: Callable[[Record], Record]) -> None:
        self._file = file
        self._judged = judged
        self._at = 0
        self._rest = ""
        self.recent: list[Record] = []
        self.tally = Tally()

    def read(self, since: float) -> tuple[Record, ...]:
        """Records that were over since then (CLOCK_MONOTONIC seconds)."""
        with suppress(FileNotFoundError), self._file.open() as file:
            file.seek(self._at)
            text = self._rest + file.read()
            self._at = file.tell()
            whole, _, self._rest = text.rpartition("\n")
            new = history.parse_records(whole)
            failed = sum(self._judged(record).failed for record in new)
            self.tally = Tally(self.tally.sent + len(new), self.tally.failed + failed)
            self.recent += new
        self.recent = [record for record in self.recent if record.end >= since]
        return tuple(self.recent)


def notice_seconds(layout: Layout) -> float:
    """Until a place that hangs is noticed, requests go on into it."""
    patience = reach(rounded(max(site.rtt for site in layout.sites)))
    return patience.ping_interval + patience.ping_timeout + _BUSY_SECONDS


class DemoStage:
    """The demo in `state` while one step after the other is performed on it."""

    def __init__(self, state: Path, layout: Layout, folder: Path, told: Told) -> None:
        self.layout = layout
        self.rig = DemoRig(state, layout)
        self._state = state
        self._folder = folder
        self._told = told
        self._tails: dict[str, Tail] = {}
        self._homes: dict[str, Place] = {}
        self._begun: list[tuple[str, float]] = []
        self.recorded = Recorded()

    def perform(self, step: Step, calm_seconds: float) -> Recorded:
        """Do it, from a calm beginning until its flows are stopped."""
        self.recorded, self._begun = Recorded(), []
        step.prepare(self)
        self._homes = {flow.name: step.home_of(flow) for flow in step.flows}
        names = [self._start(flow) for flow in step.flows]
        try:
            self._wait_for_answers(step)
            self.begin(CALM)
            self.wait(calm_seconds)
            step.act(self)
        finally:
            self._stop(names)
        until = [*(at for _, at in self._begun[1:]), float("inf")]
        for (name, at), end in zip(self._begun, until, strict=True):
            self.recorded.phases.append(Phase(name, at, end))
        for flow in step.flows:
            self.recorded.histories[flow.name] = history.load(self._file(flow))
        step.check(self)
        return self.recorded

    # -- what a step's `act` uses (`steps.Stage`) ----------------------------------------------

    def begin(self, phase: str, at: float | None = None) -> None:
        """A phase begins, now or at a time just gone by (CLOCK_MONOTONIC seconds)."""
        self._begun.append((phase, time.monotonic() if at is None else at))
        self._told.phase(phase)

    def wait(self, seconds: float) -> None:
        """Let the flows run."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            pause(min(_PULSE_SECONDS, left))
            self._pulse()

    @contextmanager
    def struck(self, fault: Fault, phase: str, after: str) -> Iterator[None]:
        """The fault is in force within this; what begins then is `phase`, and `after` afterwards.

        Raises Failed when the fault cannot be injected.
        """
        reason = unavailable(fault, self.rig)
        if reason:
            raise Failed(reason)
        injection = inject(fault, self.rig)
        done = time.monotonic()
        notice = notice_seconds(self.layout) if fault.way in (Way.FREEZE, Way.HANG) else 0.0
        self.recorded.struck.append((injection.at, done + notice))
        self.begin(phase, injection.at)
        try:
            yield
        finally:
            self.begin(after)
            injection.end()

    def flap(self, fault: Fault, seconds: float) -> None:
        """The fault is in force for so long, and then for as long it is not."""
        injection = inject(fault, self.rig)
        try:
            self.wait(seconds)
        finally:
            injection.end()
        self.recorded.struck.append((injection.at, time.monotonic()))
        self.wait(seconds)

    def wait_for_return(self, patience: float) -> None:
        """Wait until every flow is at home again for a second, or `patience` (seconds) is over."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.wait(_PULSE_SECONDS)
            since = time.monotonic() - _BACK_SECONDS
            if all(_is_home(self._recent(f, since), home) for f, home in self._homes.items()):
                self.wait(_AFTER_SECONDS)
                return

    def processed(self, service: str) -> int:
        """How many requests with an id the applications behind a service have processed."""
        names = {w.name for site in self.layout.sites for w in site.behind(service)}
        apps = [m for m in members(self.layout) if m.role is Role.APP and m.workload in names]
        return sum(_hits(get(app.address("http"), "/count")[1]) for app in apps)

    def open_connections(self, service: str) -> int:
        """How many connections the client's proxy has to a service."""
        return open_connections(self._state, self.layout, service)

    def journals(self) -> list[list[str]]:
        """The ids that each application has processed of requests that may not be repeated."""
        folder = Paths(self._state).folder / "journals"
        return [file.read_text().split() for file in sorted(folder.glob("*.ids"))]

    # -- flows -----------------------------------------------------------------------------------

    def _file(self, flow: Flow) -> Path:
        return self._folder / f"{flow.name.replace(' ', '-')}.jsonl"

    def _start(self, flow: Flow) -> str:
        file = self._file(flow)
        file.unlink(missing_ok=True)
        self._tails[flow.name] = Tail(file, flow.judged)
        name = f"load-{flow.name.replace(' ', '-')}"
        command = command_of(flow, self.layout, file)
        ProcessTable(self._state).start(name, command, file.with_suffix(".log"))
        return name

    def _stop(self, names: list[str]) -> None:
        table = ProcessTable(self._state)
        pids = [p.pid for p in table.load() if p.name in names and p.alive]
        stop(pids, grace_seconds=15.0)
        for name in names:
            table.forget(name)
        self._tails = {}

    def _wait_for_answers(self, step: Step) -> None:
        """Wait until home answers every flow for a second; raises Failed when it never does.

        A mesh that has just begun does not know yet how far its clusters are.
        """
        longest = max(flow.timeout for flow in step.flows)
        deadline = time.monotonic() + _START_SECONDS + longest
        while waiting := [flow for flow in step.flows if not self._is_calm(flow)]:
            if time.monotonic() > deadline:
                name, cluster = waiting[0].name, self._homes[waiting[0].name].cluster
                raise Failed(f"{step.name}: {name} is not answered by {cluster}")
            pause(0.05)

    def _is_calm(self, flow: Flow) -> bool:
        home, now = self._homes[flow.name], time.monotonic()
        if flow.rate < _OFTEN:
            return any(map(home.answered, self._recent(flow.name, now - flow.timeout)))
        return _is_home(self._recent(flow.name, now - _BACK_SECONDS), home)

    def _recent(self, flow: str, since: float) -> tuple[Record, ...]:
        with suppress(NotReady):
            return self._tails[flow].read(since)
        return ()

    def _pulse(self) -> None:
        since = time.monotonic() - _PULSE_SECONDS
        for flow, tail in self._tails.items():
            recent = self._recent(flow, since)
            self._told.pulse(flow, recent, tail.tally)


def _is_home(recent: tuple[Record, ...], home: Place) -> bool:
    return len(recent) > 1 and sum(map(home.answered, recent)) >= _BACK_SHARE * len(recent)


def _hits(count: dict[str, Any]) -> int:
    """All of them, by what an application counts: distinct ids, and those that came again."""
    again: dict[str, int] = count.get("twice", {})
    return int(count.get("distinct", 0)) + sum(again.values()) - len(again)
