"""A place is lost for a while and comes back: the most frequent step of all tables.

In: what is lost, which requests run meanwhile and what is promised. Out: the step.
"""

from dataclasses import dataclass

from federation.demo.layout import Layout, Site
from federation.demo.scenarios.steps import Flow, Promise, Stage, Step
from federation.verify.faults import Fault
from federation.verify.guarantees import Place, processed_twice

LOST, BACK = "lost", "back"
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Loss:
    """A fault of the place that answers, `site`, for so many seconds; then it comes back."""

    name: str
    fault: Fault
    flows: tuple[Flow, ...]
    site: Site
    lost: Promise
    back: Promise
    seconds: float = 10.0


def lost_and_back(loss: Loss, layout: Layout) -> Step:
    """The step of a loss; what comes back is damped as the layout says."""
    home = Place(loss.site.id)

    def act(stage: Stage) -> None:
        with stage.struck(loss.fault, LOST, BACK):
            stage.wait(loss.seconds)
        stage.wait_for_return(layout.hold + layout.ramp + PATIENCE_SECONDS)

    promises = {LOST: loss.lost, BACK: loss.back}
    return Step(loss.name, loss.flows, home, act, promises, ramp=True, check=once)


def once(stage: Stage) -> None:
    """Nothing that may not be repeated was processed twice, by the applications' own journals."""
    twice = processed_twice(stage.journals())
    if twice:
        stage.recorded.broken.append(f"{len(twice)} requests were processed twice: {twice[0]} ...")
