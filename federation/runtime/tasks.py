"""Named tasks in one group: the first that ends unexpectedly ends the process with its reason.

`run_until_stopped` is the outermost shell of every process: it runs the given endless loops until a
signal asks to stop, then cancels them.
"""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Mapping
from typing import Any

import uvloop

Work = Coroutine[Any, Any, None]


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


def listen_for_stop() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets, from now on."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def run_until_stopped(loops: Mapping[str, Work]) -> None:
    """Run endless loops by name until a signal comes; raises what the first failing one raised."""
    stopped = listen_for_stop()
    tasks = [start(work, name) for name, work in loops.items()]
    stopper = start(stopped.wait(), "stop-signal")
    try:
        done, _ = await asyncio.wait([*tasks, stopper], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task is not stopper:
                task.result()
    finally:
        for task in (*tasks, stopper):
            await cancel(task)


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
