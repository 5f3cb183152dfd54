"""Turns: one after the other for each name, and nothing is left of names that nobody wants."""

import asyncio

import pytest

from federation.apiserver.turns import Turns
from federation.model.errors import Busy


async def test_those_of_one_name_wait_for_each_other_and_others_do_not() -> None:
    turns, under_way, most = Turns(longest_wait=5.0), 0, 0

    async def act(name: str) -> None:
        nonlocal under_way, most
        async with turns.turn(name):
            under_way, most = under_way + 1, max(most, under_way + 1)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(act("a") for _ in range(5)))
    assert (most, len(turns)) == (1, 0)
    await asyncio.gather(act("a"), act("b"))
    assert (most, len(turns)) == (2, 0)


async def test_whose_turn_does_not_come_hears_so() -> None:
    turns = Turns(longest_wait=0.001)
    async with turns.turn("a"):
        with pytest.raises(Busy, match="try again later"):
            async with turns.turn("a"):
                pass
    async with turns.turn("a"):
        assert len(turns) == 1
