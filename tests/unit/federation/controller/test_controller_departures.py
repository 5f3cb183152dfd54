"""A cluster leaves: shown no more at once, forgotten a moment later, also over a restart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from federation.controller.departures import AGAIN_SECONDS, LEAVE_SECONDS, Departures
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.sessions import Sessions
from federation.controller.trust.authority import open_authority
from federation.model.errors import NotReady
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.runtime.tasks import cancel, start
from tests.unit.fakes.applied import AppliedMembers as Members
from tests.unit.fakes.fake_store import FakeStore

EAST = ClusterId("east")
pytestmark = pytest.mark.looptime


class World:
    """A controller over a store that outlives it."""

    def __init__(self, folder: Path, store: FakeStore) -> None:
        authority = open_authority(folder, "mesh.test", ["127.0.0.1"], utc_now())
        self.sessions = Sessions(Registry(), store)
        self.members = Members(store, authority, self.sessions)
        self.departures = Departures(self.sessions, self.members)

    async def load(self) -> None:
        await self.members.intent.load()

    @property
    def listed(self) -> list[ClusterId]:
        return list(self.sessions.registry.members)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, FakeStore())
    await made.members.state(Member(EAST, "", "eu"))
    await made.load()
    yield made


async def test_it_is_forgotten_after_others_had_the_time_to_move_away(world: World) -> None:
    running = start(world.departures.loop.run(), "departures")
    await world.departures.begin(EAST)
    await asyncio.sleep(LEAVE_SECONDS - 0.1)
    assert world.listed == [EAST]
    await asyncio.sleep(0.2)
    assert world.listed == []
    assert await world.members.load() == ()
    await cancel(running)


async def test_a_restart_goes_on_with_it(world: World, tmp_path: Path) -> None:
    await world.departures.begin(EAST)
    again = World(tmp_path, world.sessions._store)  # type: ignore[arg-type]
    await again.load()
    running = start(again.departures.loop.run(), "departures")
    await asyncio.sleep(LEAVE_SECONDS + 0.1)
    assert again.listed == []
    await cancel(running)


async def test_a_store_that_fails_for_a_while_is_asked_again(world: World) -> None:
    remove, failures = world.members.remove, [NotReady("no room")]

    async def failing(cluster: ClusterId) -> None:
        if failures:
            raise failures.pop()
        await remove(cluster)

    world.members.remove = failing  # type: ignore[method-assign]
    running = start(world.departures.loop.run(), "departures")
    await world.departures.begin(EAST)
    await asyncio.sleep(LEAVE_SECONDS + 0.1)
    assert world.listed == [EAST]
    await asyncio.sleep(AGAIN_SECONDS + LEAVE_SECONDS)
    assert world.listed == []
    await cancel(running)


async def test_a_cluster_that_is_not_known_cannot_leave(world: World) -> None:
    with pytest.raises(NotReady, match="there is no cluster west"):
        await world.departures.begin(ClusterId("west"))
