"""What waits for its answer: one response, and those whose answers are late."""

from federation.xds.in_flight import ACK_DEADLINE_SECONDS, Flight, InFlight


def flight(nonce: str, sent_at: float = 0.0) -> Flight:
    return Flight(nonce, sent_at, {}, {})


def test_the_next_response_waits_for_the_answer_until_it_is_late() -> None:
    waiting = InFlight(flight("1"))
    assert not waiting.make_room(ACK_DEADLINE_SECONDS - 0.1)
    assert waiting.make_room(ACK_DEADLINE_SECONDS)
    assert [one.nonce for one in waiting] == ["1"], "it is remembered"
    assert waiting.current is None


def test_a_late_answer_is_understood_and_a_strange_one_is_not() -> None:
    waiting = InFlight(flight("1"))
    waiting.make_room(ACK_DEADLINE_SECONDS)
    waiting.current = flight("2", ACK_DEADLINE_SECONDS)
    late = waiting.answered("1")
    assert late is not None
    assert late.nonce == "1"
    assert waiting.answered("1") is None
    assert waiting.answered("3") is None


def test_after_an_answer_nobody_waits_for_earlier_ones() -> None:
    waiting = InFlight(flight("1"))
    waiting.make_room(ACK_DEADLINE_SECONDS)
    waiting.current = flight("2", ACK_DEADLINE_SECONDS)
    assert waiting.answered("2") is not None
    assert list(waiting) == []


def test_of_answers_that_never_come_only_the_last_few_are_remembered() -> None:
    waiting = InFlight()
    for number in range(100):
        assert waiting.make_room(number * ACK_DEADLINE_SECONDS)
        waiting.current = flight(str(number), number * ACK_DEADLINE_SECONDS)
    assert len(list(waiting)) == 5
