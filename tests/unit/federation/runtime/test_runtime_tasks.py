"""Loops end together: by a signal, or by the first that fails, with its reason."""

import asyncio
import os
import signal

import pytest

from federation.runtime.tasks import cancel, run_until_stopped, start, wait_for_event


async def forever(ended: list[str], name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)


async def fail() -> None:
    raise OSError("disk full")


async def test_the_first_loop_that_fails_ends_all_with_its_reason() -> None:
    ended: list[str] = []
    with pytest.raises(OSError, match="disk full"):
        await run_until_stopped({"good": forever(ended, "good"), "bad": fail()})
    assert ended == ["good"]


async def test_a_signal_ends_all_in_peace() -> None:
    ended: list[str] = []

    async def ask_to_stop() -> None:
        await asyncio.sleep(0)  # the handler is set in the loop's next step
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGTERM)
        await forever(ended, "asker")

    await run_until_stopped({"one": forever(ended, "one"), "asker": ask_to_stop()})
    assert sorted(ended) == ["asker", "one"]


async def test_a_cancelled_task_is_gone_whatever_it_says_on_its_way() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("too late")

    task = start(stubborn(), "stubborn")
    await asyncio.sleep(0)
    await cancel(task)
    assert task.done()
    assert task.get_name() == "stubborn"
    await cancel(None)


@pytest.mark.looptime
async def test_an_event_is_waited_for_at_most_so_long_and_cleared() -> None:
    event = asyncio.Event()
    began = asyncio.get_running_loop().time()
    assert not await wait_for_event(event, 30.0)
    assert asyncio.get_running_loop().time() - began == pytest.approx(30.0)
    event.set()
    assert await wait_for_event(event, None)
    assert not event.is_set()
    assert not await wait_for_event(event, -1.0)
