"""A loss strikes, lasts as long as it is said, and is over when every flow is at home again."""

from dataclasses import replace
from pathlib import Path

import pytest

from federation.demo.layout import plan_layout
from federation.demo.scenarios.loss import BACK, LOST, PATIENCE_SECONDS, Loss, lost_and_back
from federation.demo.scenarios.steps import CALM, NO_FAILURE, Flow, Promise
from federation.verify.faults import Fault, Way
from tests.unit.fakes.fake_demo import FakeDemo, stage_in, staged

LAYOUT = plan_layout()
STRICT = Promise(worst=0.3, shifted=0.5)
LOSS = Loss(
    "gateway killed",
    Fault("gateway", Way.KILL, ("us-west-gateway",)),
    (
        Flow("GET", "orders"),
        Flow("no sidecar eu-west", "orders", sidecar=False, elsewhere="eu-west"),
    ),
    LAYOUT.sites[1],
    STRICT,
    NO_FAILURE,
    seconds=4.0,
)


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> FakeDemo:
    found = staged(LAYOUT, monkeypatch)
    found.cluster = "us-west"
    return found


def test_home_is_what_is_lost_and_it_comes_back_damped() -> None:
    step = lost_and_back(LOSS, LAYOUT)
    assert (step.home.cluster, step.ramp) == ("us-west", True)
    assert step.promises == {LOST: STRICT, BACK: NO_FAILURE}


def test_it_lasts_as_long_as_it_is_said(demo: FakeDemo, tmp_path: Path) -> None:
    recorded = stage_in(tmp_path, LAYOUT).perform(lost_and_back(LOSS, LAYOUT), 1.0)
    calm, lost, back = recorded.phases
    assert [calm.name, lost.name, back.name] == [CALM, LOST, BACK]
    assert back.start - lost.start == pytest.approx(5.0), "the order takes a second"
    assert demo.rig.is_whole


def test_what_does_not_come_back_is_waited_for_as_long_as_damping_and_patience_last(
    demo: FakeDemo, tmp_path: Path
) -> None:
    step = lost_and_back(LOSS, LAYOUT)

    def act(stage: object) -> None:
        demo.exceptions = {"load-GET": "eu-west"}
        step.act(stage)  # type: ignore[arg-type]

    began = demo.monotonic()
    stage_in(tmp_path, LAYOUT).perform(replace(step, act=act), 1.0)
    assert demo.monotonic() - began > LAYOUT.hold + LAYOUT.ramp + PATIENCE_SECONDS
