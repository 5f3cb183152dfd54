"""Of one peer only so many streams stay open, and the newest do."""

import asyncio
from typing import Any

import pytest

from federation.model.errors import NotReady
from federation.runtime.tasks import cancel, start
from federation.wire.rpc.stream_slots import Streams


async def forever() -> None:
    await asyncio.Event().wait()


async def opened(streams: Streams, key: str, count: int, most: int = 2) -> list[asyncio.Task[Any]]:
    tasks = [start(streams.run(key, most, forever(), "stream"), f"{n}") for n in range(count)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_the_oldest_makes_room_and_its_peer_hears_why() -> None:
    streams = Streams("there are newer ones")
    oldest, *others = await opened(streams, "a", 3)
    with pytest.raises(NotReady, match="there are newer ones"):
        await oldest
    assert not any(task.done() for task in others)
    for task in others:
        await cancel(task)
    assert not streams.has("a")


async def test_another_peer_has_places_of_its_own() -> None:
    streams = Streams("newer")
    tasks = await opened(streams, "a", 2) + await opened(streams, "b", 2)
    assert not any(task.done() for task in tasks)
    streams.end("a")
    for task in tasks[:2]:
        with pytest.raises(NotReady):
            await task
    assert not streams.has("a")
    assert streams.has("b")
    for task in tasks[2:]:
        await cancel(task)


async def test_a_caller_who_goes_ends_the_stream_and_not_with_a_reason() -> None:
    streams = Streams("newer")
    (task,) = await opened(streams, "a", 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not streams.has("a")


async def test_a_stream_may_count_for_more_than_one() -> None:
    streams = Streams("newer")
    first = start(forever(), "first")
    second = start(forever(), "second")
    with streams.place("a", 1, first), streams.place("b", 1, second):
        with streams.place("b", 1, first):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert second.cancelled()
        assert streams.has("a")
    await cancel(first)
