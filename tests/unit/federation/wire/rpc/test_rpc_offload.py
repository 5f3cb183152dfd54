"""Costly work is done beside the loop, a few at a time, and nobody has more than a share of it."""

import asyncio
import threading

import pytest

from federation.model.errors import Busy, InvalidInput
from federation.wire.rpc.offload import Bench


async def test_work_is_done_on_another_thread_and_its_result_comes_back() -> None:
    bench = Bench(1)
    assert await bench.do("east", "x", threading.get_ident) != threading.get_ident()

    def refused() -> None:
        raise InvalidInput("the request is wrong")

    with pytest.raises(InvalidInput, match="the request is wrong"):
        await bench.do("east", "x", refused)


async def hold(bench: Bench, who: str, log: list[str], free: asyncio.Event) -> None:
    async with bench.place(who, f"a certificate for {who}"):
        log.append(who)
        await free.wait()


async def test_so_many_work_at_a_time_and_the_others_wait_their_turn() -> None:
    bench, log, free = Bench(5, at_a_time=2), list[str](), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for who in ("a", "b", "c", "d"):
            group.create_task(hold(bench, who, log, free))
        await asyncio.sleep(0.01)
        assert log == ["a", "b"]
        free.set()
    assert log == ["a", "b", "c", "d"]


async def test_who_asks_too_often_at_once_is_refused_and_the_others_are_not() -> None:
    bench, log, free = Bench(2, at_a_time=1), list[str](), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for who in ("a", "a", "b"):
            group.create_task(hold(bench, who, log, free))
        await asyncio.sleep(0.01)
        with pytest.raises(Busy, match="a certificate for a is asked for too often at once"):
            await hold(bench, "a", log, free)
        free.set()
    assert log == ["a", "a", "b"]
    await hold(bench, "a", log, free)
    assert not bench._asked


async def test_who_gives_up_leaves_his_place() -> None:
    bench, log, free = Bench(1, at_a_time=1), list[str](), asyncio.Event()
    for _ in range(3):
        waiting = asyncio.ensure_future(hold(bench, "a", log, free))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert log == ["a"] * 3
