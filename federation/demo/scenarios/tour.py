"""The tour: who answers whom, then all local backends of one cluster killed under load.

In: a running demo. Out: a report, whose `broken` lists the promises that were not kept (none: the
tour succeeded).
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from federation.demo import mesh
from federation.demo.layout import CLIENT, Layout, Site, backends_of, service_host
from federation.demo.processes import ProcessTable, pause, stop
from federation.demo.readiness import get
from federation.demo.scenarios.evidence import evidence
from federation.model.errors import Failed, InvalidInput, NotReady
from federation.verify import guarantees, history
from federation.verify.guarantees import Limits, Place, Summary
from federation.verify.history import History, Phase

Tell = Callable[[str], None]

RATE = 200.0
CALLS = 20
PROMISED = Limits(failed=0, worst=0.3, shifted=0.5)
NO_FAILURE = Limits(failed=0)
_CALM_SECONDS = 3.0
_LOST_SECONDS = 5.0
_PATIENCE_SECONDS = 15.0
_LAST_SECONDS = 1.0
_TRAFFIC = "tour-traffic"


@dataclass(frozen=True, slots=True)
class Visit:
    """What a cluster's client saw: who answered how often, and as whom it was seen."""

    cluster: str
    caller: str
    answers: tuple[tuple[str, int], ...]
    failed: int


@dataclass(frozen=True, slots=True)
class Report:
    """The result; `shifted` and `returned` are seconds, None when it did not happen."""

    visits: tuple[Visit, ...]
    phases: tuple[Summary, ...]
    shifted: float | None
    returned: float | None
    lag: history.Lag | None
    notes: tuple[str, ...]
    broken: tuple[str, ...]


def run_tour(state: Path, layout: Layout, tell: Tell) -> Report:
    """Take the tour on the demo in `state`; raises InvalidInput when it has only one cluster."""
    if len(layout.sites) < 2:  # noqa: PLR2004 - there must be somewhere to go
        raise InvalidInput("the tour needs a demo of at least 2 clusters, this one has 1")
    tell(f"calling api {CALLS} times from each cluster")
    visits = tuple(visit(site) for site in layout.sites)
    with evidence(state, "tour-") as kept:
        found, phases = _kill_and_return(state, layout, kept.folder / "history.jsonl", tell)
        report = judge(visits, found, phases, layout.sites[0].id)
        kept.keep = bool(report.broken)
    return report


def visit(site: Site) -> Visit:
    """Call api from a cluster's client."""
    proxy = f"{site.client().address}:15001"
    answers: Counter[str] = Counter()
    callers: set[str] = set()
    for _ in range(CALLS):
        status, said = get(proxy, "/tour", service_host("api"))
        if status == 200:  # noqa: PLR2004
            answers[f"{said.get('cluster')}/{said.get('workload')}"] += 1
            callers.add(str(said.get("caller")))
    caller = ", ".join(sorted(callers))
    return Visit(site.id, caller, tuple(sorted(answers.items())), CALLS - answers.total())


def _kill_and_return(
    state: Path, layout: Layout, file: Path, tell: Tell
) -> tuple[History, tuple[Phase, ...]]:
    site = layout.sites[0]
    victims = backends_of(layout, site.id, "api")
    traffic = _start_traffic(state, site, file)
    try:
        tell(f"{RATE:g} GET/s from {CLIENT} in {site.id}; all is well for {_CALM_SECONDS:g} s")
        began = _wait_for_answers(file)
        pause(_CALM_SECONDS)
        tell(f"killing all backends of api in {site.id} (application, sidecar and Envoy)")
        lost = mesh.kill(state, victims)
        pause(_LOST_SECONDS)
        tell(f"bringing them back: held for {layout.hold:g} s, then ramped in {layout.ramp:g} s")
        back = time.monotonic()
        mesh.start_again(state, victims)
        _wait_for_return(file, Place(site.id), layout.hold + layout.ramp + _PATIENCE_SECONDS)
        pause(_LAST_SECONDS)
    finally:
        stop([traffic], grace_seconds=15.0)
        ProcessTable(state).forget(_TRAFFIC)
    phases = (
        Phase("before", began, lost),
        Phase("killed", lost, back),
        Phase("back", back, float("inf")),
    )
    return history.load(file), phases


def _start_traffic(state: Path, site: Site, file: Path) -> int:
    command = (
        *(sys.executable, "-P", "-m", "federation.verify.traffic"),
        *("--target", f"{site.client().address}:15001"),
        *("--host", service_host("api")),
        *("--path", "/tour"),
        *("--rate", f"{RATE:g}"),
        *("--out", str(file)),
    )
    return ProcessTable(state).start(_TRAFFIC, command, file.with_suffix(".log")).pid


def _wait_for_answers(file: Path) -> float:
    """When the first request was due; raises Failed when nothing happens for too long."""
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        try:
            records = history.load(file).records
        except NotReady:
            records = ()
        if records:
            return min(record.at for record in records)
        pause(0.05)
    raise Failed("the load generator of the tour did not start")


def _wait_for_return(file: Path, place: Place, patience: float) -> None:
    """Wait until the place answers alone for a second again, or `patience` (seconds) is over."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        since = time.monotonic() - 1.0
        recent = [r for r in history.load(file).records if r.end >= since]
        if recent and all(place.answered(record) for record in recent):
            return
        pause(0.25)


def judge(
    visits: tuple[Visit, ...], found: History, phases: tuple[Phase, ...], lost: str
) -> Report:
    """The verdict on the visits and the run; `phases` are before, lost and back."""
    place = Place(lost)
    _, gone, back = phases
    sums = tuple(guarantees.summarise(p.name, found.within(p)) for p in phases)
    shifted = guarantees.time_to_shift(found.within(gone), place, gone.start)
    returned = guarantees.time_to_return(found.within(back), place, back.start)
    broken = [
        f"{v.cluster}: {v.failed} of {CALLS} calls of the visit failed" for v in visits if v.failed
    ]
    broken += [
        f"{v.cluster}: answers came from elsewhere though there are local backends"
        for v in visits
        if any(not who.startswith(f"{v.cluster}/") for who, _ in v.answers)
    ]
    for summary, limits in zip(sums, (NO_FAILURE, PROMISED, NO_FAILURE), strict=True):
        broken += guarantees.broken_promises(summary, limits, shifted)
    if returned is None:
        broken.append(f"{back.name}: the traffic did not come back to {lost}")
    broken += guarantees.doubts(found, phases)
    notes = guarantees.lateness(found.lag)
    return Report(visits, sums, shifted, returned, found.lag, notes, tuple(broken))
