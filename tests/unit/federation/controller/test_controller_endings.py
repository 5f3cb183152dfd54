"""An old key ends at its time: over a restart, with a full disk, and nobody has to ask for it."""

import asyncio
from pathlib import Path

import pytest

from federation.controller.endings import LOOK_SECONDS, Endings
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.sessions import Sessions
from federation.controller.store.store import Store
from federation.controller.trust.authority import open_authority
from federation.model.facts import Bundle
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now, wall_seconds
from federation.runtime.tasks import cancel, start
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.pem import pem
from federation.trust.profile import twin_profile
from federation.wire import codec
from tests.unit.fakes.applied import AppliedMembers as Members
from tests.unit.fakes.dying_store import DyingStore, Fault
from tests.unit.fakes.fake_store import FakeStore

EAST = ClusterId("east")
DOMAIN = "east.mesh.test"
LIFE = 60


class World:
    """A controller over a store that outlives it."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.authority = open_authority(folder, "mesh.test", ["127.0.0.1"], utc_now())
        self.sessions = Sessions(Registry(), store)
        self.members = Members(store, self.authority, self.sessions)
        self.endings = Endings(self.sessions, self.members)

    async def load(self) -> None:
        await self.members.intent.load()

    async def join(self) -> None:
        key, now = new_key(), utc_now()
        _, token = await self.members.mint_token("east", LIFE, now.timestamp())
        twin = pem(make_twin(key, twin_profile(DOMAIN), now))
        csr = pem(make_csr(key))
        await self.members.join(token, csr, twin, now, leaf_seconds=LIFE)

    def told(self) -> int:
        """How many anchors others are told of."""
        found = self.sessions.registry.table.get(codec.BUNDLE, DOMAIN)
        assert found is not None
        return len(codec.decode(Bundle, found.body).anchors)


async def started(folder: Path, store: Store) -> World:
    made = World(folder, store)
    await made.load()
    return made


async def two_keys(folder: Path, store: Store) -> World:
    world = World(folder, store)
    await world.members.state(Member(EAST, "", "eu"))
    await world.load()
    for _ in range(2):
        await world.join()
    assert world.told() == 2
    return world


async def test_an_old_key_goes_from_the_facts_at_its_time(tmp_path: Path) -> None:
    world = await two_keys(tmp_path, FakeStore())
    end = (await world.members.load())[0].ends[1]
    await world.endings.turn(end - 1)
    assert world.told() == 2
    await world.endings.turn(end)
    assert world.told() == 1
    (member,) = await world.members.load()
    assert len(member.anchors) == 1


async def test_a_controller_that_starts_again_keeps_the_end_where_it_was(tmp_path: Path) -> None:
    store = FakeStore()
    before = await two_keys(tmp_path, store)
    (member,) = await before.members.load()
    again = await started(tmp_path, store)
    assert again.told() == 2
    assert again.sessions.registry.members[EAST].ends == member.ends
    await again.endings.turn(member.ends[1])
    assert again.told() == 1


async def test_what_ended_while_the_controller_was_down_is_not_told_at_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeStore()
    await two_keys(tmp_path, store)
    later = wall_seconds() + LIFE
    monkeypatch.setattr("federation.controller.sessions.wall_seconds", lambda: later)
    assert (await started(tmp_path, store)).told() == 1


async def test_a_full_disk_keeps_no_key_alive(tmp_path: Path) -> None:
    store = FakeStore()
    await two_keys(tmp_path, store)
    world = await started(tmp_path, DyingStore(store, 2, Fault.REFUSED))
    await world.endings.turn(wall_seconds() + LIFE + 1)
    assert world.told() == 1


@pytest.mark.looptime
async def test_it_looks_every_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await two_keys(tmp_path, FakeStore())
    later = wall_seconds() + LIFE + 1
    monkeypatch.setattr("federation.controller.endings.wall_seconds", lambda: later)
    running = start(world.endings.loop.run(), "endings")
    await asyncio.sleep(LOOK_SECONDS + 0.1)
    assert world.told() == 1
    await cancel(running)
