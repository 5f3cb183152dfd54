"""The sync session, both ends joined in memory; `transfer` carries messages until both rest."""

from collections.abc import Iterable
from typing import Never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.model.errors import InvalidInput, PeerBroke
from federation.xds.batches import BATCH_BYTES, BATCH_REMOVALS
from federation.xds.held_type import Change
from federation.xds.in_flight import ACK_DEADLINE_SECONDS
from federation.xds.messages import (
    MAX_NAME,
    MAX_NAMES,
    MAX_NAMES_BYTES,
    WILDCARD,
    Point,
    Request,
)
from federation.xds.receiver import Receiver
from federation.xds.resources import Resource, resource
from federation.xds.rules import Rule
from federation.xds.sender import MAX_STARTS, Sender
from federation.xds.snapshot import Layers, Table

A, B = "type/a", "type/b"
RULES = (Rule(A, removals_after=(B,), companion=B), Rule(B, after=()))


def table(*names: str, complete: bool = True) -> Table:
    made = Table()
    for name in names:
        made.put(A, resource(name, name.encode()))
    if complete:
        made.mark_complete(A, B)
    return made


def transfer(sender: Sender, receiver: Receiver, now: float = 0.0) -> list[Change]:
    """Carry messages both ways until the sender has nothing more to say."""
    changes: list[Change] = []
    while (response := sender.next_response(now)) is not None:
        received = receiver.receive(response)
        changes.extend(received.changes)
        sender.receive(received.reply, now)
    return changes


def connect(sender: Sender, receiver: Receiver) -> list[Change]:
    for request in receiver.open():
        sender.receive(request, 0.0)
    return transfer(sender, receiver)


def names(receiver: Receiver, type_url: str = A) -> set[str]:
    return set(receiver.held(type_url))


def test_everything_arrives_and_the_type_is_declared_complete() -> None:
    receiver = Receiver("n", [A, B])
    connect(Sender(table("x", "y"), RULES), receiver)
    assert names(receiver) == {"x", "y"}
    assert receiver.is_complete(A)
    assert receiver.is_complete(B)


def test_an_incomplete_view_is_silent_and_speaks_when_it_is_complete() -> None:
    view = table("x", complete=False)
    sender, receiver = Sender(view, RULES), Receiver("n", [A])
    assert connect(sender, receiver) == []
    view.mark_complete(A)
    transfer(sender, receiver)
    assert names(receiver) == {"x"}


def test_a_returning_receiver_gets_only_the_difference() -> None:
    view = table("x", "y")
    receiver = Receiver("n", [A])
    connect(Sender(view, RULES), receiver)
    view.put(A, resource("y", b"new"))
    view.drop(A, "x")
    changes = connect(Sender(view, RULES), receiver)
    assert {(c.name, c.resource is None) for c in changes} == {("y", False), ("x", True)}


def test_a_restarted_sender_that_does_not_know_yet_takes_nothing_away() -> None:
    receiver = Receiver("n", [A])
    connect(Sender(table("x", "y"), RULES), receiver)
    fresh = table("x", complete=False)
    sender = Sender(fresh, RULES)
    connect(sender, receiver)
    assert names(receiver) == {"x", "y"}
    fresh.mark_complete(A)
    transfer(sender, receiver)
    assert names(receiver) == {"x"}


def test_a_burst_of_changes_is_sent_once_with_the_newest_bytes() -> None:
    view = table("x")
    sender, receiver = Sender(view, RULES), Receiver("n", [A])
    connect(sender, receiver)
    for text in (b"1", b"2", b"3"):
        view.put(A, resource("x", text))
        sender.touch(A, "x")
    changes = transfer(sender, receiver)
    assert [c.resource.body for c in changes if c.resource] == [b"3"]


def test_while_one_response_is_under_way_nothing_more_of_its_type_is_sent() -> None:
    view = table("x")
    sender = Sender(view, RULES)
    sender.receive(Request(A), 0.0)
    first = sender.next_response(0.0)
    view.put(A, resource("x", b"new"))
    sender.touch(A, "x")
    assert sender.next_response(1.0) is None
    assert first is not None
    sender.receive(Request(A, nonce=first.nonce), 1.0)
    again = sender.next_response(1.0)
    assert again is not None
    assert again.resources[0].body == b"new"


def test_a_receiver_that_does_not_answer_holds_others_back_only_until_the_deadline() -> None:
    view = table("x")
    sender = Sender(view, (Rule(A), Rule(B, after=(A,))))
    view.put(B, resource("r", b"r"))
    sender.receive(Request(A), 0.0)
    sender.receive(Request(B), 0.0)
    first = sender.next_response(0.0)
    assert first is not None
    assert first.type_url == A
    assert sender.next_response(1.0) is None
    assert sender.due() == ACK_DEADLINE_SECONDS
    late = sender.next_response(ACK_DEADLINE_SECONDS)
    assert late is not None
    assert late.type_url == B


def test_removals_wait_until_what_may_name_them_is_acknowledged() -> None:
    view = table("x")
    view.put(B, resource("r", b"uses x"))
    sender, receiver = Sender(view, RULES), Receiver("n", [A, B])
    connect(sender, receiver)
    view.drop(A, "x")
    view.put(B, resource("r", b"uses nothing"))
    sender.touch(A, "x")
    sender.touch(B, "r")
    first = sender.next_response(0.0)
    assert first is not None
    assert first.type_url == B
    assert sender.next_response(0.0) is None
    sender.receive(Request(B, nonce=first.nonce), 0.0)
    second = sender.next_response(0.0)
    assert second is not None
    assert second.removed == ("x",)


def with_endpoints() -> tuple[Table, Sender]:
    """A cluster and its endpoints, both sent and acknowledged."""
    view = table("x")
    view.put(B, resource("x", b"endpoints"))
    sender = Sender(view, RULES, marks=False)
    sender.receive(Request(A), 0.0)
    sender.receive(Request(B, subscribe=("x",)), 0.0)
    for _ in range(2):
        sent = sender.next_response(0.0)
        assert sent is not None
        sender.receive(Request(sent.type_url, nonce=sent.nonce), 0.0)
    return view, sender


def test_a_changed_resource_takes_its_companion_along() -> None:
    view, sender = with_endpoints()
    view.put(A, resource("x", b"new"))
    sender.touch(A, "x")
    types = [r.type_url for r in (sender.next_response(0.0), sender.next_response(0.0)) if r]
    assert types == [A, B]


def test_something_unknown_is_answered_at_once_when_the_view_is_complete() -> None:
    sender = Sender(table(), RULES, marks=False)
    sender.receive(Request(B, subscribe=("ghost",)), 0.0)
    answer = sender.next_response(0.0)
    assert answer is not None
    assert answer.removed == ("ghost",)


def test_something_unknown_is_not_denied_while_the_view_is_incomplete() -> None:
    sender = Sender(table(complete=False), RULES, marks=False)
    sender.receive(Request(B, subscribe=("ghost",)), 0.0)
    assert sender.next_response(0.0) is None


def refusing(*bad: str) -> Receiver:
    def check(_: str, found: Resource) -> None:
        if found.body.decode() in bad:
            raise InvalidInput(f"{found.body.decode()} is bad")

    return Receiver("n", [A], check)


def test_a_refused_resource_does_not_hold_back_the_rest_and_is_shown() -> None:
    sender, receiver = Sender(table("x", "y", "z"), RULES), refusing("y")
    connect(sender, receiver)
    assert names(receiver) == {"x", "z"}
    assert [(r.name, r.reason) for r in sender.nacks()] == [("y", "y: y is bad")]


def test_a_refused_version_is_never_sent_again_and_the_next_one_is() -> None:
    view = table("x")
    sender, receiver = Sender(view, RULES), refusing("x")
    connect(sender, receiver)
    sender.touch(A, "x")
    assert transfer(sender, receiver) == []
    view.put(A, resource("x", b"good"))
    sender.touch(A, "x")
    assert len(transfer(sender, receiver)) == 1
    assert sender.nacks() == ()


def test_the_last_good_version_stays_in_force_after_a_refusal() -> None:
    view = table("x")
    sender, receiver = Sender(view, RULES), refusing("bad")
    connect(sender, receiver)
    view.put(A, resource("x", b"bad"))
    sender.touch(A, "x")
    transfer(sender, receiver)
    assert receiver.held(A)["x"].body == b"x"


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_halving_finds_the_guilty_when_the_refusal_names_nobody(case: tuple[int, set[int]]) -> None:
    count, guilty = case
    sender = Sender(table(*(f"n{i}" for i in range(count))), RULES, marks=False)
    sender.receive(Request(A), 0.0)
    taken: set[str] = set()
    bad = {f"n{i}" for i in guilty}
    while (response := sender.next_response(0.0)) is not None:
        sent = {r.name for r in response.resources}
        error = "something is wrong" if sent & bad else ""
        taken |= set() if error else sent
        sender.receive(Request(A, nonce=response.nonce, error=error), 0.0)
    assert taken == {f"n{i}" for i in range(count)} - bad
    assert {r.name for r in sender.nacks()} == bad


def test_an_older_revision_of_the_same_epoch_is_refused() -> None:
    view = table("x")
    view.stand_at(Point("e", 5))
    receiver = Receiver("n", [A])
    connect(Sender(view, RULES), receiver)
    old = table("x", "y")
    old.stand_at(Point("e", 4))
    assert connect(Sender(old, RULES), receiver) == []
    assert names(receiver) == {"x"}


def test_a_new_epoch_is_applied_only_once_it_is_complete() -> None:
    view = table("x", "y")
    view.stand_at(Point("old", 9))
    receiver = Receiver("n", [A])
    connect(Sender(view, RULES), receiver)
    reborn = table("x", complete=False)
    reborn.put(A, resource("x", b"changed"))
    reborn.stand_at(Point("new", 1))
    sender = Sender(reborn, RULES)
    connect(sender, receiver)
    assert receiver.held(A)["x"].body == b"x"
    reborn.mark_complete(A)
    transfer(sender, receiver)
    assert {n: r.body for n, r in receiver.held(A).items()} == {"x": b"changed"}


def test_what_was_held_before_a_restart_is_not_sent_again() -> None:
    receiver = Receiver("n", [A])
    receiver.restore(A, [resource("x", b"x")], None, complete=True)
    assert connect(Sender(table("x"), RULES), receiver) == []


def test_a_receiver_whose_count_differs_asks_again_and_converges() -> None:
    view = table("x", "y")
    sender, receiver = Sender(view, RULES), Receiver("n", [A])
    connect(sender, receiver)
    receiver.held(A).pop("y")
    view.put(A, resource("x", b"new"))
    sender.touch(A, "x")
    transfer(sender, receiver)
    assert names(receiver) == {"x", "y"}


def test_layers_show_several_tables_as_one() -> None:
    common, own = table("x"), table("y", complete=False)
    layers = Layers(own, common)
    assert set(layers.names(A)) == {"x", "y"}
    assert not layers.is_complete(A)
    assert layers.get(A, "x") is common.get(A, "x")


step = st.tuples(
    st.sampled_from("abcd"), st.one_of(st.none(), st.binary(max_size=2)), st.booleans()
)


@settings(max_examples=200)
@given(st.lists(step, max_size=30))
def test_a_mirror_fed_only_the_emitted_changes_equals_the_state(
    steps: list[tuple[str, bytes | None, bool]],
) -> None:
    """Also across cut streams: the third member of a step says that the stream breaks here."""
    view = table()
    sender, receiver = Sender(view, RULES), Receiver("n", [A])
    mirror: dict[str, bytes] = {}
    changes = connect(sender, receiver)
    for name, body, cut in steps:
        if body is None:
            view.drop(A, name)
        else:
            view.put(A, resource(name, body))
        if cut:
            sender = Sender(view, RULES)
            changes = connect(sender, receiver)
        else:
            sender.touch(A, name)
            changes = transfer(sender, receiver)
        for change in changes:
            if change.resource is None:
                del mirror[change.name]
            else:
                mirror[change.name] = change.resource.body
        truth = {n: found.body for n in view.names(A) if (found := view.get(A, n))}
        assert mirror == truth


def test_a_removal_waits_for_the_removals_of_what_names_it() -> None:
    view = table("x")
    view.put(B, resource("r", b"uses x"))
    rules = (Rule(A, removals_after=(B, A)), Rule(B))
    sender, receiver = Sender(view, rules), Receiver("n", [A, B])
    connect(sender, receiver)
    view.drop(A, "x")
    view.drop(B, "r")
    sender.touch(A, "x")
    sender.touch(B, "r")
    order = []
    while (response := sender.next_response(0.0)) is not None:
        order.append(response.type_url)
        sender.receive(receiver.receive(response).reply, 0.0)
    assert order == [B, A]


def test_what_never_became_ready_can_be_removed_though_its_answer_is_late() -> None:
    view = table("x")
    sender = Sender(view, (Rule(A),), marks=False)
    sender.receive(Request(A), 0.0)
    assert sender.next_response(0.0) is not None
    view.drop(A, "x")
    view.put(A, resource("y", b"y"))
    sender.touch(A, "x")
    sender.touch(A, "y")
    assert sender.next_response(1.0) is None
    late = sender.next_response(ACK_DEADLINE_SECONDS)
    assert late is not None
    assert ([r.name for r in late.resources], late.removed) == (["y"], ("x",))


def test_a_resource_that_is_gone_is_denied_to_a_cluster_that_waits_for_it() -> None:
    view, sender = with_endpoints()
    view.put(A, resource("x", b"changed"))
    view.drop(B, "x")
    sender.touch(A, "x")
    sender.touch(B, "x")
    assert sender.next_response(0.0) is not None
    answer = sender.next_response(0.0)
    assert answer is not None
    assert (answer.type_url, answer.removed) == (B, ("x",))


class Keeping:
    """A keeper of given names."""

    def __init__(self, *kept: str) -> None:
        self.kept = set(kept)
        self.claimed: list[tuple[str, set[str], Point | None]] = []

    def claim(self, type_url: str, names: Iterable[str], point: Point | None) -> None:
        self.claimed.append((type_url, set(names), point))

    def keeps_any(self) -> bool:
        return bool(self.kept)

    def keeps(self, type_url: str, name: str) -> bool:
        return name in self.kept


def test_what_is_kept_is_neither_changed_nor_taken_away_and_the_rest_is_whole() -> None:
    old = table("x", "y", "z")
    old.stand_at(Point("old", 5))
    receiver = Receiver("n", [A, B])
    connect(Sender(old, RULES), receiver)
    new = table("w")
    new.put(A, resource("x", b"of the new one"))
    new.stand_at(Point("new", 1))
    keeper = Keeping("x", "y")
    sender = Sender(new, RULES, keeper=keeper)
    changes = connect(sender, receiver)
    assert {(c.name, c.resource is None) for c in changes} == {("w", False), ("z", True)}
    assert names(receiver) == {"w", "x", "y"}
    assert receiver.held(A)["x"].body == b"x"
    assert receiver.point(A) == Point("new", 1), "the new one counts as complete"
    assert sender.is_quiet()
    assert keeper.claimed == [(A, {"x", "y", "z"}, Point("old", 5)), (B, set(), Point("old", 5))]


def test_what_is_not_kept_any_more_is_sent_or_taken_away() -> None:
    receiver = Receiver("n", [A, B])
    connect(Sender(table("x", "y"), RULES), receiver)
    new = table()
    new.put(A, resource("x", b"new"))
    keeper = Keeping("x", "y")
    sender = Sender(new, RULES, keeper=keeper)
    assert connect(sender, receiver) == []
    sender.touch(A, "x")
    assert transfer(sender, receiver) == []
    keeper.kept.clear()
    sender.reconsider()
    changes = transfer(sender, receiver)
    assert {(c.name, c.resource is None) for c in changes} == {("x", False), ("y", True)}


def test_a_name_that_the_receiver_does_not_hold_is_never_kept() -> None:
    receiver = Receiver("n", [A, B])
    connect(Sender(table("x"), RULES, keeper=Keeping("x")), receiver)
    assert names(receiver) == {"x"}


def test_a_refused_resource_that_is_gone_is_told_so_that_the_refusal_ends() -> None:
    view = table("x", "bad")
    sender, receiver = Sender(view, RULES), refusing("bad")
    connect(sender, receiver)
    view.drop(A, "bad")
    sender.touch(A, "bad")
    response = sender.next_response(0.0)
    assert response is not None
    assert response.removed == ("bad",)
    assert receiver.receive(response).settled == ("bad",)
    assert sender.nacks() == ()


def test_a_receiver_that_starts_over_for_ever_is_cut_off() -> None:
    sender = Sender(table("x"), RULES)
    again = Request(A, subscribe=(WILDCARD,))
    for _ in range(MAX_STARTS + 1):
        sender.receive(again, 0.0)
    with pytest.raises(PeerBroke, match="was asked for anew"):
        sender.receive(again, 0.0)


@pytest.mark.parametrize(
    "names",
    [
        tuple(f"n{n}" for n in range(MAX_NAMES + 1)),
        tuple(f"{n:01000}" for n in range(MAX_NAMES_BYTES // 1000 + 1)),
        ("n" * (MAX_NAME + 1),),
        ("\U0001f600",),
        ("a\nb",),
        ("",),
    ],
)
def test_a_receiver_that_asks_for_too_many_names_is_cut_off(names: tuple[str, ...]) -> None:
    with pytest.raises(PeerBroke, match=r"may be asked for|is no name of a resource"):
        Sender(table("x"), RULES).receive(Request(A, subscribe=names), 0.0)


def test_each_refused_resource_is_shown_with_its_own_reason() -> None:
    view = table("x", "y", "z")
    sender, receiver = Sender(view, RULES), refusing("x", "z")
    connect(sender, receiver)
    assert {r.name: r.reason for r in sender.nacks()} == {
        "x": "x: x is bad",
        "z": "z: z is bad",
    }


def test_what_is_not_answered_in_time_is_overdue_until_an_answer_comes() -> None:
    view = table("x", "y")
    sender = Sender(view, RULES)
    sender.receive(Request(A), 0.0)
    first = sender.next_response(0.0)
    assert first is not None
    assert sender.overdue(ACK_DEADLINE_SECONDS - 1) == ()
    assert sender.overdue(ACK_DEADLINE_SECONDS) == ((A, "x"), (A, "y"))
    view.put(A, resource("y", b"new"))
    sender.touch(A, "y")
    second = sender.next_response(ACK_DEADLINE_SECONDS)
    assert second is not None
    assert sender.overdue(ACK_DEADLINE_SECONDS) == ((A, "x"),), "a newer y is under way"
    sender.receive(Request(A, nonce=second.nonce), ACK_DEADLINE_SECONDS)
    assert sender.overdue(9 * ACK_DEADLINE_SECONDS) == ()


def test_a_receiver_that_stalls_costs_a_set_of_names_and_then_gets_the_newest() -> None:
    view = table(*(f"n{number}" for number in range(10)))
    sender, receiver = Sender(view, RULES), Receiver("n", [A])
    connect(sender, receiver)
    stalled = []
    for number in range(10_000):
        name = f"n{number % 10}"
        view.put(A, resource(name, f"{number}".encode()))
        sender.touch(A, name)
        response = sender.next_response(0.0)
        if response is not None:
            stalled.append(response)
    assert len(stalled) == 1, "one is under way, the rest waits as names"
    assert len(sender._subscriptions[A].dirty) <= 10
    received = receiver.receive(stalled[0])
    sender.receive(received.reply, 0.0)
    changes = transfer(sender, receiver)
    assert len(changes) <= 10
    assert {r.body for r in receiver.held(A).values()} == {
        f"{n}".encode() for n in range(9990, 10_000)
    }


def test_a_receiver_that_never_answers_is_sent_no_more_than_is_remembered() -> None:
    view = table("x")
    sender, receiver = Sender(view, RULES), Receiver("n", [A])
    connect(sender, receiver)
    for number in range(1_000):
        view.put(A, resource("x", f"{number}".encode()))
        sender.touch(A, "x")
        sender.next_response(number * ACK_DEADLINE_SECONDS)
    found = sender._subscriptions[A]
    assert len(tuple(found.in_flight)) + len(found.dirty) + len(found.ready) <= 6


def test_a_type_is_taken_when_its_last_version_is_acknowledged_and_nothing_refused() -> None:
    view = table("x")
    sender, receiver = Sender(view, RULES), Receiver("n", [A, B])
    assert not sender.has_taken(A), "not asked for yet"
    connect(sender, receiver)
    assert sender.has_taken(A)
    view.put(A, resource("x", b"new"))
    sender.touch(A, "x")
    assert not sender.has_taken(A)
    response = sender.next_response(0.0)
    assert response is not None
    assert not sender.has_taken(A), "under way"
    sender.receive(Request(A, nonce=response.nonce, error="x is bad"), 0.0)
    assert not sender.has_taken(A), "refused"
    view.put(A, resource("x", b"better"))
    sender.touch(A, "x")
    transfer(sender, receiver)
    assert sender.has_taken(A)


def test_many_removals_are_told_in_parts_and_all_arrive() -> None:
    count = 2 * BATCH_REMOVALS + 10
    kept = [f"n{n}" for n in range(count)]
    view = table(*kept, "stays")
    receiver = Receiver("n", [A])
    connect(Sender(view, RULES), receiver)
    for name in kept:
        view.drop(A, name)
    sender = Sender(view, RULES)
    for request in receiver.open():
        sender.receive(request, 0.0)
    told = []
    while (response := sender.next_response(0.0)) is not None:
        told.append(len(response.removed))
        assert sum(map(len, response.removed)) <= BATCH_BYTES
        sender.receive(receiver.receive(response).reply, 0.0)
    assert [n for n in told if n] == [BATCH_REMOVALS, BATCH_REMOVALS, 10]
    assert names(receiver) == {"stays"}
    assert receiver.is_complete(A)
    assert sender.is_quiet()


def test_removals_of_long_names_are_told_by_their_bytes() -> None:
    count = BATCH_BYTES // 1000 + 5
    sender = Sender(table(), RULES)
    held = {f"{n:01000}": "1" for n in range(count)}
    sender.receive(Request(A, initial_versions=held), 0.0)
    first = sender.next_response(0.0)
    assert first is not None
    assert len(first.removed) == BATCH_BYTES // 1000
    sender.receive(Request(A, nonce=first.nonce), 0.0)
    second = sender.next_response(0.0)
    assert second is not None
    assert {*first.removed, *second.removed} == held.keys()


def test_who_comes_back_with_more_than_one_message_may_name_gets_the_rest_again() -> None:
    receiver = Receiver("n", [A])
    held = [resource(f"n{n}", b"x") for n in range(MAX_NAMES + 1)]
    receiver.restore(A, held, None, complete=True)
    (request,) = receiver.open()
    assert len(request.initial_versions) == MAX_NAMES


class Uncounted(dict[str, Resource]):
    """What is held, when nobody may go through all of it."""

    def keys(self) -> Never:
        raise AssertionError("all names were looked at")

    __iter__ = keys


def test_what_a_receiver_holds_does_not_make_one_change_dearer() -> None:
    view = table("x", "y")
    sender, receiver = Sender(view, RULES), Receiver("n", [A, B])
    connect(sender, receiver)
    state = receiver._types[A]
    state.held = Uncounted(state.held)
    view.put(A, resource("x", b"new"))
    sender.touch(A, "x")
    (change,) = transfer(sender, receiver)
    assert change.name == "x"
