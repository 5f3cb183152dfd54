"""So many at once, then so many a second, for each on its own."""

from federation.runtime.rates import Bucket, Buckets, Rate

RATE = Rate(3, 0.5)


def test_a_burst_is_taken_at_once_and_the_rest_when_its_time_has_come() -> None:
    bucket = Bucket(RATE, 0.0)
    assert [bucket.take(0.0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert bucket.wait(0.0) == 2.0
    assert not bucket.take(1.9)
    assert bucket.take(2.0)
    assert not bucket.take(2.0)


def test_waiting_long_gives_a_burst_and_no_more() -> None:
    bucket = Bucket(RATE, 0.0)
    assert [bucket.take(1e6) for _ in range(4)] == [True] * 3 + [False]


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(RATE, 100.0)
    for _ in range(3):
        bucket.take(100.0)
    assert not bucket.take(50.0)


def test_everybody_has_a_bucket_of_its_own_and_the_number_of_them_is_bounded() -> None:
    buckets = Buckets(RATE, 2)
    assert [buckets.of("a", 0.0).take(0.0) for _ in range(4)] == [True] * 3 + [False]
    assert buckets.of("b", 0.0).take(0.0)
    assert not buckets.of("a", 0.0).take(0.0)
    for number in range(100):
        buckets.of(number, 0.0)
    assert len(buckets) == 2
