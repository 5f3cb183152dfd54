"""Named tasks. What goes on for ever is a `Loop` (`federation.runtime.loops`)."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any

import uvloop


def start(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """Start a task that has a name; the caller keeps it and sees its end."""
    return asyncio.get_running_loop().create_task(work, name=name)


async def cancel(task: asyncio.Task[Any] | None) -> None:
    """Cancel a task and wait until it is gone."""
    if task is None:
        return
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task


async def until_one_ends(**works: Coroutine[Any, Any, Any]) -> None:
    """Run these beside each other until one ends; the others are then ended.

    Raises what one that ended has raised.
    """
    tasks = [start(work, name) for name, work in works.items()]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            await cancel(task)


def listen_for_stop() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets, from now on."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run the main coroutine of a process on uvloop."""
    uvloop.run(main)


async def wait_for_event(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait until `event` is set, at most `seconds`; returns whether it was set, and clears it."""
    if seconds is None:
        await event.wait()
    else:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await event.wait()
    was_set = event.is_set()
    event.clear()
    return was_set
