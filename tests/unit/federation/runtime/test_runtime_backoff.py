"""Waits double up to a bound, never vanish, and start short again."""

import random

from hypothesis import given
from hypothesis import strategies as st

from federation.runtime.backoff import Backoff


@given(st.integers(), st.integers(1, 20))
def test_each_wait_lies_in_the_upper_half_of_its_step(seed: int, count: int) -> None:
    backoff = Backoff(random.Random(seed), low=0.1, high=3.0)
    for step in range(count):
        bound = min(3.0, 0.1 * 2**step)
        assert bound / 2 <= backoff.next_wait() <= bound + 1e-9


def test_after_a_success_the_next_wait_is_short() -> None:
    backoff = Backoff(random.Random(1), low=0.1, high=3.0)
    for _ in range(9):
        backoff.next_wait()
    backoff.reset()
    assert backoff.next_wait() <= 0.1


def test_two_that_fail_together_do_not_come_back_together() -> None:
    assert Backoff(random.Random(1)).next_wait() != Backoff(random.Random(2)).next_wait()
