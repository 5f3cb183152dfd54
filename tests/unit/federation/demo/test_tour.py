"""The tour's verdict: kept promises pass, broken ones fail and are said."""

from dataclasses import replace

import pytest

from federation.demo.scenarios.tour import CALLS, Report, Visit, judge
from federation.verify.history import About, History, Lag, Phase, Record

ABOUT = About("t", "h", "/", "GET", 100.0)
PHASES = (Phase("before", 0, 1), Phase("killed", 1, 3), Phase("back", 3, float("inf")))
VISITS = (
    Visit("us-east", "spiffe://us-east/ns/demo/sa/web", (("us-east/api-1", CALLS),), 0),
    Visit("us-west", "spiffe://us-west/ns/demo/sa/web", (("us-west/api-1", CALLS),), 0),
)


def stretch(start: float, end: float, cluster: str) -> list[Record]:
    times = [start + i / 100 for i in range(round((end - start) * 100))]
    return [Record(f"r{t}", t, t, t + 0.002, 200, "", cluster, "api-1") for t in times]


GOOD = [*stretch(0, 1, "us-east"), *stretch(1, 3.2, "us-west"), *stretch(3.2, 6, "us-east")]


def judged(records: list[Record], visits: tuple[Visit, ...] = VISITS) -> Report:
    history = History(ABOUT, tuple(records), Lag(0.001, 0.001, 9))
    return judge(visits, history, PHASES, "us-east")


def test_a_run_that_kept_all_promises_passes() -> None:
    report = judged(GOOD)
    assert report.broken == ()
    assert [p.sent for p in report.phases] == [100, 200, 300]
    assert report.phases[1].share("us-west") > 0.99
    assert report.shifted == pytest.approx(0.002, abs=1e-3)
    assert report.returned == pytest.approx(0.2)


def test_one_failed_request_fails_the_tour() -> None:
    (sentence,) = judged([*GOOD, Record("x", 1.2, 1.2, 1.3, 503)]).broken
    assert "1 of 201 requests failed" in sentence


def test_one_slow_request_in_the_kill_fails_the_tour() -> None:
    slow = Record("x", 1.2, 1.2, 1.6, 200, "", "us-west", "api-1")
    (sentence,) = judged([*GOOD, slow]).broken
    assert "400 ms" in sentence


def test_traffic_that_lingers_fails_the_tour() -> None:
    late = Record("x", 1.7, 1.7, 1.71, 200, "", "us-east", "api-1")
    (sentence,) = judged([*GOOD, late]).broken
    assert "shifted in 0.71 s" in sentence


def test_traffic_that_does_not_come_back_fails_the_tour() -> None:
    report = judged([*stretch(0, 1, "us-east"), *stretch(1, 6, "us-west")])
    assert report.returned is None
    assert "did not come back" in report.broken[0]


def test_a_history_that_was_cut_off_fails_the_tour() -> None:
    history = History(ABOUT, tuple(GOOD), None)
    assert "died" in judge(VISITS, history, PHASES, "us-east").broken[0]


def test_answers_from_elsewhere_though_there_are_local_ones_fail_the_tour() -> None:
    astray = replace(VISITS[1], answers=(("eu-west/api-1", 1), ("us-west/api-1", CALLS - 1)))
    (sentence,) = judged(GOOD, (VISITS[0], astray)).broken
    assert sentence.startswith("us-west: answers came from elsewhere")


def test_calls_of_the_visit_that_fail_fail_the_tour() -> None:
    (sentence,) = judged(GOOD, (replace(VISITS[0], failed=2),)).broken
    assert "2 of 20 calls" in sentence
