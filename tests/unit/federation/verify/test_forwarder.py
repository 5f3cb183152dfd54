"""A link delays, keeps the order, is narrow, holds back who sends, and tells of ends in turn."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from federation.verify.forwarder import Half, Link
from tests.unit.fakes.timed_transport import TimedTransport

pytestmark = pytest.mark.looptime

RTT = 0.3
DELAY = RTT / 2
WIDE = 1e12
NARROW = 8000.0
"""Bits per second: a byte takes a millisecond."""


def joined(bits: float = WIDE) -> tuple[Half, TimedTransport, TimedTransport]:
    """The half at which things come in, its own transport, and the one at the other side."""
    near, far = Half(DELAY, bits), Half(DELAY, bits)
    near.other, far.other = far, near
    here, there = TimedTransport(), TimedTransport()
    near.connection_made(here)
    far.connection_made(there)
    return near, here, there


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_data_arrives_half_a_round_trip_later_and_not_earlier() -> None:
    near, _, there = joined()
    began = now()
    near.data_received(b"a")
    await asyncio.sleep(DELAY - 0.01)
    assert there.done == []
    await asyncio.sleep(0.02)
    assert there.what == ["write a"]
    assert there.done[0][0] - began == pytest.approx(DELAY, abs=0.001)


async def test_both_directions_are_carried_and_do_not_wait_for_each_other() -> None:
    near, here, there = joined(NARROW)
    far = near.other
    assert far is not None
    near.data_received(b"x" * 100)
    far.data_received(b"yes")
    await asyncio.sleep(1.0)
    assert there.what == ["write " + "x" * 100]
    assert here.what == ["write yes"]
    assert here.done[0][0] < there.done[0][0]


async def test_a_narrow_link_takes_its_time_for_every_byte_and_keeps_the_order() -> None:
    near, _, there = joined(NARROW)
    began = now()
    for data in (b"a" * 40, b"b" * 20, b"c" * 10):
        near.data_received(data)
    await asyncio.sleep(1.0)
    assert [what[6] for what in there.what] == ["a", "b", "c"]
    times = [at - began - DELAY for at, _ in there.done]
    assert times == pytest.approx([0.040, 0.060, 0.070], abs=0.001)


async def test_a_link_that_was_idle_does_not_make_up_for_it() -> None:
    near, _, there = joined(NARROW)
    await asyncio.sleep(5.0)
    near.data_received(b"a" * 50)
    began = now()
    await asyncio.sleep(1.0)
    assert there.done[0][0] - began == pytest.approx(DELAY + 0.050, abs=0.001)


async def test_a_sender_is_held_back_only_when_the_link_has_much_to_carry() -> None:
    near, here, there = joined(NARROW)
    near.data_received(b"a" * 190)
    assert here.is_reading()
    near.data_received(b"b" * 110)
    assert not here.is_reading()
    await asyncio.sleep(0.19)
    assert not here.is_reading()
    await asyncio.sleep(0.02)
    assert here.is_reading()
    assert there.done == [], "before it has nothing left to carry"


async def test_a_sender_that_always_has_more_gets_what_the_link_carries() -> None:
    near, here, there = joined(NARROW)
    began, sent = now(), 0
    while now() - began < 10.0:
        if here.is_reading():
            near.data_received(b"a" * 10)
            sent += 10
        else:
            await asyncio.sleep(0.01)
    assert len(here.paused_for) > 10
    assert sent == pytest.approx(10_000, rel=0.05)
    await asyncio.sleep(1.0)
    assert len(there.written) == sent
    times = [at for at, _ in there.done]
    assert max(b - a for a, b in pairwise(times)) < 0.02, "never idle"


async def test_a_sender_that_left_while_held_back_is_left_alone() -> None:
    near, here, there = joined(NARROW)
    near.data_received(b"a" * 1000)
    here.closed = True
    near.connection_lost(None)
    await asyncio.sleep(5.0)
    assert there.what == ["write " + "a" * 1000, "close"]


@pytest.mark.parametrize(
    ("ends", "seen"),
    [
        (lambda half: half.connection_lost(None), "close"),
        (lambda half: half.connection_lost(ConnectionResetError()), "reset"),
        (lambda half: half.eof_received(), "end"),
    ],
    ids=["closed", "reset", "last word"],
)
async def test_an_end_is_seen_after_all_that_was_said_before_it(
    ends: Callable[[Half], object], seen: str
) -> None:
    near, _, there = joined(NARROW)
    began = now()
    near.data_received(b"a" * 100)
    near.data_received(b"b" * 100)
    ends(near)
    await asyncio.sleep(DELAY + 0.19)
    assert there.what == ["write " + "a" * 100]
    await asyncio.sleep(0.1)
    assert there.what[1:] == ["write " + "b" * 100, seen]
    assert there.done[-1][0] - began == pytest.approx(DELAY + 0.2, abs=0.001)


@pytest.mark.parametrize("exc", [None, ConnectionResetError()], ids=["closed", "reset"])
async def test_the_end_of_a_silent_connection_takes_half_a_round_trip(
    exc: Exception | None,
) -> None:
    near, _, there = joined()
    began = now()
    near.connection_lost(exc)
    await asyncio.sleep(1.0)
    assert [at - began for at, _ in there.done] == pytest.approx([DELAY], abs=0.001)


async def test_after_the_last_word_of_one_side_the_other_is_still_heard() -> None:
    near, here, there = joined()
    far = near.other
    assert far is not None
    assert near.eof_received() is True
    await asyncio.sleep(1.0)
    assert not there.closed
    far.data_received(b"answer")
    far.connection_lost(None)
    await asyncio.sleep(1.0)
    assert here.what == ["write answer", "close"]


async def test_what_is_due_at_the_same_moment_keeps_its_order() -> None:
    links = [joined() for _ in range(50)]
    for number, (near, _, _) in enumerate(links):
        near.data_received(b"%d" % number)
        near.eof_received()
        near.connection_lost(None)
    await asyncio.sleep(1.0)
    for number, (_, _, there) in enumerate(links):
        assert there.what == [f"write {number}", "end", "close"]


async def test_the_other_side_may_be_gone_already() -> None:
    near, _, there = joined()
    near.data_received(b"a")
    near.eof_received()
    there.closed = True
    await asyncio.sleep(1.0)
    assert there.done == []


class Network:
    """Where a link dials: answers after a while, or refuses."""

    def __init__(self, takes: float = 0.0, refusal: OSError | None = None) -> None:
        self.takes, self.refusal = takes, refusal
        self.dialled: list[tuple[float, str, int]] = []
        self.there = TimedTransport()

    async def create_connection(self, factory: Callable[[], Half], host: str, port: int) -> None:
        self.dialled.append((now(), host, port))
        await asyncio.sleep(self.takes)
        if self.refusal is not None:
            raise self.refusal
        factory().connection_made(self.there)


def called(network: Network, monkeypatch: pytest.MonkeyPatch) -> tuple[Half, TimedTransport]:
    """A connection has come in at a link to that network."""
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "create_connection", network.create_connection)
    near, here = Link(("10.0.0.1", 80), RTT, WIDE).accept(), TimedTransport()
    near.connection_made(here)
    return near, here


async def test_a_connection_is_dialled_half_a_round_trip_after_it_came_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, began = Network(), now()
    near, here = called(network, monkeypatch)
    near.data_received(b"hello")
    await asyncio.sleep(1.0)
    ((at, *where),) = network.dialled
    assert where == ["10.0.0.1", 80]
    assert at - began == pytest.approx(DELAY, abs=0.001)
    assert network.there.what == ["write hello"]
    assert near.other is not None
    near.other.data_received(b"hi")
    await asyncio.sleep(1.0)
    assert here.what == ["write hi"]


async def test_what_was_said_before_the_other_side_was_there_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = Network(takes=5.0)
    near, _ = called(network, monkeypatch)
    near.data_received(b"one")
    near.data_received(b"two")
    await asyncio.sleep(3.0)
    near.data_received(b"three")
    await asyncio.sleep(10.0)
    assert network.there.what == ["write one", "write two", "write three"]


@pytest.mark.parametrize(
    ("ends", "seen"),
    [
        (lambda half: half.connection_lost(None), "close"),
        (lambda half: half.connection_lost(ConnectionResetError()), "reset"),
        (lambda half: half.eof_received(), "end"),
    ],
    ids=["closed", "reset", "last word"],
)
async def test_an_end_before_the_other_side_was_there_waits_for_it_too(
    ends: Callable[[Half], object], seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(takes=5.0)
    near, _ = called(network, monkeypatch)
    near.data_received(b"one")
    ends(near)
    await asyncio.sleep(10.0)
    assert network.there.what == ["write one", seen]


async def test_a_refusal_is_seen_a_round_trip_after_the_connection_came_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = now()
    _, here = called(Network(refusal=ConnectionRefusedError()), monkeypatch)
    await asyncio.sleep(RTT - 0.01)
    assert here.done == []
    await asyncio.sleep(1.0)
    ((at, what),) = here.done
    assert what == "reset"
    assert at - began == pytest.approx(RTT, abs=0.001)
