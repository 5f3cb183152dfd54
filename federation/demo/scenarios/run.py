"""Performs steps one after the other and gathers their verdicts.

In: a running demo, steps. Out: a `Report`. Each step is said as soon as it is over.
"""

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from federation.demo.layout import Layout
from federation.demo.scenarios.stage import Stage, Told
from federation.demo.scenarios.steps import Result, Step
from federation.demo.scenarios.verdict import judge
from federation.planning.recovery import Damping
from federation.verify.guarantees import lateness

_SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run; `broken` is empty when every promise was kept."""

    results: tuple[Result, ...]
    seconds: float

    @property
    def broken(self) -> tuple[str, ...]:
        """A sentence for every promise that was not kept."""
        return tuple(sentence for result in self.results for sentence in result.broken)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to bear in mind when reading the numbers."""
        lags = ((r.step, r.lag) for r in self.results)
        return tuple(f"{step}: {note}" for step, lag in lags for note in lateness(lag))


def joined(one: Report, other: Report) -> Report:
    """Two runs as one."""
    return Report((*one.results, *other.results), one.seconds + other.seconds)


def run_steps(
    state: Path,
    layout: Layout,
    steps: Iterable[Step],
    told: Told,
    *,
    calm_seconds: float,
    on_result: Callable[[Result], None],
) -> Report:
    """Perform every step on the demo in `state`."""
    began = time.monotonic()
    results = []
    chosen = tuple(steps)
    with tempfile.TemporaryDirectory(prefix="run-", dir=state) as folder:
        stage = Stage(state, layout, Path(folder), told)
        for number, step in enumerate(chosen, 1):
            told.step(step.name, number, len(chosen))
            recorded = stage.perform(step, calm_seconds)
            result = judge(step, recorded, Damping(layout.hold, layout.ramp))
            results.append(result)
            on_result(result)
    return Report(tuple(results), time.monotonic() - began)
