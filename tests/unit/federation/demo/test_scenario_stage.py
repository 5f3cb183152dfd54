"""A stage performs a step: flows run, faults strike and are undone, phases are kept in mind."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from federation.demo.layout import Layout, Role, members, moved_away, plan_layout
from federation.demo.scenarios.stage import Tail, Tally, Told
from federation.demo.scenarios.steps import CALM, Flow, Recorded, Stage, Step, nothing
from federation.model.errors import Failed
from federation.verify.faults import Fault, Way
from federation.verify.guarantees import Place
from federation.verify.history import About, Lag, Record, about_line, end_line, record_line
from federation.verify.traffic import parse_arguments
from tests.unit.fakes.fake_demo import FakeDemo, stage_in, staged

LAYOUT = plan_layout()
HOME = Place("us-east")
GET = Flow("GET", "api", rate=200.0)
POST = Flow("GET 503", "api", path="/status/503", rate=0.5, timeout=3.0)
GATEWAY = Fault("the gateway", Way.KILL, ("us-west-gateway",))


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> FakeDemo:
    return staged(LAYOUT, monkeypatch)


def step_of(act: Callable[[Stage], None] = nothing, *flows: Flow) -> Step:
    return Step("it dies", flows or (GET,), HOME, act)


def test_a_step_is_prepared_before_its_flows_and_checked_after_them(
    demo: FakeDemo, tmp_path: Path
) -> None:
    def note(what: str) -> Callable[[Stage], None]:
        return lambda _: demo.story.append(what)

    step = replace(step_of(note("act"), GET, POST), prepare=note("prepare"), check=note("check"))
    stage_in(tmp_path, LAYOUT).perform(step, 1.0)
    assert demo.story == [
        "prepare",
        "start load-GET",
        "start load-GET-503",
        "act",
        "stop load-GET",
        "stop load-GET-503",
        "forget load-GET",
        "forget load-GET-503",
        "check",
    ]


def test_a_step_has_its_phases_without_gaps_and_a_history_per_flow(
    demo: FakeDemo, tmp_path: Path
) -> None:
    seen: list[str] = []

    def act(stage: Stage) -> None:
        stage.begin("first")
        stage.wait(2.0)
        stage.begin("second")
        stage.wait(3.0)

    stage = stage_in(tmp_path, LAYOUT, Told(phase=seen.append))
    recorded = stage.perform(step_of(act, GET, POST), 4.0)
    calm, first, second = recorded.phases
    assert seen == [p.name for p in recorded.phases] == [CALM, "first", "second"]
    assert [p.end - p.start for p in (calm, first)] == pytest.approx([4.0, 2.0])
    assert (calm.end, first.end, second.end) == (first.start, second.start, float("inf"))
    assert set(recorded.histories) == {"GET", "GET 503"}
    for found in recorded.histories.values():
        assert found.complete
        assert [len(found.within(p)) for p in recorded.phases] == pytest.approx([20, 10, 15], abs=1)


def test_what_was_recorded_is_there_when_the_step_is_checked(
    demo: FakeDemo, tmp_path: Path
) -> None:
    found: list[Recorded] = []
    step = replace(step_of(), check=lambda stage: found.append(stage.recorded))
    recorded = stage_in(tmp_path, LAYOUT).perform(step, 1.0)
    assert found == [recorded]
    assert found[0].histories["GET"].records


def test_nothing_of_a_step_is_left_for_the_next_one(demo: FakeDemo, tmp_path: Path) -> None:
    def act(stage: Stage) -> None:
        stage.recorded.facts.append("a fact")
        with stage.struck(GATEWAY, "lost", "back"):
            stage.wait(1.0)

    stage = stage_in(tmp_path, LAYOUT)
    first = stage.perform(step_of(act), 2.0)
    second = stage.perform(step_of(), 1.0)
    assert (second.facts, second.struck, [p.name for p in second.phases]) == ([], [], [CALM])
    assert first.histories["GET"].records[-1].end < second.histories["GET"].records[0].end
    assert [p.name for p in first.phases] == [CALM, "lost", "back"]


def test_flows_are_stopped_and_faults_undone_when_a_step_breaks_off(
    demo: FakeDemo, tmp_path: Path
) -> None:
    def act(stage: Stage) -> None:
        with stage.struck(GATEWAY, "lost", "back"):
            raise KeyboardInterrupt

    step = replace(step_of(act), check=lambda _: demo.story.append("check"))
    with pytest.raises(KeyboardInterrupt):
        stage_in(tmp_path, LAYOUT).perform(step, 1.0)
    assert demo.running == []
    assert demo.rig.is_whole
    assert "check" not in demo.story


@pytest.mark.parametrize("cluster", ["us-west", ""], ids=["elsewhere", "nobody"])
def test_a_flow_that_home_does_not_answer_is_no_calm_beginning(
    cluster: str, demo: FakeDemo, tmp_path: Path
) -> None:
    demo.exceptions = {"load-GET-503": cluster}
    began = demo.monotonic()
    step = step_of(lambda _: demo.story.append("act"), GET, POST)
    with pytest.raises(Failed, match="it dies: GET 503 is not answered by us-east"):
        stage_in(tmp_path, LAYOUT).perform(step, 1.0)
    assert 10.0 < demo.monotonic() - began < 60.0
    assert demo.running == []
    assert "act" not in demo.story


@pytest.mark.parametrize(
    "flow",
    [
        GET,
        Flow("gRPC", "orders", "grpc", rate=50.0, timeout=3.0),
        Flow("POST", "orders", method="POST", path="/upload", rate=0.05, body_bytes=8 << 20),
        Flow("TCP", "orders", "tcp", rate=20.0, timeout=60.0),
        Flow("TCP to api", "api", "tcp"),
    ],
    ids=lambda flow: flow.name,
)
def test_a_flow_is_the_load_that_it_says_sent_by_the_client_of_home(
    flow: Flow, demo: FakeDemo, tmp_path: Path
) -> None:
    stage_in(tmp_path, LAYOUT).perform(step_of(nothing, flow), 1.0)
    load, _ = parse_arguments(demo.started[0].arguments)
    about = load.about
    assert (about.protocol, about.rate, load.timeout) == (flow.protocol, flow.rate, flow.timeout)
    assert load.seconds is None
    assert load.host == LAYOUT.sites[0].client().address
    purpose = f"tcp-{flow.service}" if flow.protocol == "tcp" else "outbound"
    client = next(m for m in members(LAYOUT) if m.name == "us-east-web-1-sidecar")
    assert f"{load.host}:{load.port}" == client.address(purpose)
    if flow.protocol == "http":
        assert (about.path, about.method) == (flow.path, flow.method)
        assert load.body_bytes == flow.body_bytes
    port = {"http": ":8080", "grpc": ":9090", "tcp": ""}[flow.protocol]
    assert about.host.startswith(flow.service if port else "")
    assert about.host.endswith(port)


def test_a_client_without_a_sidecar_is_where_it_is_said_and_calls_what_its_dns_server_tells(
    demo: FakeDemo, tmp_path: Path
) -> None:
    here = Flow("no sidecar", "orders", sidecar=False)
    there = Flow("no sidecar eu-west", "api", "grpc", sidecar=False, elsewhere="eu-west")
    recorded = stage_in(tmp_path, LAYOUT).perform(step_of(nothing, here, there), 1.0)
    loads = [parse_arguments(running.arguments)[0] for running in demo.started]
    assert [(load.host, load.port) for load in loads] == [
        (LAYOUT.sites[0].gateway, 8080),
        (LAYOUT.sites[2].gateway, 9090),
    ]
    answers = {name: {r.cluster for r in h.records} for name, h in recorded.histories.items()}
    assert answers == {"no sidecar": {"us-east"}, "no sidecar eu-west": {"eu-west"}}


# -- faults --------------------------------------------------------------------------------------


def test_a_fault_is_in_force_within_and_phases_begin_when_it_strikes_and_ends(
    demo: FakeDemo, tmp_path: Path
) -> None:
    def act(stage: Stage) -> None:
        with stage.struck(GATEWAY, "lost", "back"):
            assert not demo.rig.is_alive("us-west-gateway")
            stage.wait(3.0)
        assert demo.rig.is_whole
        stage.wait(1.0)

    recorded = stage_in(tmp_path, LAYOUT).perform(step_of(act), 1.0)
    _, lost, back = recorded.phases
    ((at, to),) = recorded.struck
    assert lost.start == at
    assert to == at + 1.0, "the order takes a second"
    assert back.start - to == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("way", "near", "far"),
    [
        (Way.KILL, 0.0, 0.0),
        (Way.FREEZE, 1.0, 3.25),
        (Way.HANG, 1.0, 3.25),
        (Way.REFUSE, 0.0, 0.0),
    ],
)
def test_what_hangs_is_in_flight_until_it_is_noticed_sooner_near_than_far(
    way: Way, near: float, far: float, demo: FakeDemo, tmp_path: Path
) -> None:
    def notice(layout: Layout) -> float:
        stage = stage_in(tmp_path, layout)
        with stage.struck(replace(GATEWAY, way=way), "lost", "back"):
            done = demo.monotonic()
        return stage.recorded.struck[0][1] - done

    assert notice(LAYOUT) == pytest.approx(near)
    assert notice(moved_away(LAYOUT, "eu-west", 0.3)) == pytest.approx(far)


def test_a_fault_that_cannot_strike_is_said_and_begins_nothing(
    demo: FakeDemo, tmp_path: Path
) -> None:
    demo.rig.dead = {"us-west-gateway"}
    seen: list[str] = []
    stage = stage_in(tmp_path, LAYOUT, Told(phase=seen.append))
    with (
        pytest.raises(Failed, match="the gateway: us-west-gateway does not run"),
        stage.struck(GATEWAY, "lost", "back"),
    ):
        pytest.fail("it struck")
    assert (seen, demo.rig.told, stage.recorded.struck) == ([], [], [])


def test_a_flap_is_a_fault_for_so_long_and_then_none_for_as_long(
    demo: FakeDemo, tmp_path: Path
) -> None:
    stage = stage_in(tmp_path, LAYOUT)
    began = demo.monotonic()
    stage.flap(replace(GATEWAY, way=Way.FREEZE), 5.0)
    assert [order for order, _, _ in demo.rig.told] == ["SIGSTOP", "SIGCONT"]
    ((at, to),) = stage.recorded.struck
    assert (at, to - at) == pytest.approx((began, 5.0 + 2.0))
    assert demo.monotonic() - to == pytest.approx(5.0)


# -- time ----------------------------------------------------------------------------------------


def test_while_the_stage_waits_it_tells_what_was_answered_just_now(
    demo: FakeDemo, tmp_path: Path
) -> None:
    pulses: list[tuple[str, int, float]] = []

    def pulse(flow: str, recent: tuple[Record, ...], _: object) -> None:
        pulses.append((flow, len(recent), min(r.end for r in recent) - demo.monotonic()))

    began = 0.0

    def act(stage: Stage) -> None:
        nonlocal began
        began = demo.monotonic()
        pulses.clear()
        stage.wait(3.2)

    stage_in(tmp_path, LAYOUT, Told(pulse=pulse)).perform(step_of(act, GET, POST), 1.0)
    assert demo.monotonic() - began == pytest.approx(3.2)
    assert [flow for flow, _, _ in pulses[:4]] == ["GET", "GET 503", "GET", "GET 503"]
    assert len(pulses) >= 2 * 6
    assert all(1 <= count <= 3 and oldest >= -0.5 - 1e-6 for _, count, oldest in pulses)


def returning(
    demo: FakeDemo, tmp_path: Path, away_seconds: float, patience: float, *flows: Flow
) -> float:
    """How long the stage waits for the return home when the last flow is away for so long."""
    took: list[float] = []

    def act(stage: Stage) -> None:
        began = demo.monotonic()
        demo.exceptions = {demo.started[-1].name: "us-west"}
        demo.until = began + 2.0 + away_seconds
        stage.wait(2.0)
        stage.wait_for_return(patience)
        took.append(demo.monotonic() - began - 2.0)

    stage_in(tmp_path, LAYOUT).perform(step_of(act, *flows), 2.0)
    return took[0]


@pytest.mark.parametrize("flows", [(GET,), (GET, POST)], ids=["the only one", "the last one"])
def test_the_return_of_every_flow_is_waited_for(
    flows: tuple[Flow, ...], demo: FakeDemo, tmp_path: Path
) -> None:
    assert 20.0 < returning(demo, tmp_path, 20.0, 60.0, *flows) < 25.0


def test_what_never_returns_is_waited_for_until_patience_ends(
    demo: FakeDemo, tmp_path: Path
) -> None:
    assert returning(demo, tmp_path, 1000.0, 10.0, GET, POST) == pytest.approx(10.0, abs=0.6)


def test_what_is_at_home_is_hardly_waited_for(demo: FakeDemo, tmp_path: Path) -> None:
    assert returning(demo, tmp_path, -2.0, 60.0, GET) < 5.0


# -- what applications say -----------------------------------------------------------------------


def test_what_was_processed_is_the_sum_of_all_hits_behind_the_service(
    demo: FakeDemo, tmp_path: Path
) -> None:
    apps = {m.name: m.address("http") for m in members(LAYOUT) if m.role is Role.APP}
    demo.counts = {
        apps["us-east-api-1-app"]: {"distinct": 10, "twice": {}},
        apps["us-west-api-2-app"]: {"distinct": 5, "twice": {"a": 2, "b": 3}},
        apps["us-east-web-1-app"]: {"distinct": 1000, "twice": {}},
    }
    stage = stage_in(tmp_path, LAYOUT)
    assert stage.processed("api") == 10 + 5 + 1 + 2
    assert stage.processed("web") == 1000


def test_journals_are_read_one_by_one(demo: FakeDemo, tmp_path: Path) -> None:
    stage = stage_in(tmp_path, LAYOUT)
    assert stage.journals() == []
    (tmp_path / "journals").mkdir()
    (tmp_path / "journals" / "b.ids").write_text("3\n")
    (tmp_path / "journals" / "a.ids").write_text("1\n2\n")
    (tmp_path / "journals" / "a.log").write_text("nonsense\n")
    assert stage.journals() == [["1", "2"], ["3"]]


# -- the tail of a history -----------------------------------------------------------------------


def record(end: float) -> Record:
    return Record(f"r{end}", end, end, end, 200, "", "us-east", "api-1")


def test_a_tail_reads_on_where_it_was_also_within_a_line(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    tail = Tail(file, Flow("GET", "api").judged)
    assert tail.read(0.0) == ()
    lines = [about_line(About("t", "h", "/", "GET", 1.0)), *map(record_line, map(record, (1, 2)))]
    text = "".join(lines)
    with file.open("a") as out:
        out.write(text[:-30])
        out.flush()
        assert tail.read(0.0) == (record(1),)
        assert tail.read(0.0) == (record(1),)
        out.write(text[-30:-1])
        out.flush()
        assert tail.read(0.0) == (record(1),)
        out.write(text[-1:] + record_line(record(3)) + end_line(Lag(0.1, 0.1, 1)))
    assert tail.read(0.0) == (record(1), record(2), record(3))


def test_a_tail_forgets_what_is_older_than_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    file.write_text("".join(map(record_line, map(record, (1, 2, 3)))))
    tail = Tail(file, Flow("GET", "api").judged)
    assert tail.read(2.0) == (record(2), record(3))
    assert tail.read(2.5) == tuple(tail.recent) == (record(3),)
    assert tail.read(9.0) == ()


def test_a_tail_counts_what_failed_by_what_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    asked = replace(record(1), status=503)
    file.write_text("".join(map(record_line, (asked, record(2), replace(record(3), error="eof")))))
    tail = Tail(file, Flow("GET 503", "api", status=503).judged)
    tail.read(9.0)
    tail.read(9.0)
    assert tail.tally == Tally(sent=3, failed=2)
