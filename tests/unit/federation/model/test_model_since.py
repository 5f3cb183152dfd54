"""What is found again is as old as when it was found first."""

from federation.model.since import MOST_REMEMBERED, REMEMBERED_SECONDS, FirstSeen


def test_what_stays_keeps_its_time_and_what_is_new_has_its_own() -> None:
    seen = FirstSeen()
    assert seen.see(["a"], 1.0) == {"a": 1.0}
    assert seen.see(["a", "b"], 2.0) == {"a": 1.0, "b": 2.0}


def test_what_is_gone_for_a_moment_is_not_new() -> None:
    seen = FirstSeen()
    seen.see(["a"], 1.0)
    seen.see([], 2.0)
    assert seen.see(["a"], 1.0 + REMEMBERED_SECONDS) == {"a": 1.0}
    late = 2.0 + 2 * REMEMBERED_SECONDS
    seen.see([], late)
    assert seen.see(["a"], late) == {"a": late}


def test_a_clock_that_was_set_back_makes_nothing_begin_later_than_now() -> None:
    seen = FirstSeen()
    seen.see(["a"], 100.0)
    assert seen.see(["a"], 50.0) == {"a": 50.0}


def test_what_is_remembered_is_bounded() -> None:
    seen = FirstSeen()
    seen.see(range(MOST_REMEMBERED), 1.0)
    seen.see(["one more"], 2.0)
    assert seen.see(["one more", 0], 3.0) == {"one more": 3.0, 0: 1.0}
