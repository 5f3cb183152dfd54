"""At thousands a second: who is struck, what is promised, and how many POST may be lost."""

from pathlib import Path

import pytest

from federation.demo.layout import backends_of, members, plan_layout
from federation.demo.scenarios.many import steps
from federation.demo.scenarios.steps import CALM, Recorded, Step
from federation.verify.history import About, History, Lag, Phase, Record
from tests.unit.fakes.fake_demo import FakeDemo, stage_in, staged

LAYOUT = plan_layout()
RATE = 2000.0
TABLE = {step.name: step for step in steps(LAYOUT, RATE, short=False)}
STAYS = ("one of two remote workloads frozen", "one of two local workloads frozen")
LOST = (
    "remote gateway frozen",
    "remote gateway killed",
    "all local backends killed",
    "whole cluster killed",
)


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> FakeDemo:
    return staged(LAYOUT, monkeypatch)


def performed(step: Step, demo: FakeDemo, folder: Path) -> Recorded:
    demo.cluster = step.home.cluster
    return stage_in(folder, LAYOUT).perform(step, 1.0)


def test_the_table_has_the_rows_in_which_many_wait_at_once() -> None:
    assert set(TABLE) == {*STAYS, *LOST}
    short = [step.name for step in steps(LAYOUT, RATE, short=True)]
    assert short == [name for name in TABLE if name != "whole cluster killed"]


@pytest.mark.parametrize(("name", "most"), [(STAYS[0], 0.01), (STAYS[1], 0.05)])
def test_one_frozen_workload_of_two_drives_few_elsewhere(name: str, most: float) -> None:
    for flow in TABLE[name].flows:
        lost, back = (TABLE[name].promise(phase, flow) for phase in ("lost", "back"))
        assert (lost.failed, lost.most_left) == (0, most if flow.paced else 0.1)
        assert (back.failed, back.most_left) == (0, most)


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_costs_no_request_and_is_left_within_two_seconds(name: str) -> None:
    for flow in TABLE[name].flows:
        promise = TABLE[name].promise("lost", flow)
        assert (promise.failed, promise.worst, promise.shifted) == (0, 2.0, 2.0)


@pytest.mark.parametrize("step", TABLE.values(), ids=TABLE)
def test_get_and_post_are_sent_by_the_program_in_c(step: Step) -> None:
    sent = {flow.name: flow for flow in step.flows if flow.paced}
    assert {name: flow.rate for name, flow in sent.items()} == {"GET": RATE, "POST": RATE / 20}
    assert {flow.protocol for flow in sent.values()} == {"http"}


@pytest.mark.parametrize(
    ("name", "names", "order"),
    [
        (STAYS[0], {"us-west-api-1-app", "us-west-api-1-sidecar"}, "SIGSTOP"),
        (STAYS[1], {"us-east-api-1-app", "us-east-api-1-sidecar"}, "SIGSTOP"),
        (LOST[0], {"us-west-gateway"}, "SIGSTOP"),
        (LOST[1], {"us-west-gateway"}, "kill"),
        (LOST[2], {m.name for m in backends_of(LAYOUT, "us-east", "api")}, "kill"),
        (LOST[3], {m.name for m in members(LAYOUT) if m.cluster == "us-west"}, "kill"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_step_strikes_whom_its_name_says_and_leaves_the_mesh_as_it_was(
    name: str, names: set[str], order: str, demo: FakeDemo, tmp_path: Path
) -> None:
    recorded = performed(TABLE[name], demo, tmp_path)
    struck = [(told, set(to)) for told, to, _ in demo.rig.told if told in ("kill", "SIGSTOP")]
    assert struck == [(order, names)]
    assert demo.rig.is_whole
    assert demo.running == []
    assert [phase.name for phase in recorded.phases] == [CALM, "lost", "back"]


@pytest.mark.parametrize(("lost", "kept"), [(0, True), (24, True), (25, False)])
def test_no_more_posts_may_be_lost_than_the_connections_carried(
    lost: int, kept: bool, tmp_path: Path
) -> None:
    """Two were open, and one may have been opened meanwhile: 8 on each."""
    stage = stage_in(tmp_path, LAYOUT)
    failed = tuple(Record(f"r{i}", 4.0, 4.0, 5.0, 503) for i in range(lost))
    before = (Record("a", 1.0, 1.0, 1.1, 503), Record("b", 4.0, 4.0, 4.1, 200))
    history = History(About("t", "h", "/", "POST", 100.0), (*before, *failed), Lag(0.0, 0.0, 1))
    phases = [Phase(CALM, 0.0, 3.0), Phase("lost", 3.0, 9.0), Phase("back", 9.0, float("inf"))]
    stage.recorded = Recorded({"POST": history}, phases, counts={"open connections": 2})
    TABLE[STAYS[0]].check(stage)
    assert f"{lost} POST were lost" in stage.recorded.facts[0]
    assert (stage.recorded.broken == []) is kept
