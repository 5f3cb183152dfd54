"""What a scenario is made of: flows of requests, steps that do something to them, promises.

Values only; `federation.demo.scenarios.stage` performs a step, `federation.demo.scenarios.verdict`
judges it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from federation.verify.call import OK
from federation.verify.faults import Fault
from federation.verify.guarantees import Place, Summary
from federation.verify.history import History, Lag, Phase, Record

CALM = "before"


@dataclass(slots=True)
class Recorded:
    """What became of a step: histories by flow, its phases, when what was struck."""

    histories: dict[str, History] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    struck: list[tuple[float, float]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


class Stage(Protocol):
    """What a step's `act`, `prepare` and `check` may use of the running demo."""

    @property
    def recorded(self) -> Recorded:
        """What became of the step so far."""

    def begin(self, phase: str, at: float | None = None) -> None:
        """A phase begins, now or at a time just gone by (CLOCK_MONOTONIC seconds)."""

    def wait(self, seconds: float) -> None:
        """Let the flows run."""

    def struck(self, fault: Fault, phase: str, after: str) -> AbstractContextManager[None]:
        """The fault is in force within this; what begins then is `phase`, and `after` afterwards.

        Raises Failed when the fault cannot be injected.
        """

    def flap(self, fault: Fault, seconds: float) -> None:
        """The fault is in force for so long, and then for as long it is not."""

    def wait_for_return(self, patience: float) -> None:
        """Wait until every flow is at home again for a second, or `patience` (seconds) is over."""

    def processed(self, service: str) -> int:
        """How many requests with an id the applications behind a service have processed."""

    def open_connections(self, service: str) -> int:
        """How many connections the client's proxy has to a service."""

    def journals(self) -> list[list[str]]:
        """The ids that each application has processed of requests that may not be repeated."""


def nothing(_: Stage) -> None:
    """What a step does that does nothing."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Requests of a client in the first cluster, so many in a second (TCP: connections).

    `status` is what the application is asked to answer; anything else is a failure. `timeout` in
    seconds, `body_bytes` of each POST. Without a `sidecar` the client asks its DNS server once, at
    its start, and knows nothing else. A client in another cluster (`elsewhere`) is answered there,
    whatever becomes of the home of the step. `paced`: sent by a program in C, HTTP only.
    """

    name: str
    service: str
    protocol: str = "http"
    method: str = "GET"
    path: str = "/"
    rate: float = 200.0
    status: int = 200
    body_bytes: int = 0
    timeout: float = 10.0
    sidecar: bool = True
    elsewhere: str = ""
    paced: bool = False

    def judged(self, record: Record) -> Record:
        """The record as a good one when it has the status that was asked for, else a bad one."""
        if record.status == self.status:
            return replace(record, status=OK)
        return record if record.failed else replace(record, error=f"status {record.status}")

    @property
    def repeatable(self) -> bool:
        """Whether the mesh may send a request again although it may have been processed."""
        return self.protocol == "http" and self.method == "GET"


@dataclass(frozen=True, slots=True)
class Promise:
    """What holds in a phase for every flow; seconds and shares, None: nothing.

    `calm`: no change, that is all answers from home and latencies as before. `most_left`: the
    share of the answers that may come from elsewhere.
    """

    failed: int = 0
    worst: float | None = None
    shifted: float | None = None
    most_left: float | None = None
    calm: bool = False


NO_FAILURE = Promise()
NO_CHANGE = Promise(worst=0.3, calm=True)
_OF_OTHERS = Promise(worst=1.0, most_left=0.001)
"""What holds for a client that is not concerned by what is lost."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table. `act` does it and names its phases on the stage.

    `prepare` comes before the flows begin, `check` after they have ended; it notes on the stage
    what else was broken.

    `home` is where answers come from when all is well. `promises` are by phase; a phase without one
    promises that nothing fails. `exceptions` are by (phase, flow). `ramp`: in the last phase home
    comes back, damped.
    """

    name: str
    flows: tuple[Flow, ...]
    home: Place
    act: Callable[[Stage], None]
    promises: Mapping[str, Promise] = field(default_factory=dict)
    exceptions: Mapping[tuple[str, str], Promise] = field(default_factory=dict)
    ramp: bool = False
    prepare: Callable[[Stage], None] = nothing
    check: Callable[[Stage], None] = nothing

    @property
    def phases(self) -> tuple[str, ...]:
        """Its phases in order, as far as something special is promised in them."""
        return (CALM, *self.promises)

    def home_of(self, flow: Flow) -> Place:
        """Where the answers of a flow come from when all is well."""
        return Place(flow.elsewhere) if flow.elsewhere else self.home

    def promise(self, phase: str, flow: Flow) -> Promise:
        """What holds for a flow in a phase."""
        usual = self.promises.get(phase, NO_FAILURE)
        if flow.elsewhere and not usual.calm:
            usual = _OF_OTHERS
        return self.exceptions.get((phase, flow.name), usual)


@dataclass(frozen=True, slots=True)
class Row:
    """One flow in one phase of a step.

    `in_flight` of the failed are requests that may not be repeated and were under way at what was
    lost. `shifted` is None where nothing was to shift, or it never did.
    """

    step: str
    phase: str
    flow: str
    summary: Summary
    in_flight: int = 0
    shifted: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A step as it went; `broken` has a sentence for every promise that was not kept."""

    step: str
    rows: tuple[Row, ...]
    facts: tuple[str, ...]
    broken: tuple[str, ...]
    lag: Lag | None = None
