"""A unit test that waits in earnest is found out, one on a fake clock or for an event is not."""

import asyncio
import time

import pytest

from tests.unit.waiting import waited


async def test_a_loop_that_sleeps_has_waited() -> None:
    before = waited()
    await asyncio.sleep(0.03)
    assert waited() - before == pytest.approx(0.03, abs=0.02)


def test_sleep_has_waited() -> None:
    before = waited()
    time.sleep(0.01)  # noqa: TID251 - what is looked for
    assert waited() - before == pytest.approx(0.01)


@pytest.mark.looptime
async def test_on_a_fake_clock_nothing_is_waited_for() -> None:
    before = waited()
    await asyncio.sleep(3600)
    assert waited() - before < 0.5


async def test_what_comes_before_the_time_is_over_is_not_waited_for() -> None:
    before = waited()
    async with asyncio.timeout(5):
        assert await asyncio.to_thread(lambda: "come") == "come"
    assert waited() == before
