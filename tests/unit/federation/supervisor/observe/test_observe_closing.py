"""Applications that close their connections are found by counters, and others are not."""

from collections.abc import Iterable

import pytest

from federation.supervisor.observe.closing import LOOKS, Closing, Count

PORT = 8080


def found(growth: Iterable[tuple[int, int]]) -> bool:
    """Whether the port is found after looks between which requests and closings grew so."""
    closing, requests, closed = Closing(), 1000, 900
    closing.note({PORT: Count(requests, closed)})
    for more, gone in growth:
        requests, closed = requests + more, closed + gone
        closing.note({PORT: Count(requests, closed)})
    return closing.ports == (PORT,)


@pytest.mark.parametrize(
    ("growth", "is_found"),
    [
        ([(100, 97)] * 3, True),
        ([(1, 1), (0, 0)] * 5, True),  # one request a second
        ([(100, 97)] * 2, False),  # it may just have ended
        ([(20, 0)] * LOOKS + [(0, 40)], False),  # it has ended, with all its connections
        ([(100, 2)] * LOOKS, False),  # a few of its connections end
        ([(0, 0)] * LOOKS, False),
        ([(100, 97)] + [(100, 0)] * LOOKS, False),
    ],
)
def test_it_takes_more_closings_than_the_end_of_an_application_makes(
    growth: list[tuple[int, int]], is_found: bool
) -> None:
    assert found(growth) == is_found


def test_what_was_found_stays_and_is_told_once() -> None:
    closing = Closing()
    told = [closing.note({PORT: Count(100 * n, 100 * n), 81: Count(n, 0)}) for n in range(5)]
    assert told == [False, False, False, True, False]
    for n in range(5, 30):
        assert not closing.note({PORT: Count(100 * n, 400)})
    assert closing.ports == (PORT,)


def test_the_counters_of_another_envoy_begin_anew() -> None:
    closing = Closing()
    for counts in ((1000, 1000), (10, 10), (20, 20), (30, 30)):
        closing.note({PORT: Count(*counts)})
    assert closing.ports == (PORT,)
