"""Turns go on whatever fails, and a reason is said once."""

import asyncio

import pytest

from federation.model.errors import NotReady
from federation.runtime.tasks import cancel, start
from federation.supervisor.turns import repeat


async def test_a_failing_turn_is_repeated_and_its_reason_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reasons = ["away", "away", "full", ""]
    done = asyncio.Event()

    async def turn() -> None:
        reason = reasons.pop(0)
        if reason:
            raise NotReady(reason)
        done.set()
        await asyncio.Event().wait()

    running = start(repeat(turn), "turns")
    await asyncio.wait_for(done.wait(), 600)
    await cancel(running)
    said = [r.getMessage() for r in caplog.records if "agent cannot be used" in r.getMessage()]
    assert [line.rpartition("=")[2] for line in said] == ["away", "full"]
