"""The rings around the sessions: what is touched is sent, acknowledged is applied."""

import asyncio

import pytest

from federation.model.errors import NotReady
from federation.runtime.tasks import cancel, start
from federation.wire.rpc.run_session import receive, send
from federation.xds.batches import BATCH_RESOURCES
from federation.xds.messages import WILDCARD, Request, Response
from federation.xds.receiver import Received, Receiver
from federation.xds.resources import resource
from federation.xds.rules import Rule
from federation.xds.sender import Sender
from federation.xds.snapshot import Table
from tests.unit.fakes.memory_link import linked

T = "type.example/x"
ONE, TWO = resource("one", b"1"), resource("two", b"2")


def filled() -> tuple[Table, Sender]:
    table = Table()
    table.put(T, ONE)
    table.mark_complete(T)
    return table, Sender(table, [Rule(T)])


async def test_both_ends_meet_and_a_touch_wakes_the_sender() -> None:
    table, sender = filled()
    wake, came = asyncio.Event(), asyncio.Event()
    there, here = linked()
    receiver = Receiver("n", [T])

    def apply(received: Received) -> None:
        if received.changes:
            came.set()

    sending = start(send(there, sender, wake), "send")
    receiving = start(receive(here, receiver, apply), "receive")
    await came.wait()
    came.clear()
    table.put(T, TWO)
    sender.touch(T, "two")
    wake.set()
    await came.wait()
    assert receiver.held(T) == {"one": ONE, "two": TWO}
    there.end()
    here.end()
    await sending
    await receiving


async def test_nothing_is_acknowledged_before_it_is_applied() -> None:
    there, here = linked()
    await there.write(Response(T, "7", (ONE,), complete=1))
    there.end()

    def fail(_: Received) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await receive(here, Receiver("n", [T]), fail)
    assert (await there.read()).nonce == ""
    left = start(there.read(), "left")
    await asyncio.sleep(0)
    assert not left.done()
    await cancel(left)


async def test_each_request_is_shown_after_the_session_has_taken_it() -> None:
    _, sender = filled()
    there, here = linked()
    quiet: list[bool] = []
    sending = start(
        send(there, sender, asyncio.Event(), lambda _: quiet.append(sender.is_quiet())), "send"
    )
    await here.write(Request(T, subscribe=(WILDCARD,)))
    response = await here.read()
    await here.write(Request(T, nonce=response.nonce))
    here.end()
    await sending
    assert quiet == [False, True]


async def test_a_link_that_fails_ends_the_ring_with_its_reason_and_no_task_stays() -> None:
    _, sender = filled()
    there, here = linked()
    there.errors.append(NotReady("gone"))
    await here.write(Request(T, subscribe=(WILDCARD,)))
    with pytest.raises(NotReady, match="gone"):
        await send(there, sender, asyncio.Event())


@pytest.mark.looptime
async def test_a_receiver_that_never_answers_gets_the_rest_after_the_deadline() -> None:
    table, sender = filled()
    wake = asyncio.Event()
    there, here = linked()
    sending = start(send(there, sender, wake), "send")
    await here.write(Request(T, subscribe=(WILDCARD,)))
    await here.read()
    began = asyncio.get_running_loop().time()
    table.put(T, TWO)
    sender.touch(T, "two")
    wake.set()
    assert (await here.read()).resources == (TWO,)
    assert asyncio.get_running_loop().time() - began == pytest.approx(5.0, abs=0.1)
    await cancel(sending)


@pytest.mark.looptime
async def test_an_answer_does_not_hurry_what_was_touched_since() -> None:
    """Whoever touches says when it is time: so changes come together."""
    table, sender = filled()
    wake = asyncio.Event()
    there, here = linked()
    sending = start(send(there, sender, wake), "send")
    await here.write(Request(T, subscribe=(WILDCARD,)))
    first = await here.read()
    table.put(T, TWO)
    sender.touch(T, "two")
    await here.write(Request(T, nonce=first.nonce))
    reading = start(here.read(), "reading")
    await asyncio.sleep(1.0)
    assert not reading.done()
    wake.set()
    assert (await reading).resources == (TWO,)
    await cancel(sending)


@pytest.mark.looptime
async def test_what_does_not_fit_into_one_response_follows_with_each_answer() -> None:
    table = Table()
    for number in range(2 * BATCH_RESOURCES + 1):
        table.put(T, resource(f"n{number}", b"1"))
    table.mark_complete(T)
    there, here = linked()
    sending = start(send(there, Sender(table, [Rule(T)]), asyncio.Event()), "send")
    await here.write(Request(T, subscribe=(WILDCARD,)))
    counts = []
    for _ in range(3):
        response = await here.read()
        counts.append(len(response.resources))
        await here.write(Request(T, nonce=response.nonce))
    assert counts == [BATCH_RESOURCES, BATCH_RESOURCES, 1]
    assert asyncio.get_running_loop().time() < 1.0, "nobody waited for a deadline"
    await cancel(sending)


@pytest.mark.looptime
async def test_after_a_refusal_the_rest_goes_again_at_once() -> None:
    table = Table()
    for name in ("one", "two"):
        table.put(T, resource(name, name.encode()))
    table.mark_complete(T)
    there, here = linked()
    sending = start(send(there, Sender(table, [Rule(T)]), asyncio.Event()), "send")
    await here.write(Request(T, subscribe=(WILDCARD,)))
    first = await here.read()
    await here.write(Request(T, nonce=first.nonce, error="one: bad"))
    assert [found.name for found in (await here.read()).resources] == ["two"]
    assert asyncio.get_running_loop().time() < 1.0
    await cancel(sending)
