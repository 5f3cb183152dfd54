"""Which gateways the controller and DNS know, after a start and after a long silence."""

import asyncio
from pathlib import Path

import pytest

from cluster_agent.gateway_watch import FORGET_SECONDS, WAIT_SECONDS
from federation.runtime.loops import running
from federation.wire import codec
from tests.unit.fakes.agents import World, gateway
from tests.unit.fakes.loops import named


def is_complete(world: World) -> bool:
    return world.agent.reports.table.is_complete(codec.GATEWAY)


@pytest.mark.looptime
async def test_the_first_gateway_of_a_cluster_ends_the_waiting(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with running([named(world.agent.loops(), "gateways")]):
        await asyncio.sleep(1.0)
        assert not is_complete(world)
        world.agent.on_proxy(gateway())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert is_complete(world)
        assert world.told[-2:] == [(codec.GATEWAY, "gw"), (codec.GATEWAY, "")]


@pytest.mark.looptime
async def test_a_cluster_that_had_gateways_waits_for_them(tmp_path: Path) -> None:
    World(tmp_path).agent.on_proxy(gateway())
    world = World(tmp_path)
    world.agent.load()
    async with running([named(world.agent.loops(), "gateways")]):
        world.agent.on_proxy(gateway())
        await asyncio.sleep(WAIT_SECONDS - 0.1)
        assert not is_complete(world)
        await asyncio.sleep(0.2)
        assert is_complete(world)


@pytest.mark.looptime
async def test_a_gateway_that_was_silent_for_an_hour_is_withdrawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    world.agent.on_proxy(gateway())
    async with running([named(world.agent.loops(), "gateways")]):
        await asyncio.sleep(WAIT_SECONDS + 0.1)
        monkeypatch.setattr("cluster_agent.health.own_gateways.FORGET_SECONDS", -1.0)
        await asyncio.sleep(FORGET_SECONDS)
        assert world.agent.reports.table.get(codec.GATEWAY, "gw") is None
        assert world.told[-1] == (codec.GATEWAY, "gw")
