"""The judges of movement see flapping, haste and absence, and pass what is calm."""

from collections.abc import Callable

import pytest

from federation.verify.guarantees import Place
from federation.verify.history import Record
from federation.verify.movement import left, majority_changes, ramp_excess, returned_majority

EAST = Place("us-east")


def answered(at: float, cluster: str = "us-east") -> Record:
    return Record(f"r-{at:.3f}", at, at, at, 200, "", cluster, "api-1")


def failed(at: float) -> Record:
    return Record(f"r-{at:.3f}", at, at, at, 0, "reset")


def steady(start: float, end: float, *clusters: str) -> list[Record]:
    """A request every 10 ms, answered by the clusters in turn."""
    times = [start + i / 100 + 0.001 for i in range(round((end - start) * 100))]
    return [answered(at, clusters[i % len(clusters)]) for i, at in enumerate(times)]


def ramped(share: Callable[[float], float], end: float) -> list[Record]:
    """100 answers per second, of which the place has the share of that second."""
    found = []
    for second in range(int(end)):
        here = round(100 * share(float(second)))
        found += steady(second, second + here / 100, "us-east")
        found += steady(second + here / 100, second + 1, "us-west")
    return found


def test_one_move_is_one_change_and_flapping_is_more() -> None:
    moved = [*steady(0, 1, "us-east"), *steady(1, 3, "us-west")]
    flapped = [*moved, *steady(3, 3.5, "us-east"), *steady(3.5, 5, "us-west")]
    assert majority_changes(steady(0, 3, "us-east"), EAST, 0.0, 3.0) == 0
    assert majority_changes(moved, EAST, 0.0, 3.0) == 1
    assert majority_changes(flapped, EAST, 0.0, 5.0) == 3


def test_elsewhere_is_one_side_whoever_it_is() -> None:
    run = [*steady(0, 1, "us-west"), *steady(1, 2, "eu-west"), *steady(2, 3, "ap-south")]
    assert majority_changes(run, EAST, 0.0, 3.0) == 0


def test_few_answers_from_the_other_side_are_no_change() -> None:
    run = steady(0, 5, "us-west", "us-west", "us-east")
    assert majority_changes(run, EAST, 0.0, 5.0) == 0


def test_empty_and_even_buckets_and_failures_are_skipped() -> None:
    gap = [*steady(0, 1, "us-east"), *steady(2, 3, "us-east")]
    even = [*steady(0, 1, "us-east"), *steady(1, 2, "us-east", "us-west"), *gap[100:]]
    only_failures = [*gap, *(failed(1 + i / 100) for i in range(100))]
    assert [majority_changes(r, EAST, 0.0, 3.0) for r in (gap, even, only_failures)] == [0, 0, 0]
    assert majority_changes([], EAST, 0.0, 3.0) == 0


def test_only_the_asked_time_is_judged_in_buckets_of_the_asked_length() -> None:
    run = [*steady(0, 1, "us-east"), *steady(1, 1.3, "us-west"), *steady(1.3, 3, "us-east")]
    assert majority_changes(run, EAST, 0.0, 3.0) == 2
    assert majority_changes(run, EAST, 1.5, 3.0) == 0
    assert majority_changes(run, EAST, 0.0, 1.0) == 0
    assert majority_changes(run, EAST, 0.0, 3.0, bucket=1.0) == 0


def test_the_majority_is_back_after_the_last_bucket_without_it() -> None:
    run = [*steady(10, 12.2, "us-west"), *steady(12.2, 15, "us-east", "us-east", "us-west")]
    assert returned_majority(run, EAST, since=10.0) == pytest.approx(2.5)
    assert returned_majority(steady(10, 12, "us-east"), EAST, since=10.0) == 0.0


def test_a_majority_that_is_lost_again_counts_from_its_last_return() -> None:
    run = [*steady(0, 2, "us-east"), *steady(2, 2.5, "us-west"), *steady(2.5, 4, "us-east")]
    assert returned_majority(run, EAST, since=0.0) == pytest.approx(2.5)
    half = [*steady(0, 2, "us-east", "us-west"), *steady(2, 4, "us-east")]
    assert returned_majority(half, EAST, since=0.0) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "run",
    [
        steady(0, 3, "us-west"),
        [*steady(0, 3, "us-east"), *steady(3, 3.5, "us-west")],
        [*steady(0, 3, "us-east"), failed(3.1)],
        [],
    ],
    ids=["stayed away", "left at the end", "failed at the end", "nothing"],
)
def test_a_majority_that_is_not_there_at_the_end_has_not_returned(run: list[Record]) -> None:
    assert returned_majority(run, EAST, since=0.0) is None


def test_answers_before_the_time_asked_do_not_matter() -> None:
    run = [*steady(0, 2, "us-west"), *steady(2, 4, "us-east")]
    assert returned_majority(run, EAST, since=2.0) == 0.0
    assert ramp_excess(steady(0, 2, "us-east"), EAST, 2.0, lambda _: 0.0) == 0.0


def allowed(seconds: float) -> float:
    """Held for 2 s, then all of it in 10 s."""
    return min(1.0, max(0.0, (seconds - 2.0) / 10.0))


def test_a_ramp_that_keeps_its_measure_has_no_excess() -> None:
    assert ramp_excess(ramped(allowed, 15), EAST, 0.0, allowed) == 0.0
    assert ramp_excess([], EAST, 0.0, allowed) == 0.0


def test_the_greatest_allowed_within_a_bucket_counts() -> None:
    run = ramped(lambda second: allowed(second + 1.0), 15)
    assert ramp_excess(run, EAST, 0.0, allowed) == pytest.approx(0.0, abs=1e-9)
    step = ramped(lambda second: 1.0 if second == 5 else 0.0, 8)
    assert ramp_excess(step, EAST, 0.0, lambda t: float(5.4 <= t < 5.6)) == 0.0


def test_a_ramp_that_hurries_exceeds_by_its_worst_bucket() -> None:
    run = ramped(lambda second: allowed(second) + 0.25 * (second == 7), 15)
    assert ramp_excess(run, EAST, 0.0, allowed) == pytest.approx(0.15)
    early = ramped(lambda second: 0.1 if second == 0 else 0.0, 15)
    assert ramp_excess(early, EAST, 0.0, allowed) == pytest.approx(0.1)


def test_failures_are_no_part_of_a_share() -> None:
    run = [*steady(0, 1, "us-east", "us-west"), *(failed(0.5) for _ in range(100))]
    assert ramp_excess(run, EAST, 0.0, lambda _: 0.4) == pytest.approx(0.1)
    assert left(run, EAST) == pytest.approx(0.5)


def test_how_much_left_is_the_share_of_answers_from_elsewhere() -> None:
    assert left(steady(0, 2, "us-east"), EAST) == 0.0
    assert left(steady(0, 3, "us-east", "us-east", "eu-west"), EAST) == pytest.approx(1 / 3)
    assert left(steady(0, 2, "us-west"), EAST) == 1.0
    assert left([failed(1.0)], EAST) == 0.0
    assert left(steady(0, 2, "us-east"), Place("us-east", ("api-2",))) == 1.0
