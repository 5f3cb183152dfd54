"""The state-of-the-world sender: whole subscriptions, last good in place of refused ones."""

from federation.xds.messages import StateRequest, StateResponse
from federation.xds.resources import resource
from federation.xds.rules import Rule
from federation.xds.snapshot import Table
from federation.xds.sotw_sender import StateSender

A, B = "type/a", "type/b"
RULES = (Rule(A), Rule(B, after=(A,)))


def table(**bodies: str) -> Table:
    made = Table()
    for name, body in bodies.items():
        made.put(A, resource(name, body.encode()))
    made.mark_complete(A, B)
    return made


def bodies(response: StateResponse | None) -> dict[str, str]:
    assert response is not None
    return {r.name: r.body.decode() for r in response.resources}


def answer(sender: StateSender, response: StateResponse | None, error: str = "") -> None:
    assert response is not None
    sender.receive(StateRequest(A, nonce=response.nonce, error=error), 0.0)


def test_every_response_is_the_whole_subscription() -> None:
    view = table(x="1", y="1")
    sender = StateSender(view, RULES)
    sender.receive(StateRequest(A), 0.0)
    first = sender.next_response(0.0)
    assert bodies(first) == {"x": "1", "y": "1"}
    answer(sender, first)
    view.put(A, resource("x", b"2"))
    sender.touch(A, "x")
    assert bodies(sender.next_response(0.0)) == {"x": "2", "y": "1"}


def test_only_subscribed_names_are_sent() -> None:
    sender = StateSender(table(x="1", y="1"), RULES)
    sender.receive(StateRequest(A, names=("y",)), 0.0)
    assert bodies(sender.next_response(0.0)) == {"y": "1"}


def test_nothing_is_said_before_the_view_is_complete() -> None:
    view = Table()
    sender = StateSender(view, RULES)
    sender.receive(StateRequest(A), 0.0)
    assert sender.next_response(0.0) is None
    view.mark_complete(A)
    assert bodies(sender.next_response(0.0)) == {}


def test_the_last_good_version_is_sent_in_place_of_a_refused_one() -> None:
    view = table(x="1", y="1")
    sender = StateSender(view, RULES)
    sender.receive(StateRequest(A), 0.0)
    answer(sender, sender.next_response(0.0))
    view.put(A, resource("x", b"bad"))
    view.put(A, resource("y", b"2"))
    sender.touch(A, "x")
    answer(sender, sender.next_response(0.0), "x is bad")
    assert bodies(sender.next_response(0.0)) == {"x": "1", "y": "2"}
    assert [r.name for r in sender.nacks()] == ["x"]


def test_a_refusal_that_names_nobody_is_narrowed_down() -> None:
    view = table()
    sender = StateSender(view, RULES)
    sender.receive(StateRequest(A), 0.0)
    answer(sender, sender.next_response(0.0))
    for name in "abcd":
        view.put(A, resource(name, b"bad" if name == "c" else b"ok"))
        sender.touch(A, name)
    last: StateResponse | None = None
    while (response := sender.next_response(0.0)) is not None:
        is_bad = "bad" in bodies(response).values()
        last = last if is_bad else response
        answer(sender, response, "wrong" if is_bad else "")
    assert bodies(last) == {"a": "ok", "b": "ok", "d": "ok"}
    assert [r.name for r in sender.nacks()] == ["c"]


def test_a_type_waits_for_the_acknowledgement_of_what_it_names() -> None:
    view = table(x="1")
    view.put(B, resource("r", b"uses x"))
    sender = StateSender(view, RULES)
    sender.receive(StateRequest(A), 0.0)
    sender.receive(StateRequest(B), 0.0)
    first = sender.next_response(0.0)
    assert sender.next_response(0.0) is None
    answer(sender, first)
    second = sender.next_response(0.0)
    assert second is not None
    assert second.type_url == B
