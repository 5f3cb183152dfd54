"""Whoever asks without the token has his turn, one source after its own pace, and no other's."""

from federation.apiserver.rate_limit import MOST_SECONDS, Strangers


def test_a_few_at_once_do_not_wait_and_the_rest_does_in_turn() -> None:
    strangers = Strangers(10, at_once=3)
    waits = [strangers.turn(b"a", 100.0) for _ in range(6)]
    assert [round(w, 3) for w in waits if w is not None] == [0.0, 0.0, 0.0, 0.0, 0.1, 0.2]


def test_another_source_waits_for_nobody() -> None:
    strangers = Strangers(10, at_once=1)
    for _ in range(50):
        strangers.turn(b"flood", 100.0)
    assert strangers.turn(b"honest", 100.0) == 0.0


def test_what_would_wait_for_too_long_has_no_turn_and_makes_nobody_wait_longer() -> None:
    strangers = Strangers(10, at_once=1)
    waits = [strangers.turn(b"a", 100.0) for _ in range(10_000)]
    assert max(w for w in waits if w is not None) <= MOST_SECONDS
    assert waits[-1] is None
    later = strangers.turn(b"a", 101.0)
    assert later is not None
    assert later > MOST_SECONDS - 1.0


def test_silence_is_remembered_as_so_many_at_once_at_most() -> None:
    strangers = Strangers(10, at_once=2)
    strangers.turn(b"a", 0.0)
    waits = [strangers.turn(b"a", 1e6) for _ in range(4)]
    assert [w == 0 for w in waits] == [True, True, True, False]


def test_so_many_sources_are_remembered_and_no_more() -> None:
    strangers = Strangers(10, at_once=1)
    for number in range(50_000):
        assert strangers.turn(number.to_bytes(8, "big"), number / 1_000) == 0.0
        assert len(strangers._next) <= 10_000
