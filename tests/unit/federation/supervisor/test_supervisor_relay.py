"""The relay: Envoy gets what the agent sent, keeps it without the agent, and starts with it."""

import asyncio
from pathlib import Path

import pytest

from federation.envoy.identity import IDENTITY
from federation.model.proxies import Nack
from federation.model.types import CLUSTER, LISTENER, SECRET
from federation.runtime.disk import Disk
from federation.runtime.tasks import cancel, start
from federation.supervisor.certificates.agent_trust import Certified
from federation.supervisor.relay import TYPES, Relay
from federation.wire.rpc.streams import Peer
from federation.xds.messages import Request, Response
from federation.xds.resources import Resource, resource
from tests.unit.fakes.memory_link import MemoryLink, linked

PEER = Peer("unix:")
ONE, TWO = resource("c", b"one"), resource("c", b"two")


class World:
    """A relay with what it said of refusals."""

    def __init__(self, folder: Path) -> None:
        self.refusals: list[tuple[Nack, ...]] = []
        self.relay = Relay("sidecar/shop/api", folder, [IDENTITY], self.refusals.append, Disk())

    async def hear(self, *responses: Response) -> None:
        """The agent says something and ends its stream."""
        there, here = linked()
        for response in responses:
            await there.write(response)
        there.end()
        await self.relay.follow_agent(here)

    def envoy(self) -> tuple[MemoryLink, asyncio.Task[None]]:
        there, here = linked()
        return there, start(self.relay.serve_envoy(here, PEER), "envoy")


def whole(*clusters: Resource) -> list[Response]:
    """All that an agent has to say."""
    said = {CLUSTER: clusters}
    return [Response(t, t, said.get(t, ()), complete=len(said.get(t, ()))) for t in TYPES]


async def test_envoy_gets_what_the_agent_sent_and_what_changes_after_that(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hear(*whole(ONE))
    envoy, stream = world.envoy()
    await envoy.write(Request(CLUSTER))
    first = await envoy.read()
    assert first.resources == (ONE,)
    await envoy.write(Request(CLUSTER, nonce=first.nonce))
    await world.hear(Response(CLUSTER, "2", (TWO,), complete=1))
    assert (await envoy.read()).resources == (TWO,)
    await cancel(stream)


async def test_an_envoy_is_told_nothing_before_anything_is_known(tmp_path: Path) -> None:
    """Unknown is not absent: an empty answer would make it live and empty."""
    world = World(tmp_path)
    envoy, stream = world.envoy()
    await envoy.write(Request(CLUSTER))
    asked = start(envoy.read(), "answer")
    for _ in range(9):
        await asyncio.sleep(0)
    assert not asked.done()
    await world.hear(*whole())
    assert (await asked).resources == ()
    await cancel(stream)


async def test_the_end_of_the_agents_stream_takes_nothing_away(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hear(*whole(ONE))
    await world.hear()
    envoy, stream = world.envoy()
    await envoy.write(Request(CLUSTER))
    assert (await envoy.read()).resources == (ONE,)
    await cancel(stream)


async def test_a_newer_envoy_takes_over_and_gets_every_change(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hear(*whole(ONE))
    old, old_stream = world.envoy()
    await old.write(Request(CLUSTER))
    await old.read()
    new, new_stream = world.envoy()
    await new.write(Request(CLUSTER))
    first = await new.read()
    old.end()
    await old_stream
    await new.write(Request(CLUSTER, nonce=first.nonce))
    await world.hear(Response(CLUSTER, "2", (TWO,), complete=1))
    assert (await new.read()).resources == (TWO,)
    await cancel(new_stream)


async def test_what_envoy_refuses_is_told_and_taken_back_when_it_takes_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hear(*whole(ONE))
    envoy, stream = world.envoy()
    await envoy.write(Request(CLUSTER))
    first = await envoy.read()
    await envoy.write(Request(CLUSTER, nonce=first.nonce, error="c: no such field"))
    await world.hear(Response(CLUSTER, "2", (TWO,), complete=1))
    second = await envoy.read()
    assert world.refusals[-1] == (Nack(CLUSTER, "c", "c: no such field"),)
    await envoy.write(Request(CLUSTER, nonce=second.nonce))
    envoy.end()
    await stream
    assert not world.refusals[-1]


async def test_no_secret_is_complete_before_the_proxys_own_certificate(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hear(*whole())
    envoy, stream = world.envoy()
    await envoy.write(Request(SECRET, subscribe=("identity",)))
    asked = start(envoy.read(), "answer")
    for _ in range(9):
        await asyncio.sleep(0)
    assert not asked.done()
    world.relay.show_identity(IDENTITY, Certified("KEY", "CHAIN", 0, 9))
    assert [r.name for r in (await asked).resources] == ["identity"]
    await cancel(stream)


@pytest.mark.looptime
async def test_a_supervisor_that_starts_again_without_the_agent_has_everything(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    saving = start(world.relay.saving[0].run(), "saving")
    await world.hear(*whole(ONE))
    await asyncio.sleep(0.3)
    await cancel(saving)
    again = World(tmp_path)
    again.relay.load()
    envoy, stream = again.envoy()
    await envoy.write(Request(CLUSTER))
    assert (await envoy.read()).resources == (ONE,)
    await envoy.write(Request(LISTENER))
    assert (await envoy.read()).type_url == LISTENER
    await cancel(stream)
