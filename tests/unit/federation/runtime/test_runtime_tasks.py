"""Tasks have names and are gone when they were cancelled; events are waited for in time."""

import asyncio

import pytest

from federation.runtime.tasks import cancel, start, until_one_ends, wait_for_event


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


@pytest.mark.looptime
async def test_the_first_that_ends_ends_the_others() -> None:
    ended: list[str] = []

    async def lasting() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("lasting")

    async def short() -> None:
        await asyncio.sleep(1)
        ended.append("short")

    await until_one_ends(lasting=lasting(), short=short())
    assert ended == ["short", "lasting"]


@pytest.mark.looptime
async def test_what_the_first_raises_is_raised() -> None:
    async def failing() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await until_one_ends(lasting=asyncio.sleep(3600), failing=failing())
