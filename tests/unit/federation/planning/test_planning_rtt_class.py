"""A round-trip time becomes a class that changes rarely and is never too small for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.planning.rtt_class import (
    FAR_FROM,
    LARGEST,
    NEAR,
    NEAR_BELOW,
    STEP,
    rounded,
    unmeasured,
)

TIMES = st.floats(0, 10)
CLASSES = st.sampled_from([NEAR, *(STEP * n for n in range(1, 9))])


@pytest.mark.parametrize(
    ("rtt", "found"),
    [
        (0.0, NEAR),
        (0.099, NEAR),
        (0.1, 0.25),
        (0.25, 0.25),
        (0.2501, 0.5),
        (0.9, 1.0),
        (1.99, 2.0),
        (60.0, LARGEST),
    ],
)
def test_a_first_time_is_near_or_rounded_up_to_a_step(rtt: float, found: float) -> None:
    assert rounded(rtt) == found


@pytest.mark.parametrize("rtt", [NEAR_BELOW, 0.08, 0.1])
def test_between_near_and_far_it_stays_what_it_was(rtt: float) -> None:
    assert rounded(rtt, NEAR) == NEAR
    assert rounded(rtt, STEP) == STEP


def test_near_ends_above_the_upper_border_and_comes_back_below_the_lower_one() -> None:
    assert rounded(FAR_FROM + 0.001, NEAR) == STEP
    assert rounded(NEAR_BELOW - 0.001, STEP) == NEAR
    assert rounded(NEAR_BELOW - 0.001, LARGEST) == NEAR


def test_a_step_down_is_taken_only_when_the_time_is_clearly_below() -> None:
    assert rounded(0.24, 0.5) == 0.5
    assert rounded(0.201, 0.5) == 0.5
    assert rounded(0.2, 0.5) == 0.25
    assert rounded(0.251, 0.25) == 0.5, "up at once: too short a time-out breaks connections"


@given(TIMES, CLASSES)
def test_the_same_time_again_changes_nothing(rtt: float, before: float) -> None:
    once = rounded(rtt, before)
    assert rounded(rtt, once) == once


@given(TIMES, st.none() | CLASSES)
def test_a_class_is_near_or_at_least_the_time(rtt: float, before: float | None) -> None:
    found = rounded(rtt, before)
    if found == NEAR:
        assert rtt <= FAR_FROM
    else:
        assert found % STEP == 0
        assert min(rtt, LARGEST) <= found < rtt + 2 * STEP


@given(CLASSES, st.floats(0, 0.049))
def test_a_time_that_wavers_below_its_class_never_changes_it(before: float, less: float) -> None:
    times = [before - less, before, max(0.0, before - STEP - less)]
    assert {rounded(max(NEAR_BELOW, rtt), before) for rtt in times if before} <= {before}


def test_before_anybody_measured_another_region_is_far() -> None:
    assert unmeasured(same_region=True) == NEAR
    assert unmeasured(same_region=False) == STEP
