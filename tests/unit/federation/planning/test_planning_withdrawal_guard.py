"""What is held back when much of a cluster vanishes at once, and what ends that."""

from hypothesis import given
from hypothesis import strategies as st

from federation.model.names import ServiceName
from federation.planning.withdrawal_guard import WINDOW_SECONDS, Guard

NOBODY: frozenset[ServiceName] = frozenset()


def names(first: int, last: int) -> frozenset[ServiceName]:
    return frozenset(ServiceName("shop", f"s{n}") for n in range(first, last + 1))


def guard_of(count: int, spare: int = 3) -> Guard:
    guard = Guard(spare, 100)
    guard.gain(names(1, count))
    return guard


def test_what_leaves_at_least_half_passes() -> None:
    assert guard_of(10).lose(names(1, 5), NOBODY, 0.0) == NOBODY


def test_what_leaves_less_than_half_is_held_back() -> None:
    guard = guard_of(10)
    assert guard.lose(names(1, 6), NOBODY, 7.0) == names(1, 6)
    assert (guard.count, guard.since) == (10, 7.0)


def test_a_fall_by_three_is_never_held_back() -> None:
    assert guard_of(3).lose(names(1, 3), NOBODY, 0.0) == NOBODY
    assert guard_of(4).lose(names(1, 4), NOBODY, 0.0) == names(1, 4)


def test_one_by_one_is_held_from_the_point_where_half_is_gone() -> None:
    guard = guard_of(10)
    held = [bool(guard.lose(names(n, n), NOBODY, float(n))) for n in range(1, 11)]
    assert held == [False] * 5 + [True] * 5


def test_the_highest_count_is_that_of_the_last_sixty_seconds() -> None:
    guard = guard_of(10)
    assert not guard.lose(names(1, 5), NOBODY, 0.0)
    assert not guard.lose(names(6, 7), NOBODY, WINDOW_SECONDS)
    assert not guard.lose(names(8, 8), NOBODY, WINDOW_SECONDS + 1), "3 of 5: by less than four"
    late = guard_of(20)
    assert not late.lose(names(1, 10), NOBODY, 0.0)
    assert late.lose(names(11, 11), NOBODY, WINDOW_SECONDS - 1) == names(11, 11)


def test_what_is_held_stays_held_when_the_window_is_over() -> None:
    guard = guard_of(10)
    guard.lose(names(1, 8), NOBODY, 0.0)
    guard.lose(names(9, 9), NOBODY, 10 * WINDOW_SECONDS)
    assert guard.held == names(1, 9), "what is in force counts, so one more is still a mass"


def test_what_is_reported_again_is_not_held_any_more() -> None:
    guard = guard_of(10)
    guard.lose(names(1, 8), NOBODY, 0.0)
    guard.gain(names(1, 6))
    assert guard.held == names(7, 8)
    assert guard.count == 10


def test_what_somebody_saw_go_passes_at_once() -> None:
    guard = guard_of(10)
    assert guard.lose(names(1, 9), names(1, 9), 0.0) == NOBODY
    assert guard.count == 1


def test_what_was_seen_to_go_does_not_make_the_rest_a_mass() -> None:
    guard = guard_of(20)
    assert not guard.lose(names(1, 1), NOBODY, 0.0)
    assert not guard.lose(names(2, 16), names(2, 16), 1.0)
    assert not guard.lose(names(17, 17), NOBODY, 2.0)


def test_what_was_not_seen_is_held_beside_what_was() -> None:
    guard = guard_of(20)
    assert guard.lose(names(1, 18), names(1, 5), 0.0) == names(6, 18)


def test_a_release_says_what_was_held() -> None:
    guard = guard_of(10)
    guard.lose(names(1, 8), NOBODY, 0.0)
    assert guard.release(names(8, 9)) == names(8, 8)
    assert guard.release(guard.held) == names(1, 7)
    assert (guard.count, guard.since) == (2, None)


def test_who_says_ever_new_names_does_not_fill_the_memory() -> None:
    guard = Guard(3, 20)
    for first in range(1, 100, 10):
        guard.gain(names(first, first + 9))
        guard.lose(names(first, first + 9), NOBODY, float(first))
    assert len(guard.held) == 20


STEP = st.tuples(st.sampled_from(["gain", "lose"]), st.frozensets(st.integers(1, 12)))


@given(st.lists(STEP, max_size=20))
def test_what_nobody_saw_go_leaves_at_least_half_of_the_highest_count(
    steps: list[tuple[str, frozenset[int]]],
) -> None:
    guard = Guard(3, 100)
    in_force: set[ServiceName] = set()
    highest = 0
    for now, (what, numbers) in enumerate(steps):
        chosen = frozenset(n for k in numbers for n in names(k, k))
        if what == "gain":
            guard.gain(chosen)
            in_force |= chosen
        else:
            lost = chosen - guard.held
            in_force -= lost - guard.lose(chosen, NOBODY, float(now))
        highest = max(highest, len(in_force))
        assert guard.count == len(in_force)
        assert 2 * len(in_force) >= highest or highest - len(in_force) <= 3
