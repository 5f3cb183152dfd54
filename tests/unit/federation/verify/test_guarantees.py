"""The judges pass good histories and fail bad ones."""

from dataclasses import replace

import pytest

from federation.verify.guarantees import (
    Limits,
    Place,
    broken_promises,
    doubts,
    failures,
    lateness,
    percentile,
    processed_twice,
    shares,
    summarise,
    time_to_return,
    time_to_shift,
    worst,
)
from federation.verify.history import About, History, Lag, Phase, Record

EAST = Place("us-east")
ABOUT = About("127.0.0.1:1", "api", "/", "GET", 100.0)
LAG = Lag(0.001, 0.001, 100)


def answered(at: float, cluster: str = "us-east", latency: float = 0.002) -> Record:
    return Record(f"r-{at:.3f}", at, at, at + latency, 200, "", cluster, "api-1")


def failed(at: float, error: str = "reset") -> Record:
    return Record(f"r-{at:.3f}", at, at, at + 0.002, 0, error)


def steady(start: float, end: float, cluster: str) -> list[Record]:
    """A request every 10 ms."""
    count = round((end - start) * 100)
    return [answered(start + i / 100, cluster) for i in range(count)]


def test_traffic_that_moves_at_once_has_shifted_at_once() -> None:
    run = [*steady(0, 1, "us-east"), *steady(1, 3, "us-west")]
    assert time_to_shift(run, EAST, fault=1.0) == pytest.approx(0.002, abs=1e-6)


def test_the_last_answer_from_the_lost_place_counts() -> None:
    run = [*steady(1, 3, "us-west"), answered(1.4, "us-east")]
    assert time_to_shift(run, EAST, fault=1.0) == pytest.approx(0.402)


def test_a_failure_after_the_fault_counts_as_not_shifted_yet() -> None:
    run = [*steady(1, 3, "us-west"), failed(1.7)]
    assert time_to_shift(run, EAST, fault=1.0) == pytest.approx(0.702)


def test_silence_until_the_first_answer_from_elsewhere_counts() -> None:
    run = steady(1.8, 3, "us-west")
    assert time_to_shift(run, EAST, fault=1.0) == pytest.approx(0.802)


@pytest.mark.parametrize(
    "run",
    [
        steady(1, 3, "us-east"),
        [*steady(1, 3, "us-west"), answered(3.1, "us-east")],
        [*steady(1, 3, "us-west"), failed(3.1)],
        [failed(1.1)],
        [],
    ],
    ids=["never left", "came back at the end", "failed at the end", "only failures", "nothing"],
)
def test_traffic_that_never_moves_for_good_has_not_shifted(run: list[Record]) -> None:
    assert time_to_shift(run, EAST, fault=1.0) is None


def test_answers_before_the_fault_do_not_matter_for_the_shift() -> None:
    run = [failed(0.5), *steady(0, 0.9, "us-east"), *steady(1, 2, "us-west")]
    shifted = time_to_shift(run, EAST, fault=1.0)
    assert shifted is not None
    assert shifted < 0.01


def test_a_place_can_be_some_workloads_of_a_cluster() -> None:
    place = Place("us-east", ("api-2",))
    assert not place.answered(answered(1.0))
    assert place.answered(replace(answered(1.0), workload="api-2"))
    assert not place.answered(replace(answered(1.0), workload="api-2", error="reset"))


def test_the_return_counts_from_the_last_bucket_that_was_not_yet_back() -> None:
    run = [*steady(0, 1.05, "us-west"), *steady(1.05, 3, "us-east")]
    assert time_to_return(run, EAST, since=0.0) == pytest.approx(1.1)
    assert time_to_return(steady(0, 2, "us-east"), EAST, since=0.0) == 0.0


def test_traffic_that_stays_away_has_not_returned() -> None:
    assert time_to_return(steady(0, 2, "us-west"), EAST, since=0.0) is None
    assert time_to_return([*steady(0, 2, "us-east"), failed(2.01)], EAST, since=0.0) is None
    assert time_to_return([], EAST, since=0.0) is None


def test_numbers_of_a_phase() -> None:
    run = [
        *(answered(i, "us-west", latency=0.001 * (i + 1)) for i in range(99)),
        answered(99, latency=0.5),
    ]
    summary = summarise("phase", [*run, failed(100)])
    assert (summary.sent, summary.failed) == (101, 1)
    assert summary.shares == (("us-west", 0.99), ("us-east", 0.01))
    assert summary.share("us-west") == 0.99
    assert summary.share("eu-west") == 0.0
    assert summary.worst == pytest.approx(0.5)
    assert summary.p50 == pytest.approx(0.05, abs=0.002)
    assert summary.p99 == pytest.approx(0.099, abs=0.002)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([1.0], 99) == 1.0
    assert percentile(range(1, 101), 99) == 99
    assert percentile([], 99) == 0.0


def test_failures_and_answers_with_an_error_status_are_no_shares() -> None:
    run = [answered(0), failed(1), replace(answered(2, "us-west"), status=503)]
    assert len(failures(run)) == 2
    assert shares(run) == (("us-east", 1.0),)
    assert worst([]) == 0.0


GOOD = summarise("kill", [*steady(1, 3, "us-west")])
PROMISE = Limits(failed=0, worst=0.3, shifted=0.5)


def test_a_good_phase_breaks_no_promise() -> None:
    assert broken_promises(GOOD, PROMISE, shifted=0.2) == ()


@pytest.mark.parametrize(
    ("summary", "shifted", "said"),
    [
        (replace(GOOD, failed=1), 0.1, "1 of 200 requests failed"),
        (replace(GOOD, worst=0.301), 0.1, "took 301 ms"),
        (GOOD, 0.51, "shifted in 0.51 s"),
        (GOOD, None, "did not move away"),
        (replace(GOOD, sent=0), 0.1, "no request"),
    ],
)
def test_every_broken_promise_is_said(summary: object, shifted: float | None, said: str) -> None:
    (sentence,) = broken_promises(summary, PROMISE, shifted)  # type: ignore[arg-type]
    assert said in sentence


def test_a_history_that_was_cut_off_proves_nothing() -> None:
    run = tuple(steady(0, 2, "us-east"))
    phases = (Phase("all", 0.0, 2.0),)
    assert doubts(History(ABOUT, run, LAG), phases) == ()
    assert "died" in doubts(History(ABOUT, run), phases)[0]


def test_a_generator_that_stalled_proves_nothing() -> None:
    run = tuple(steady(0, 0.5, "us-east") + steady(1.5, 2, "us-east"))
    (doubt,) = doubts(History(ABOUT, run, LAG), (Phase("all", 0.0, 2.0),))
    assert "only 100" in doubt


def test_a_late_generator_is_told() -> None:
    assert lateness(LAG) == ()
    assert lateness(None) == ()
    assert "120 ms late" in lateness(Lag(0.12, 0.08, 100))[0]


def test_an_id_in_two_journals_or_twice_in_one_was_processed_twice() -> None:
    journals: tuple[list[str], ...] = (
        ["a\n", "b\n", "c\n"],
        ["d\n", "b\n"],
        ["e\n", "e\n", "\n", "\n"],
        [],
    )
    assert processed_twice(journals) == ("b", "e")
    assert processed_twice((["a\n"], ["b\n"])) == ()
