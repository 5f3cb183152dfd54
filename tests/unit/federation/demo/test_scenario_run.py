"""A run performs its steps one after the other, says each, and gathers what was broken."""

from dataclasses import replace
from pathlib import Path

import pytest

from federation.demo.layout import plan_layout
from federation.demo.scenarios.run import Report, run_steps
from federation.demo.scenarios.stage import Told
from federation.demo.scenarios.steps import Flow, Promise, Result, Stage, Step
from federation.model.errors import Failed
from federation.verify.faults import Fault, Way
from federation.verify.guarantees import Place
from federation.verify.history import Lag
from tests.unit.fakes.fake_demo import FakeDemo, staged

LAYOUT = plan_layout()
GATEWAY = Fault("the gateway", Way.KILL, ("us-west-gateway",))


def result(name: str, *broken: str, late: float | None = None) -> Result:
    lag = None if late is None else Lag(late, late / 2, 100)
    return Result(name, (), (), broken, lag)


def test_a_report_has_what_any_step_broke_in_order() -> None:
    assert Report((), 0.0).broken == ()
    assert Report((result("one"), result("two")), 1.0).broken == ()
    report = Report((result("one", "a", "b"), result("two"), result("three", "c")), 1.0)
    assert report.broken == ("a", "b", "c")


def test_a_report_notes_the_steps_whose_load_was_late() -> None:
    on_time, late, unknown = result("one", late=0.01), result("two", late=0.2), result("three")
    (note,) = Report((on_time, late, unknown), 1.0).notes
    assert note.startswith("two: ")
    assert "200 ms late" in note


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> FakeDemo:
    return staged(LAYOUT, monkeypatch)


def killed(name: str, promise: Promise) -> Step:
    """The gateway is killed while home answers as ever."""

    def act(stage: Stage) -> None:
        with stage.struck(GATEWAY, "lost", "back"):
            stage.wait(2.0)
        stage.wait(2.0)

    flow = Flow("GET", "api", rate=5.0)
    return Step(name, (flow,), Place("us-east"), act, {"lost": promise})


STEPS = (killed("kept", Promise(worst=0.3, most_left=0.0)), killed("broken", Promise(shifted=0.5)))


def test_each_step_is_announced_performed_judged_and_said_before_the_next(
    demo: FakeDemo, tmp_path: Path
) -> None:
    told = Told(
        step=lambda step, number, of: demo.story.append(f"{number}/{of} {step.name}"),
        phase=demo.story.append,
    )
    report = run_steps(
        tmp_path,
        LAYOUT,
        iter(STEPS),
        told,
        calm_seconds=3.0,
        on_result=lambda r: demo.story.append(f"{r.step} is over"),
    )
    one = ["start load-GET", "before", "lost", "back", "stop load-GET", "forget load-GET"]
    assert demo.story == ["1/2 kept", *one, "kept is over", "2/2 broken", *one, "broken is over"]
    assert [r.step for r in report.results] == ["kept", "broken"]
    assert [len(r.broken) for r in report.results] == [0, 1]
    assert "did not move away" in report.broken[0]
    assert [row.phase for row in report.results[0].rows] == ["before", "lost", "back"]
    assert report.results[0].rows[0].summary.sent == pytest.approx(15, abs=1)
    assert report.seconds >= 0
    (kept,) = tmp_path.iterdir()
    files = sorted(file.relative_to(kept) for file in kept.rglob("*.jsonl"))
    assert files == [Path("step-2/GET.jsonl")], "what the broken step saw, and nothing else"


def test_the_rest_of_a_run_that_breaks_off_is_not_performed(demo: FakeDemo, tmp_path: Path) -> None:
    demo.rig.dead = {"us-west-gateway"}
    said: list[Result] = []
    with pytest.raises(Failed, match="us-west-gateway does not run"):
        run_steps(tmp_path, LAYOUT, STEPS, Told(), calm_seconds=1.0, on_result=said.append)
    assert said == []
    assert demo.story.count("start load-GET") == demo.story.count("stop load-GET") == 1
    assert [file.name for file in tmp_path.rglob("*.jsonl")] == ["GET.jsonl"]


@pytest.mark.parametrize(("hold", "ramp", "kept"), [(0.0, 0.01, True), (10.0, 10.0, False)])
def test_what_comes_back_is_held_against_the_damping_of_the_layout(
    hold: float, ramp: float, kept: bool, demo: FakeDemo, tmp_path: Path
) -> None:
    def act(stage: Stage) -> None:
        demo.cluster = "us-west"
        with stage.struck(GATEWAY, "lost", "back"):
            stage.wait(2.0)
            demo.cluster = "us-east"
        stage.wait(30.0)

    step = Step("it dies", (Flow("GET", "api", rate=5.0),), Place("us-east"), act, ramp=True)
    layout = replace(LAYOUT, hold=hold, ramp=ramp)
    report = run_steps(tmp_path, layout, [step], Told(), calm_seconds=3.0, on_result=lambda _: None)
    assert (report.broken == ()) is kept
    assert all("more than its ramp allows" in sentence for sentence in report.broken)
