"""The work of a sender: it grows with what changed and is sent, not with what waits.

Lines of `federation.xds` that are run are counted, no time is taken.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from federation.xds import sender as module
from federation.xds.messages import Point, Request
from federation.xds.resources import resource
from federation.xds.rules import Rule
from federation.xds.sender import Sender
from federation.xds.snapshot import Table

A, B = "type/a", "type/b"
RULES = (Rule(A, removals_after=(B,)), Rule(B, after=(A,)))
FEW, MANY = 1_000, 8_000
_CODE = str(Path(module.__file__).parent)


def lines(work: Callable[[], object]) -> int:
    """How many lines of `federation.xds` that runs."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(_CODE):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


class Keeping:
    """A keeper of names that nobody has."""

    def claim(self, type_url: str, names: Iterable[str], point: Point | None) -> None:
        """What it holds does not matter here."""

    def keeps_any(self) -> bool:
        return True

    def keeps(self, type_url: str, name: str) -> bool:
        return name == type_url


def filled(count: int, body: bytes = b"1", *types: str) -> Table:
    view = Table()
    for type_url in types or (A,):
        for number in range(count):
            view.put(type_url, resource(f"n{number}", body))
    view.mark_complete(A, B)
    return view


def opened(view: Table, keeper: Keeping | None = None) -> Sender:
    sender = Sender(view, RULES, keeper=keeper)
    for type_url in (A, B):
        sender.receive(Request(type_url), 0.0)
    return sender


def answer_all(sender: Sender) -> int:
    """Take everything; returns in how many responses it came."""
    count = 0
    while (response := sender.next_response(0.0)) is not None:
        count += 1
        sender.receive(Request(response.type_url, nonce=response.nonce), 0.0)
    return count


def told(count: int) -> int:
    """All names of two types, one of which waits for the other, for a new receiver."""
    sender = opened(filled(count, b"1", A, B))
    return lines(lambda: answer_all(sender))


def changed(count: int) -> int:
    """All names change at once."""
    view = filled(count, b"1", A, B)
    sender = opened(view)
    answer_all(sender)
    for type_url in (A, B):
        for number in range(count):
            view.put(type_url, resource(f"n{number}", b"2"))
            sender.touch(type_url, f"n{number}")
    return lines(lambda: answer_all(sender))


def removed(count: int) -> int:
    """All names go at once, and what was named by the others goes last."""
    view = filled(count, b"1", A, B)
    sender = opened(view)
    answer_all(sender)
    for type_url in (A, B):
        for number in range(count):
            view.drop(type_url, f"n{number}")
            sender.touch(type_url, f"n{number}")
    return lines(lambda: answer_all(sender))


def touched_for_nothing(count: int) -> int:
    """All names are noted, and are as the receiver has them."""
    view = filled(count, b"1", A, B)
    sender = opened(view)
    answer_all(sender)
    for type_url in (A, B):
        for number in range(count):
            sender.touch(type_url, f"n{number}")
    return lines(lambda: answer_all(sender))


def kept(count: int) -> int:
    """All names, while some others are kept of an earlier sender."""
    sender = opened(filled(count, b"1", A, B), Keeping())
    return lines(lambda: answer_all(sender))


def told_with_a_change_between(count: int) -> int:
    """All names for a new receiver; before each response one that was sent changes again."""
    view = filled(count)
    sender = opened(view)

    def work() -> None:
        number = 0
        while (response := sender.next_response(0.0)) is not None and number < count:
            view.put(A, resource("n0", f"{number}".encode()))
            sender.touch(A, "n0")
            number += 500
            sender.receive(Request(response.type_url, nonce=response.nonce), 0.0)

    return lines(work)


def refused(count: int) -> int:
    """All names, and each response is refused once for one resource that it names."""
    sender = opened(filled(count))

    def work() -> None:
        while (response := sender.next_response(0.0)) is not None:
            names = [found.name for found in response.resources]
            error = f"{names[0]}: bad" if len(names) == 500 else ""
            sender.receive(Request(response.type_url, nonce=response.nonce, error=error), 0.0)

    return lines(work)


@pytest.mark.parametrize(
    "work",
    [told, changed, removed, touched_for_nothing, kept, told_with_a_change_between, refused],
)
def test_the_work_is_in_proportion_to_what_is_sent(work: Callable[[int], int]) -> None:
    few, many = work(FEW) / FEW, work(MANY) / MANY
    assert many < 1.1 * few, f"{few:.1f} lines for each of {FEW} names, {many:.1f} of {MANY}"


def one_change(waiting: int) -> int:
    """One of all names changes when the receiver has everything."""
    view = filled(waiting, b"1", A, B)
    sender = opened(view)
    answer_all(sender)
    view.put(A, resource("n7", b"2"))

    def work() -> None:
        sender.touch(A, "n7")
        answer_all(sender)

    return lines(work)


def test_one_change_costs_the_same_whatever_the_receiver_holds() -> None:
    assert one_change(FEW) == one_change(MANY)


@pytest.mark.parametrize("type_url", [A, B])
@pytest.mark.parametrize("is_gone", [True, False])
def test_to_ask_again_while_an_answer_is_awaited_costs_nothing(
    type_url: str, is_gone: bool
) -> None:
    """Another type has much to say, which waits for the same answer."""
    view = filled(MANY, b"1", A, B)
    sender = opened(view)
    answer_all(sender)
    other = B if type_url == A else A
    view.put(type_url, resource("n0", b"2"))
    sender.touch(type_url, "n0")
    for number in range(MANY):
        if is_gone:
            view.drop(other, f"n{number}")
        else:
            view.put(other, resource(f"n{number}", b"2"))
        sender.touch(other, f"n{number}")
    while sender.next_response(0.0) is not None:
        pass
    assert lines(lambda: sender.next_response(0.0)) < MANY / 50
