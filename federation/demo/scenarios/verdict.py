"""The verdict on a step: numbers per phase and flow, and a sentence for every broken promise.

In: a `Step`, what was `Recorded` of it, the damping in force. Out: a `Result`. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from federation.demo.scenarios.steps import CALM, Flow, Promise, Recorded, Result, Row, Step
from federation.planning.damping import FULL, Damping, Usability, share
from federation.verify import guarantees, movement
from federation.verify.guarantees import Limits, Place
from federation.verify.history import History, Lag, Phase, Record

RAMP_POINTS = 0.10
_RAMP_BUCKET = 2.0
_CALM_FACTOR = 3.0
_CALM_SLACK = 0.02
_CALM_HOME = 0.999


def judge(step: Step, recorded: Recorded, damping: Damping) -> Result:
    """Hold what was recorded against what the step promises."""
    rows: list[Row] = []
    broken = [f"{step.name}: {sentence}" for sentence in recorded.broken]
    for flow in step.flows:
        found = _as_asked(recorded.histories[flow.name], flow)
        calm: Row | None = None
        for phase in recorded.phases:
            records = found.within(phase)
            if not records and flow.rate < 1:
                continue  # too rare for this phase
            row = _row(step, flow, phase, records, recorded.struck)
            calm = calm or row
            promise = step.promise(phase.name, flow)
            rows.append(row)
            broken += _broken(row, records, promise, step.home_of(flow), calm)
        if flow.rate >= 1:
            broken += [f"{step.name}, {flow.name}: {d}" for d in _doubts(found, recorded.phases)]
    if step.ramp:
        broken += _ramped(step, recorded, damping)
    return Result(
        step.name,
        tuple(rows),
        tuple(recorded.facts),
        tuple(broken),
        _lag(recorded.histories.values()),
    )


def _as_asked(found: History, flow: Flow) -> History:
    """The history in which the status that was asked for is good, and any other a failure."""
    return replace(found, records=tuple(map(flow.judged, found.records)))


def _row(
    step: Step,
    flow: Flow,
    phase: Phase,
    records: Sequence[Record],
    struck: Sequence[tuple[float, float]],
) -> Row:
    summary = guarantees.summarise(phase.name, records)
    in_flight = 0
    if not flow.repeatable:
        failed = guarantees.failures(records)
        in_flight = sum(any(r.start <= to and r.end >= at for at, to in struck) for r in failed)
    shifted = None
    if step.promise(phase.name, flow).shifted is not None:
        counted = _without_failures(records) if in_flight else records
        shifted = guarantees.time_to_shift(counted, step.home, phase.start)
    return Row(step.name, phase.name, flow.name, summary, in_flight, shifted)


def _without_failures(records: Iterable[Record]) -> tuple[Record, ...]:
    return tuple(record for record in records if not record.failed)


def _broken(
    row: Row, records: Sequence[Record], promise: Promise, home: Place, calm: Row
) -> list[str]:
    name = f"{row.step}, {row.flow}, {row.phase}"
    summary = replace(row.summary, phase=name, failed=row.summary.failed - row.in_flight)
    if row.in_flight:  # the slowest of those that had an answer counts
        summary = replace(summary, worst=guarantees.worst(_without_failures(records)))
    limits = Limits(promise.failed, promise.worst, promise.shifted)
    broken = list(guarantees.broken_promises(summary, limits, row.shifted))
    gone = movement.left(records, home)
    if promise.most_left is not None and gone > promise.most_left:
        broken.append(
            f"{name}: {gone:.1%} of the answers came from elsewhere than {home.cluster}, "
            f"promised at most {promise.most_left:.0%}"
        )
    if promise.calm:
        bearable = max(_CALM_FACTOR * calm.summary.p99, calm.summary.p99 + _CALM_SLACK)
        if summary.p99 > bearable:
            broken.append(f"{name}: p99 went from {calm.summary.p99:.3f} to {summary.p99:.3f} s")
        if 1 - gone < _CALM_HOME:
            broken.append(f"{name}: {gone:.2%} of the answers left {home.cluster}")
    return broken


def _ramped(step: Step, recorded: Recorded, damping: Damping) -> list[str]:
    """Whether home came back, no faster than damping allows.

    All requests together are looked at: of few, chance looks like excess. Connections of TCP live
    on, so they do not count; nor do clients elsewhere.
    """
    phase = recorded.phases[-1]
    counted = [f.name for f in step.flows if f.protocol != "tcp" and not f.elsewhere]
    records = [r for name in counted for r in recorded.histories[name].within(phase)]
    if movement.returned_majority(records, step.home, phase.start) is None:
        return [f"{step.name}: the traffic did not come back to {step.home.cluster}"]
    back = Usability(usable=True, was_usable=True, back_since=0.0)
    whole = max(r.end for r in records) - _RAMP_BUCKET
    excess = movement.ramp_excess(
        (r for r in records if r.end < whole),
        step.home,
        phase.start,
        lambda seconds: share(back, seconds, damping) / FULL,
        _RAMP_BUCKET,
    )
    if excess > RAMP_POINTS:
        points = f"{excess * 100:.0f} points"
        return [f"{step.name}: what is back had {points} more than its ramp allows"]
    return []


def _doubts(found: History, phases: Sequence[Phase]) -> tuple[str, ...]:
    return guarantees.doubts(found, [p for p in phases if p.name == CALM])


def _lag(histories: Iterable[History]) -> Lag | None:
    lags = [found.lag for found in histories if found.lag is not None]
    return max(lags, key=lambda lag: lag.worst, default=None)
