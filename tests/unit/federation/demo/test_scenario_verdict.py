"""The verdict on a step: what keeps its promises passes, and each promise can be broken."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from federation.demo.scenarios.steps import CALM, Flow, Promise, Recorded, Result, Step, nothing
from federation.demo.scenarios.verdict import judge
from federation.planning.damping import Damping
from federation.verify.guarantees import Place
from federation.verify.history import About, History, Lag, Phase, Record

ABOUT = About("t", "h", "/", "GET", 100.0)
LAG = Lag(0.001, 0.001, 9)
HOME = Place("us-east")
DAMPING = Damping(hold=2.0, ramp=10.0)
PHASES = (Phase(CALM, 0, 2), Phase("lost", 2, 6), Phase("back", 6, float("inf")))
GET = Flow("GET", "api", rate=100.0)
POST = Flow("POST", "api", method="POST", rate=100.0)
GRPC = Flow("gRPC", "api", "grpc", rate=100.0)
TCP = Flow("TCP", "api", "tcp", rate=100.0)
STRICT = Promise(worst=0.3, shifted=0.5)


def answer(at: float, cluster: str, latency: float = 0.002, status: int = 200) -> Record:
    return Record(f"r{at:.3f}", at, at, at + latency, status, "", cluster, "api-1")


def failed(start: float, end: float) -> Record:
    return Record(f"f{start:.3f}", start, start, end, 0, "reset")


def stretch(
    start: float, end: float, cluster: str, latency: float = 0.002, status: int = 200
) -> list[Record]:
    """A request every 10 ms."""
    count = round((end - start) * 100)
    return [answer(start + i / 100, cluster, latency, status) for i in range(count)]


GOOD = [*stretch(0, 2, "us-east"), *stretch(2, 8, "us-west"), *stretch(8, 12, "us-east")]
"""All is lost at 2, and comes back all at once 2 s after it was given back."""


def step_of(promises: dict[str, Promise], *flows: Flow) -> Step:
    return Step("it dies", flows or (GET,), HOME, nothing, promises)


def judged(
    records: Iterable[Record],
    step: Step,
    struck: tuple[tuple[float, float], ...] = ((2.0, 2.5),),
) -> Result:
    """The verdict when every flow had the same records."""
    found = tuple(sorted(records, key=lambda r: r.end))
    histories = {flow.name: History(ABOUT, found, LAG) for flow in step.flows}
    return judge(step, Recorded(histories, list(PHASES), list(struck)), DAMPING)


def test_a_step_that_kept_its_promises_has_none_broken_and_a_row_per_phase_and_flow() -> None:
    result = judged(GOOD, step_of({"lost": STRICT}, GET, POST))
    assert result.broken == ()
    assert [(row.flow, row.phase, row.summary.sent) for row in result.rows] == [
        (flow, phase, sent)
        for flow in ("GET", "POST")
        for phase, sent in ((CALM, 200), ("lost", 400), ("back", 600))
    ]
    assert {row.step for row in result.rows} == {result.step} == {"it dies"}
    assert result.rows[1].shifted == pytest.approx(0.002, abs=1e-3)
    assert result.rows[1].summary.share("us-west") > 0.99


def test_only_what_was_to_shift_is_said_to_have_shifted() -> None:
    result = judged(GOOD, step_of({"lost": STRICT}))
    assert [row.shifted is None for row in result.rows] == [True, False, True]


@pytest.mark.parametrize("phase", range(3))
def test_a_phase_without_a_promise_promises_that_nothing_fails(phase: int) -> None:
    start = PHASES[phase].start + 1.0
    (sentence,) = judged([*GOOD, failed(start, start + 0.01)], step_of({})).broken
    assert sentence.startswith(f"it dies, GET, {PHASES[phase].name}: ")
    assert "1 of" in sentence
    assert "requests failed" in sentence


def test_a_request_belongs_to_the_phase_in_which_it_was_over() -> None:
    result = judged([*GOOD, failed(1.9, 2.1)], step_of({"lost": Promise(failed=1)}))
    assert [row.summary.failed for row in result.rows] == [0, 1, 0]
    assert result.broken == ()


def test_failures_beyond_those_promised_are_said() -> None:
    step = step_of({"lost": Promise(failed=1)})
    assert judged([*GOOD, failed(3, 3.1)], step).broken == ()
    (sentence,) = judged([*GOOD, failed(3, 3.1), failed(4, 4.1)], step).broken
    assert "2 of 402 requests failed, promised at most 1" in sentence


def test_the_slowest_request_is_held_against_its_promise() -> None:
    step = step_of({"lost": STRICT})
    assert judged([*GOOD, answer(3, "us-west", 0.29)], step).broken == ()
    (sentence,) = judged([*GOOD, answer(3, "us-west", 0.31)], step).broken
    assert "took 310 ms" in sentence


def test_traffic_that_lingers_has_shifted_too_late() -> None:
    step = step_of({"lost": STRICT})
    assert judged([*GOOD, answer(2.4, "us-east")], step).broken == ()
    (sentence,) = judged([*GOOD, answer(2.7, "us-east")], step).broken
    assert "shifted in 0.70 s, promised at most 0.50 s" in sentence


def test_traffic_that_never_shifts_is_said() -> None:
    (sentence,) = judged(stretch(0, 12, "us-east"), step_of({"lost": STRICT})).broken
    assert "did not move away" in sentence


def test_too_large_a_share_from_elsewhere_breaks_a_promise_to_stay() -> None:
    step = step_of({"lost": Promise(most_left=0.05)})

    def left(share: float) -> list[Record]:
        moved = round(400 * share)
        return [
            *stretch(0, 2 + 4 - moved / 100, "us-east"),
            *stretch(6 - moved / 100, 6, "us-west"),
            *stretch(6, 8, "us-east"),
        ]

    assert judged(left(0.04), step).broken == ()
    (sentence,) = judged(left(0.07), step).broken
    assert "answers came from elsewhere than us-east, promised at most 5%" in sentence


@pytest.mark.parametrize("records", [GOOD, stretch(0, 12, "us-east")])
def test_without_a_promise_to_stay_or_to_shift_answers_may_come_from_anywhere(
    records: list[Record],
) -> None:
    assert judged(records, step_of({})).broken == ()


CALMLY = {"lost": Promise(calm=True)}


def test_calm_means_that_latencies_stay_what_they_were() -> None:
    quiet = [*stretch(0, 2, "us-east"), *stretch(2, 6, "us-east", 0.005), *stretch(6, 8, "us-east")]
    slow = [*stretch(0, 2, "us-east"), *stretch(2, 6, "us-east", 0.04), *stretch(6, 8, "us-east")]
    assert judged(quiet, step_of(CALMLY)).broken == ()
    (sentence,) = judged(slow, step_of(CALMLY)).broken
    assert "p99 went from 0.002 to 0.040 s" in sentence


def test_what_was_slow_before_may_be_slow_in_proportion() -> None:
    slow = stretch(0, 2, "us-east", 0.05)
    assert judged([*slow, *stretch(2, 8, "us-east", 0.14)], step_of(CALMLY)).broken == ()
    (sentence,) = judged([*slow, *stretch(2, 8, "us-east", 0.16)], step_of(CALMLY)).broken
    assert "p99" in sentence


def test_one_slow_request_is_calm_when_the_worst_was_not_promised() -> None:
    assert (
        judged([*stretch(0, 8, "us-east"), answer(3, "us-east", 1.0)], step_of(CALMLY)).broken == ()
    )


def test_calm_means_that_nobody_leaves_home() -> None:
    records = [*stretch(0, 8, "us-east"), answer(3, "us-west"), answer(4, "us-west")]
    (sentence,) = judged(records, step_of(CALMLY)).broken
    assert "of the answers left us-east" in sentence


def test_a_phase_in_which_nothing_was_sent_proves_nothing() -> None:
    broken = judged([*stretch(0, 2, "us-east"), *stretch(6, 8, "us-east")], step_of({})).broken
    assert any("it dies, GET, lost: no request was sent" in sentence for sentence in broken)


@pytest.mark.parametrize("flow", [POST, GRPC, TCP], ids=lambda flow: flow.name)
def test_what_may_not_be_repeated_is_excused_while_it_was_under_way_at_what_was_lost(
    flow: Flow,
) -> None:
    caught = [failed(1.9, 2.1), failed(2.0, 5.0), failed(2.4, 2.45), failed(2.5, 2.9)]
    result = judged([*GOOD, *caught], step_of({"lost": STRICT}, flow))
    assert result.broken == ()
    lost = result.rows[1]
    assert (lost.summary.failed, lost.in_flight) == (4, 4)
    assert lost.shifted == pytest.approx(0.002, abs=1e-3)


def test_what_may_be_repeated_is_never_excused() -> None:
    result = judged([*GOOD, failed(1.9, 2.1)], step_of({}, GET))
    assert [row.in_flight for row in result.rows] == [0, 0, 0]
    assert "1 of 401 requests failed" in result.broken[0]


@pytest.mark.parametrize(
    "outside", [failed(1.0, 1.9), failed(2.6, 2.7)], ids=["over before", "begun after"]
)
def test_only_what_was_under_way_while_it_struck_is_excused(outside: Record) -> None:
    result = judged([*GOOD, outside], step_of({}, POST))
    assert [row.in_flight for row in result.rows] == [0, 0, 0]
    (sentence,) = result.broken
    assert "1 of" in sentence


def test_each_time_that_it_struck_excuses_its_own() -> None:
    records = [*GOOD, failed(3.0, 3.1), failed(5.0, 5.1), failed(4.0, 4.1)]
    result = judged(records, step_of({}, POST), struck=((2.9, 3.0), (5.1, 5.2)))
    assert [row.in_flight for row in result.rows] == [0, 2, 0]
    (sentence,) = result.broken
    assert "it dies, POST, lost: 1 of 403 requests failed" in sentence
    result = judged(records, step_of({}, POST), struck=())
    assert "3 of 403 requests failed" in result.broken[0]


def test_the_slowest_answer_counts_also_beside_an_excused_failure() -> None:
    step = step_of({"lost": STRICT}, POST)
    (sentence,) = judged([*GOOD, failed(2.1, 5), answer(3, "us-west", 0.4)], step).broken
    assert "took 400 ms" in sentence


HALF = Flow("GET 503", "api", path="/status/503", rate=100.0, status=503)


def test_the_status_that_was_asked_for_is_the_good_one() -> None:
    records = stretch(0, 8, "us-east", status=503)
    result = judged(records, step_of(CALMLY, HALF))
    assert result.broken == ()
    assert [row.summary.failed for row in result.rows] == [0, 0, 0]
    assert result.rows[0].summary.share("us-east") == 1.0
    assert len(judged(records, step_of(CALMLY, GET)).broken) >= 3


@pytest.mark.parametrize("status", [200, 500, 0])
def test_another_status_than_the_one_asked_for_is_a_failure(status: int) -> None:
    other = answer(3, "us-east", status=status)
    (sentence,) = judged([*stretch(0, 8, "us-east", status=503), other], step_of({}, HALF)).broken
    assert "1 of 401 requests failed" in sentence


def test_a_good_status_that_nobody_asked_for_is_a_failure_too() -> None:
    records = [*stretch(0, 8, "us-east"), answer(3, "us-east", status=204)]
    (sentence,) = judged(records, step_of({}, GET)).broken
    assert "1 of 401 requests failed" in sentence


def test_no_answer_is_a_failure_whatever_was_asked_for() -> None:
    cut = replace(failed(3, 3.1), status=503)
    (sentence,) = judged([*stretch(0, 8, "us-east", status=503), cut], step_of({}, HALF)).broken
    assert "1 of 401 requests failed" in sentence


def test_an_exception_holds_for_its_flow_and_phase_alone() -> None:
    records = [*GOOD, failed(5, 5.1)]
    step = replace(
        step_of({"lost": STRICT}, GET, TCP),
        exceptions={("lost", "TCP"): Promise(failed=1, worst=2.5)},
    )
    assert [row.flow for row in judged(records, step).rows if row.shifted is not None] == ["GET"]
    assert {sentence.split(":")[0] for sentence in judged(records, step).broken} == {
        "it dies, GET, lost"
    }
    elsewhere = replace(step, exceptions={("back", "TCP"): Promise(failed=1)})
    assert {sentence.split(":")[0] for sentence in judged(records, elsewhere).broken} == {
        "it dies, GET, lost",
        "it dies, TCP, lost",
    }


def ramped(share: Callable[[float], float]) -> list[Record]:
    """From 6 on home has so large a share of the answers, by the seconds since then."""
    found = [*stretch(0, 2, "us-east"), *stretch(2, 6, "us-west")]
    for tenth in range(260):
        since = tenth / 10
        home = round(10 * share(since))
        found += stretch(6 + since, 6 + since + home / 100, "us-east")
        found += stretch(6 + since + home / 100, 6 + since + 0.1, "us-west")
    return found


def as_allowed(since: float) -> float:
    held = max(0.0, since - DAMPING.hold)
    return min(1.0, held / DAMPING.ramp)


RAMP = replace(step_of({}), ramp=True)


def test_what_comes_back_as_its_ramp_allows_keeps_its_promise() -> None:
    assert judged(ramped(as_allowed), RAMP).broken == ()


def test_what_comes_back_more_slowly_is_no_breach() -> None:
    assert judged(ramped(lambda since: as_allowed(since - 6.0)), RAMP).broken == ()


@pytest.mark.parametrize(
    "share",
    [lambda _: 1.0, lambda since: as_allowed(since + 4.0), lambda since: float(since >= 2.0)],
    ids=["at once", "early", "without ramp"],
)
def test_what_comes_back_faster_than_its_ramp_is_said(share: Callable[[float], float]) -> None:
    broken = judged(ramped(share), RAMP).broken
    assert broken
    assert all("points more than its ramp allows" in sentence for sentence in broken)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_what_does_not_come_back_is_said(share: float) -> None:
    broken = judged(ramped(lambda since: min(share, as_allowed(since))), RAMP).broken
    assert broken
    assert all("did not come back to us-east" in sentence for sentence in broken)


def test_without_a_ramp_nothing_has_to_come_back() -> None:
    assert judged(ramped(lambda _: 0.0), step_of({})).broken == ()
    assert judged(ramped(lambda _: 1.0), step_of({})).broken == ()


def test_a_load_that_died_or_stalled_proves_nothing() -> None:
    cut = Recorded({"GET": History(ABOUT, tuple(GOOD))}, list(PHASES))
    (sentence,) = judge(step_of({}), cut, DAMPING).broken
    assert sentence.startswith("it dies, GET: ")
    assert "died" in sentence
    stalled = [record for record in GOOD if not 0.5 < record.at < 1.5]
    (sentence,) = judged(stalled, step_of({})).broken
    assert f"it dies, GET: {CALM}: only" in sentence


def test_a_flow_of_less_than_a_request_per_second_is_not_doubted_for_its_gaps() -> None:
    rare = [answer(at, "us-east") for at in (1.5, 4.0, 8.0)]
    assert judged(rare, step_of({}, replace(GET, rate=0.4))).broken == ()
    assert "only 1 of" in judged(rare, step_of({}, replace(GET, rate=1.0))).broken[0]


def test_a_flow_of_less_than_a_request_per_second_is_judged_where_it_appears() -> None:
    rare = replace(GET, rate=0.4)
    result = judged([answer(1.5, "us-east"), answer(8.0, "us-east", 0.4)], step_of({}, rare))
    assert result.broken == ()
    assert [row.phase for row in result.rows] == [CALM, "back"]
    (sentence,) = judged([answer(1.5, "us-east"), failed(7.0, 8.0)], step_of({}, rare)).broken
    assert "it dies, GET, back: 1 of 1 requests failed" in sentence


def test_what_the_step_itself_noted_is_part_of_the_verdict() -> None:
    recorded = Recorded({"GET": History(ABOUT, tuple(GOOD), LAG)}, list(PHASES))
    recorded.broken.append("api had 3 hits of 2 requests")
    recorded.facts.append("api: 2 requests, 3 hits")
    result = judge(step_of({}), recorded, DAMPING)
    assert result.broken == ("it dies: api had 3 hits of 2 requests",)
    assert result.facts == ("api: 2 requests, 3 hits",)


def test_the_lateness_of_a_step_is_that_of_its_latest_load() -> None:
    lags = {"GET": Lag(0.01, 0.002, 9), "POST": Lag(0.3, 0.001, 9), "TCP": None}
    histories = {name: History(ABOUT, tuple(GOOD), lag) for name, lag in lags.items()}
    result = judge(step_of({}, GET, POST, TCP), Recorded(histories, list(PHASES)), DAMPING)
    assert result.lag == lags["POST"]
    dead = Recorded({"GET": History(ABOUT, tuple(GOOD))}, list(PHASES))
    assert judge(step_of({}), dead, DAMPING).lag is None
