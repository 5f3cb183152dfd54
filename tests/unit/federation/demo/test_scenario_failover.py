"""The table promises what it says, strikes who exists, and leaves the mesh as it was."""

from dataclasses import replace
from pathlib import Path

import pytest

from federation.demo.layout import Role, backends_of, members, plan_layout
from federation.demo.scenarios.failover import steps
from federation.demo.scenarios.steps import CALM, Flow, Promise, Recorded, Step
from federation.model.errors import InvalidInput
from federation.verify.history import About, History, Lag, Phase, Record
from tests.unit.fakes.fake_demo import FakeDemo, stage_in, staged

LAYOUT = plan_layout()
RATE = 200.0
FULL = {step.name: step for step in steps(LAYOUT, RATE, short=False)}
SHORT = {step.name: step for step in steps(LAYOUT, RATE, short=True)}
KILLED = (
    "all local backends killed",
    "applications die behind live sidecars",
    "remote gateway killed",
)
HUNG = (
    "remote gateway frozen",
    "remote gateway hangs",
    "remote gateway resets",
    "whole cluster killed",
    "whole cluster frozen",
)
ONE_FROZEN = "one of n remote workloads frozen"
ERRORS = "an application answers 503 and 500"
ONE_BY_ONE = "controller, agents, supervisors killed one by one"
TOGETHER = "controller, agents, supervisors killed together"
ALONE = "a proxy restarts without agent and controller"
FLAPPING = "local backends flap for a minute"


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> FakeDemo:
    return staged(LAYOUT, monkeypatch)


def performed(step: Step, demo: FakeDemo, folder: Path) -> Recorded:
    """Perform the step on a demo in which every request is answered by home."""
    demo.cluster = step.home.cluster
    return stage_in(folder, LAYOUT).perform(step, 1.0)


def others(step: Step) -> list[Flow]:
    """The flows of the first cluster whose requests end with their answers."""
    return [flow for flow in step.flows if flow.protocol != "tcp" and not flow.elsewhere]


@pytest.mark.parametrize("clusters", [1, 2])
def test_fewer_than_three_clusters_are_too_few(clusters: int) -> None:
    with pytest.raises(InvalidInput, match=f"at least 3 clusters, this one has {clusters}"):
        steps(plan_layout(clusters=clusters), RATE, short=False)


@pytest.mark.parametrize("clusters", [3, 5])
def test_three_clusters_and_more_are_enough(clusters: int) -> None:
    found = steps(plan_layout(clusters=clusters), RATE, short=False)
    assert [step.name for step in found] == list(FULL)


def test_every_step_has_a_name_of_its_own_and_the_short_table_is_part_of_the_full_one() -> None:
    assert len(FULL) == len(steps(LAYOUT, RATE, short=False))
    assert len(SHORT) == len(steps(LAYOUT, RATE, short=True))
    assert [name for name in FULL if name in SHORT] == list(SHORT)
    assert len(SHORT) < len(FULL)


def test_the_full_table_has_every_row_and_the_short_one_what_is_quick() -> None:
    rows = {*KILLED, *HUNG, ONE_FROZEN, ERRORS, ONE_BY_ONE, TOGETHER, ALONE, FLAPPING}
    assert set(FULL) >= rows
    assert set(SHORT) >= {*KILLED, "remote gateway frozen", ONE_FROZEN, ERRORS, TOGETHER, ALONE}
    assert not set(SHORT) & {ONE_BY_ONE, FLAPPING, "whole cluster killed"}


def test_the_short_table_promises_the_same() -> None:
    for name, step in SHORT.items():
        assert step.promises == FULL[name].promises
        assert step.exceptions == FULL[name].exceptions
        assert step.flows == FULL[name].flows


@pytest.mark.parametrize("name", KILLED)
def test_what_is_killed_costs_no_request_and_is_left_within_half_a_second(name: str) -> None:
    for flow in others(FULL[name]):
        promise = FULL[name].promise("lost", flow)
        assert (promise.failed, promise.worst, promise.shifted) == (0, 0.3, 0.5)


@pytest.mark.parametrize("name", HUNG)
def test_what_hangs_costs_no_request_and_is_left_within_a_second(name: str) -> None:
    for flow in others(FULL[name]):
        promise = FULL[name].promise("lost", flow)
        assert (promise.failed, promise.worst, promise.shifted) == (0, 1.0, 1.0)


@pytest.mark.parametrize("name", [*KILLED, *HUNG])
def test_what_was_lost_comes_back_without_a_failure_and_no_faster_than_its_ramp(name: str) -> None:
    step = FULL[name]
    assert step.ramp
    for flow in (f for f in step.flows if not f.elsewhere):
        promise = step.promise("back", flow)
        waits = flow.protocol == "tcp"  # what was open in a frozen place goes on when that does
        assert (promise.failed, promise.worst) == (0, None if waits else 0.3)


def test_one_frozen_workload_of_several_drives_at_most_5_percent_elsewhere() -> None:
    step = FULL[ONE_FROZEN]
    for flow in others(step):
        for phase, worst in (("lost", 1.0), ("back", 0.3)):
            promise = step.promise(phase, flow)
            assert (promise.failed, promise.worst, promise.most_left) == (0, worst, 0.05)


@pytest.mark.parametrize("name", [ERRORS, ONE_BY_ONE, TOGETHER])
def test_what_does_not_carry_requests_changes_nothing_for_them(name: str) -> None:
    step = FULL[name]
    assert step.promises
    for phase in step.promises:
        for flow in step.flows:
            promise = step.promise(phase, flow)
            assert promise.calm
            assert (promise.failed, promise.worst) == (0, 0.3)


@pytest.mark.parametrize("step", FULL.values(), ids=FULL)
def test_no_step_promises_less_than_that_no_http_request_fails(step: Step) -> None:
    promises = [*step.promises.values()]
    promises += [p for (_, flow), p in step.exceptions.items() if not flow.endswith("TCP")]
    assert [promise.failed for promise in promises] == [0] * len(promises)


@pytest.mark.parametrize("step", FULL.values(), ids=FULL)
def test_exceptions_are_of_flows_and_phases_that_there_are(
    step: Step, demo: FakeDemo, tmp_path: Path
) -> None:
    phases = [phase.name for phase in performed(step, demo, tmp_path).phases]
    assert phases[0] == CALM
    assert len(set(phases)) == len(phases)
    assert set(step.promises) <= set(phases), "a promise that nobody would judge"
    flows = {flow.name for flow in step.flows}
    assert {phase for phase, _ in step.exceptions} <= set(phases)
    assert {flow for _, flow in step.exceptions} <= flows


@pytest.mark.parametrize("name", FULL)
def test_a_step_strikes_who_exists_and_leaves_the_mesh_as_it_was(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layout = plan_layout("127.20", clusters=4)
    demo = staged(layout, monkeypatch)
    (step,) = (s for s in steps(layout, RATE, short=False) if s.name == name)
    demo.cluster = step.home.cluster
    stage_in(tmp_path, layout).perform(step, 1.0)
    assert demo.rig.is_whole
    assert demo.running == []
    assert bool(demo.rig.told) is (name != ERRORS)


def struck(step: Step, demo: FakeDemo, folder: Path) -> list[tuple[str, set[str], str]]:
    performed(step, demo, folder)
    orders = ("kill", "SIGSTOP", "stand in")
    return [(order, set(names), how) for order, names, how in demo.rig.told if order in orders]


NORMAL = "with Envoy"
LOCAL = {m.name for m in backends_of(LAYOUT, "us-east", "api")}
REMOTE = {m.name for m in members(LAYOUT) if m.cluster == "us-west"}


def of_roles(*roles: Role) -> set[str]:
    return {m.name for m in members(LAYOUT) if m.role in roles}


@pytest.mark.parametrize(
    ("name", "strikes"),
    [
        (KILLED[0], [("kill", LOCAL, NORMAL)]),
        (KILLED[1], [("kill", {"us-east-api-1-app", "us-east-api-2-app"}, NORMAL)]),
        (KILLED[2], [("kill", {"us-west-gateway"}, NORMAL)]),
        (HUNG[0], [("SIGSTOP", {"us-west-gateway"}, NORMAL)]),
        (
            HUNG[1],
            [("kill", {"us-west-gateway"}, NORMAL), ("stand in", {"us-west-gateway"}, "hang")],
        ),
        (
            HUNG[2],
            [("kill", {"us-west-gateway"}, NORMAL), ("stand in", {"us-west-gateway"}, "refuse")],
        ),
        (HUNG[3], [("kill", REMOTE, NORMAL)]),
        (HUNG[4], [("SIGSTOP", REMOTE, NORMAL)]),
        (ONE_FROZEN, [("SIGSTOP", {"us-west-api-1-app", "us-west-api-1-sidecar"}, NORMAL)]),
        (
            ONE_BY_ONE,
            [
                ("kill", {"controller"}, "alone"),
                ("kill", of_roles(Role.AGENT), "alone"),
                ("kill", of_roles(Role.GATEWAY, Role.SIDECAR), "alone"),
            ],
        ),
        (
            TOGETHER,
            [
                (
                    "kill",
                    of_roles(Role.CONTROLLER, Role.AGENT, Role.GATEWAY, Role.SIDECAR),
                    "alone",
                )
            ],
        ),
        (
            ALONE,
            [
                ("kill", {"controller", "us-east-agent"}, "alone"),
                ("kill", {"us-east-api-1-sidecar"}, NORMAL),
            ],
        ),
        (FLAPPING, [("SIGSTOP", LOCAL, NORMAL)] * 30),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_step_strikes_whom_its_name_says(
    name: str, strikes: list[tuple[str, set[str], str]], demo: FakeDemo, tmp_path: Path
) -> None:
    assert struck(FULL[name], demo, tmp_path) == strikes


@pytest.mark.parametrize("step", FULL.values(), ids=FULL)
def test_answers_come_from_where_the_service_is_and_its_loss_has_somewhere_to_go(
    step: Step,
) -> None:
    home = step.home.cluster
    for flow in step.flows:
        where = [site.id for site in LAYOUT.sites if site.behind(flow.service)]
        assert home in where
        assert len(where) > 1
        assert home == ("us-east" if flow.service in ("api", "web") else where[0])


@pytest.mark.parametrize("step", FULL.values(), ids=FULL)
def test_a_client_without_a_sidecar_lives_through_every_row(step: Step) -> None:
    assert any(not flow.sidecar for flow in step.flows)


@pytest.mark.parametrize("name", [*KILLED, *HUNG, ONE_FROZEN, ONE_BY_ONE, TOGETHER, ALONE])
def test_every_cluster_that_lives_has_a_client_without_a_sidecar(name: str) -> None:
    lost = {"us-west"} if FULL[name].home.cluster == "us-west" and name != ONE_FROZEN else set()
    found = {flow.elsewhere or "us-east" for flow in FULL[name].flows if not flow.sidecar}
    assert found == {site.id for site in LAYOUT.sites} - lost


@pytest.mark.parametrize("step", FULL.values(), ids=FULL)
def test_get_runs_at_the_rate_asked_for(step: Step) -> None:
    twice = next(s for s in steps(LAYOUT, 2 * RATE, short=False) if s.name == step.name)
    assert step.flows[0].protocol == "http"
    asked = [f for f in step.flows if f.repeatable and f.sidecar]
    assert [f.rate for f in twice.flows if f.repeatable and f.sidecar] == [
        2 * f.rate for f in asked
    ]
    if step.name != ERRORS:
        assert next(f for f in step.flows if f.name == "GET").rate == RATE


@pytest.mark.parametrize("name", [*KILLED, *HUNG, ONE_FROZEN])
def test_what_is_lost_is_lost_under_every_protocol(name: str) -> None:
    flows = FULL[name].flows
    for sidecar in (True, False):
        found = [flow.protocol for flow in flows if flow.sidecar is sidecar]
        assert set(found) == {"http", "grpc", "tcp"}
    assert {flow.method for flow in flows if flow.protocol == "http"} == {"GET", "POST"}


# -- what steps check beside their promises ------------------------------------------------------


def hits(demo: FakeDemo, service: str, distinct: int) -> None:
    app = next(m for m in members(LAYOUT) if m.name == f"us-east-{service}-1-app")
    demo.counts[app.address("http")] = {"distinct": distinct, "twice": {}}


@pytest.mark.parametrize(("more", "broken"), [(0, False), (1, True), (-1, True)])
def test_an_answer_with_an_error_is_passed_on_and_not_asked_for_again(
    more: int, broken: bool, demo: FakeDemo, tmp_path: Path
) -> None:
    step = FULL[ERRORS]
    hits(demo, "api", 1000)
    hits(demo, "web", 50)

    def check(stage: object) -> None:
        sent = [len(h.records) for h in recorded.histories.values()]
        hits(demo, "api", 1000 + sum(sent[:3]) + more)
        hits(demo, "web", 50 + sent[3])
        step.check(stage)  # type: ignore[arg-type]

    stage = stage_in(tmp_path, LAYOUT)
    recorded = Recorded()

    def prepare(_: object) -> None:
        nonlocal recorded
        recorded = stage.recorded
        step.prepare(stage)

    stage.perform(replace(step, prepare=prepare, check=check), 1.0)
    assert len(recorded.facts) == 2
    assert bool(recorded.broken) is broken
    assert all("api had" in sentence for sentence in recorded.broken)


def test_errors_are_what_the_applications_were_asked_for() -> None:
    asked = {flow.status: flow for flow in FULL[ERRORS].flows if flow.sidecar}
    assert set(asked) == {200, 503, 500}
    assert (asked[503].service, asked[503].path) == ("api", "/status/503")
    assert (asked[500].service, asked[500].path) == ("web", "/status/500")
    assert asked[200].rate == asked[503].rate


def answered(start: float, end: float, cluster: str, workload: str = "api-1") -> list[Record]:
    """A request every 50 ms."""
    times = [start + i / 20 for i in range(round((end - start) * 20))]
    return [Record(f"r{t:.2f}", t, t, t, 200, "", cluster, workload) for t in times]


def checked(name: str, phases: list[Phase], records: list[Record], folder: Path) -> Recorded:
    stage = stage_in(folder, LAYOUT)
    history = History(About("t", "h", "/", "GET", 20.0), tuple(records), Lag(0.0, 0.0, 1))
    step = FULL[name]
    stage.recorded = Recorded({flow.name: history for flow in step.flows}, phases)
    step.check(stage)
    return stage.recorded


@pytest.mark.parametrize("name", [*KILLED, *HUNG, ONE_FROZEN])
def test_what_may_not_be_repeated_must_not_be_processed_twice(name: str, tmp_path: Path) -> None:
    (tmp_path / "journals").mkdir()
    (tmp_path / "journals" / "a.ids").write_text("1\n2\n")
    (tmp_path / "journals" / "b.ids").write_text("3\n")
    assert checked(name, [], [], tmp_path).broken == []
    (tmp_path / "journals" / "b.ids").write_text("3\n2\n")
    (sentence,) = checked(name, [], [], tmp_path).broken
    assert sentence.startswith("1 requests were processed twice: 2")


@pytest.mark.parametrize(
    ("records", "kept"),
    [
        (answered(0, 30, "us-east"), True),
        (answered(0, 30, "us-east", "api-2"), False),
        (answered(0, 30, "us-west"), False),
        ([*answered(0, 10, "us-east"), *answered(10, 20, "us-west")], False),
        ([*answered(0, 18, "us-west"), *answered(18, 30, "us-east")], True),
        ([*answered(0, 20, "us-west"), *answered(20, 30, "us-east")], False),
    ],
    ids=["all", "the other workload", "elsewhere", "before", "in the end", "only afterwards"],
)
def test_a_proxy_started_alone_has_to_serve_before_agent_and_controller_are_back(
    records: list[Record], kept: bool, tmp_path: Path
) -> None:
    names = (CALM, "alone", "sidecar killed", "sidecar started alone", "agent and controller back")
    starts = (0.0, 3.0, 5.0, 10.0, 20.0, float("inf"))
    phases = [Phase(*p) for p in zip(names, starts[:-1], starts[1:], strict=True)]
    recorded = checked(ALONE, phases, records, tmp_path)
    assert (recorded.broken == []) is kept
    assert "from its cache" in recorded.facts[0]


FLAPPED = [Phase(CALM, 0, 3), Phase("flapping", 3, 63), Phase("flapping ended", 63, float("inf"))]


def flapped(changes: int, back: float) -> list[Record]:
    """The majority changes so often, and after the end is away until `back`."""
    found, places = answered(0, 5, "us-east"), ("us-east", "us-west")
    for number in range(29):
        place = places[min(number + 1, changes) % 2]
        found += answered(5 + number * 2, 7 + number * 2, place)
    return [*found, *answered(63, 63 + back, "us-west"), *answered(63 + back, 120, "us-east")]


@pytest.mark.parametrize(("changes", "kept"), [(0, True), (1, True), (4, True), (5, False)])
def test_flapping_must_not_move_the_majority_five_times(
    changes: int, kept: bool, tmp_path: Path
) -> None:
    recorded = checked(FLAPPING, FLAPPED, flapped(changes, 10.0), tmp_path)
    assert f"the majority changed {changes} times" in recorded.facts[0]
    assert (recorded.broken == []) is kept
    assert all("changed 5 times" in sentence for sentence in recorded.broken)


@pytest.mark.parametrize(("back", "kept"), [(0.0, True), (29.0, True), (31.0, False), (57, False)])
def test_after_flapping_the_majority_is_back_within_30_seconds(
    back: float, kept: bool, tmp_path: Path
) -> None:
    recorded = checked(FLAPPING, FLAPPED, flapped(1, back), tmp_path)
    assert (recorded.broken == []) is kept
    assert all("promised 30 s" in sentence for sentence in recorded.broken)


def test_flapping_lasts_a_minute_of_a_second_each(demo: FakeDemo, tmp_path: Path) -> None:
    recorded = performed(FULL[FLAPPING], demo, tmp_path)
    assert len(recorded.struck) == 30
    promise = FULL[FLAPPING].promise("flapping", FULL[FLAPPING].flows[0])
    assert promise == Promise(worst=1.0)
