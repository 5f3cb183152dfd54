"""Performs steps one after the other and gathers their verdicts.

In: a running demo, steps. Out: a `Report`. Each step is said as soon as it is over.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from federation.demo.layout import Layout
from federation.demo.scenarios.evidence import evidence
from federation.demo.scenarios.stage import DemoStage, Told
from federation.demo.scenarios.steps import Result, Step
from federation.demo.scenarios.verdict import judge
from federation.planning.damping import Damping
from federation.verify.guarantees import lateness


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


def run_steps(
    state: Path,
    layout: Layout,
    steps: Iterable[Step],
    told: Told,
    *,
    calm_seconds: float,
    on_result: Callable[[Result], None],
) -> Report:
    """Perform every step on the demo in `state`.

    Its folder `run-*` has the histories of the steps that broke a promise, or of the one that
    failed; when all was kept, there is none.
    """
    began = time.monotonic()
    results = []
    chosen = tuple(steps)
    with evidence(state, "run-") as kept:
        stage = DemoStage(state, layout, kept.folder, told)
        for number, step in enumerate(chosen, 1):
            told.step(step, number, len(chosen))
            recorded = stage.perform(step, calm_seconds)
            result = judge(step, recorded, Damping(layout.hold, layout.ramp))
            results.append(result)
            if result.broken:
                kept.keep = True
                _keep(kept.folder, number)
            on_result(result)
    return Report(tuple(results), time.monotonic() - began)


def _keep(folder: Path, number: int) -> None:
    """The next step writes its histories anew: those of this one move into a folder of its own."""
    kept = folder / f"step-{number}"
    kept.mkdir()
    for file in folder.glob("*.*"):
        file.rename(kept / file.name)
