"""Loops go on whatever happens in a turn, say it once, and end only from outside."""

import asyncio
import errno
import os
import signal
import sqlite3
from itertools import pairwise

import pytest

from federation.runtime.loops import (
    LONGEST_PAUSE,
    STEADY_SECONDS,
    Loop,
    out_of_means,
    persist,
    reason_of,
    run_until_stopped,
    running,
    troubles,
)
from federation.runtime.tasks import cancel, start

FULL = OSError(errno.ENOSPC, "No space left on device", "/state/x")


class ExplainedError(Exception):
    """An error that says all there is to say in one sentence."""


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FULL, "No space left on device: /state/x"),
        (ValueError("odd"), "ValueError: odd"),
        (asyncio.CancelledError(), "it was cancelled from within"),
        (ExplainedError("the agent is away"), "the agent is away"),
        (MemoryError(), "MemoryError: "),
    ],
)
async def test_a_turn_that_fails_is_said_once_and_tried_again_within_seconds(
    error: BaseException, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    now, at = asyncio.get_running_loop().time, []
    heals_at = now() + 300

    async def turn() -> None:
        at.append(now())
        if now() < heals_at:
            raise error
        await asyncio.sleep(1)

    changes: list[str] = []
    loop = Loop("bees", turn, explained=(ExplainedError,))
    loop.on_change = lambda: changes.append(loop.trouble)
    async with running([loop]):
        await asyncio.sleep(299)
        assert loop.trouble == reason
        assert troubles([loop]) == (f"bees: {reason}",)
        assert loop.failed == len(at) > 50
        pauses = [b - a for a, b in pairwise(at)]
        assert pauses[0] <= 0.2
        assert max(pauses) <= LONGEST_PAUSE
        assert len(said(caplog)) == 1
        assert said(caplog)[0].startswith("loop fails loop=bees reason=")
        await asyncio.sleep(1 + LONGEST_PAUSE + 1)
        assert loop.trouble == ""
    assert changes == [reason, ""]
    assert said(caplog)[1:] == [f"works again loop=bees failed={loop.failed}"]


@pytest.mark.looptime
async def test_only_what_nobody_expected_is_told_with_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = [FULL, ExplainedError("away"), ValueError("odd")]

    async def turn() -> None:
        if errors:
            raise errors.pop(0)
        await asyncio.sleep(1)

    async with running([Loop("bees", turn, explained=(ExplainedError,))]):
        await asyncio.sleep(5)
    told = [bool(r.exc_info and r.exc_info[0]) for r in caplog.records if r.levelname == "WARNING"]
    assert told == [False, False, True]


@pytest.mark.looptime
async def test_a_loop_that_fails_for_ever_other_reasons_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    count = 0

    async def turn() -> None:
        nonlocal count
        count += 1
        raise ExplainedError(f"number {count}")

    async with running([Loop("bees", turn, explained=(ExplainedError,))]):
        await asyncio.sleep(600)
    assert count > 100
    assert len(caplog.records) == 5


@pytest.mark.looptime
async def test_a_cancellation_from_outside_ends_a_loop_even_if_its_turn_swallows_it() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            return

    for turn in (stubborn, asyncio.Event().wait):
        task = start(Loop("bees", turn).run(), "bees")
        await asyncio.sleep(1)
        await asyncio.wait_for(cancel(task), 1)
        assert task.cancelled()


@pytest.mark.looptime
async def test_a_link_that_stands_works_and_its_next_pause_is_short() -> None:
    now, stands = asyncio.get_running_loop().time, asyncio.Event()
    began: list[float] = []

    async def turn() -> None:
        began.append(now())
        if len(began) > 20:  # by then the pauses are long
            link.works()
            stands.set()
            await asyncio.sleep(STEADY_SECONDS + 1)
        raise FULL

    link = Loop("link", turn, rest=None)
    async with running([link]):
        await stands.wait()
        await asyncio.sleep(1)
        assert link.trouble == ""
        await asyncio.sleep(STEADY_SECONDS + 1)
    assert began[21] - began[20] < STEADY_SECONDS + 1.2


@pytest.mark.looptime
async def test_a_link_that_ends_soon_without_an_error_is_not_opened_all_the_time() -> None:
    count = 0

    async def turn() -> None:
        nonlocal count
        count += 1

    async with running([Loop("link", turn, rest=None)]):
        await asyncio.sleep(60)
    assert count < 30


@pytest.mark.looptime
async def test_a_turn_that_worked_rests_for_as_long_as_it_is_to() -> None:
    at: list[float] = []

    async def turn() -> None:
        at.append(asyncio.get_running_loop().time())

    async with running([Loop("bees", turn, rest=2.0)]):
        await asyncio.sleep(7)
    assert len(at) == 4


async def test_a_signal_ends_all_in_peace() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("forever")

    async def ask_to_stop() -> None:
        await asyncio.sleep(0)  # the handler is set in the loop's next step
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGTERM)
        await forever()

    await run_until_stopped([Loop("one", forever), Loop("asker", ask_to_stop)])
    assert ended == ["forever", "forever"]


@pytest.mark.looptime
async def test_the_beginning_waits_for_room_and_raises_all_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors: list[Exception] = [FULL] * 10

    async def attempt() -> str:
        if errors:
            raise errors.pop()
        return "made"

    assert await persist("key", attempt) == "made"
    assert len(caplog.records) == 1
    assert "waiting for room loop=key" in caplog.text
    errors.append(FileNotFoundError(errno.ENOENT, "No such file"))
    with pytest.raises(FileNotFoundError):
        await persist("key", attempt)


def test_a_full_store_is_known_by_what_caused_the_error() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA max_page_count = 1")
    try:
        database.execute("CREATE TABLE t (x)")
    except sqlite3.Error as error:
        told = ValueError("the store cannot be used")
        told.__cause__ = error
        assert out_of_means(told)
    finally:
        database.close()
    assert not out_of_means(ValueError("odd"))
    assert not out_of_means(OSError(errno.ENOENT, "No such file"))


def test_a_reason_is_bounded() -> None:
    assert len(reason_of(ValueError("x" * 10_000))) == 500
