"""A disk that answers late: what is in force is what was written last, whoever comes with it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.membership.members import Members
from federation.controller.membership.records import MEMBERS, read_member
from federation.controller.sessions import Federation
from federation.controller.trust.authority import open_authority
from federation.model.exports import Export
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.runtime.tasks import start
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource
from tests.unit.builders import export
from tests.unit.fakes.memory_link import linked
from tests.unit.fakes.slow_store import SlowStore

pytestmark = pytest.mark.looptime

EAST = ClusterId("east")
LATE = 0.05
OURS = Member(EAST, "", "eu")
NEWER = Member(EAST, "", "us", namespaces=("shop",))


class World:
    """A controller over a slow store, in which one cluster is known."""

    def __init__(self, folder: Path) -> None:
        self.store = SlowStore()
        authority = open_authority(folder, "mesh.test", ("127.0.0.1",), utc_now())
        self.members = Members(self.store, authority, "mesh.test", "https://127.0.0.1:8443")
        self.federation = Federation(Registry(), self.store)

    async def load(self) -> None:
        await self.members.state(OURS)
        await self.federation.load(await self.members.load())

    async def state(self, member: Member) -> None:
        self.federation.set_member(await self.members.state(member))

    async def slowly(self, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Begin something whose calls of the store take long, and no other's."""
        self.store.delay = LATE
        task = start(work(), "slow")
        await asyncio.sleep(LATE / 5)
        self.store.delay = 0.0
        return task

    def agrees(self) -> bool:
        """Whether what is in force is what is in the store."""
        entry = self.store.intent.get(f"{MEMBERS}east")
        held = self.federation.registry.members.get(EAST)
        if entry is None or held is None:
            return entry is None and held is None
        return held == read_member(entry) and held.revision == entry.revision


@pytest.fixture
async def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    await made.load()
    return made


async def test_a_slow_read_pushes_no_older_word_over_a_newer_one(world: World) -> None:
    async def look() -> None:
        world.federation.set_member(await world.members.drop_ended(EAST, 0.0))

    slow = await world.slowly(look)
    await world.state(NEWER)
    await slow
    assert world.agrees()
    assert world.federation.registry.members[EAST].region == "us"


async def test_a_slow_write_pushes_no_older_word_over_a_newer_one(world: World) -> None:
    world.store.delay = LATE
    slow = start(world.state(replace(OURS, zones=("a",))), "slow")
    await world.store.has_changed()
    world.store.delay = 0.0
    await world.state(NEWER)
    await slow
    assert world.agrees()


async def test_a_cluster_that_was_removed_does_not_come_back(world: World) -> None:
    async def look() -> None:
        world.federation.set_member(await world.members.drop_ended(EAST, 0.0))

    slow = await world.slowly(look)
    world.federation.remove_member(EAST, await world.members.remove(EAST))
    await slow
    assert world.agrees()
    assert not world.federation.registry.members


async def test_a_slow_removal_takes_away_no_cluster_that_was_added_since(world: World) -> None:
    async def remove() -> None:
        world.federation.remove_member(EAST, await world.members.remove(EAST))

    world.store.delay = LATE
    task = start(remove(), "slow")
    await world.store.has_changed()
    world.store.delay = 0.0
    await world.state(NEWER)
    await task
    assert world.agrees()
    assert world.federation.registry.members[EAST].region == "us"


async def test_a_slow_revocation_leaves_what_was_said_since_and_takes_reports_back(
    world: World,
) -> None:
    await report(world.federation)

    async def revoke() -> None:
        world.federation.shut_out(await world.members.revoke(EAST))

    world.store.delay = LATE
    task = start(revoke(), "slow")
    await world.store.has_changed()
    world.store.delay = 0.0
    await world.state(NEWER)
    await task
    assert world.agrees()
    held = world.federation.registry.members[EAST]
    assert (held.revoked, held.region) == (True, "us")
    assert world.federation.registry.services() == ()


async def report(federation: Federation, created: int = 5) -> None:
    """East exports a service."""
    there, here = linked()
    body = codec.encode(export("east", created=created))
    await there.write(Response(codec.EXPORT, "1", (resource("shop/api", body),), complete=1))
    there.end()
    await federation.take_reports(EAST, here)


async def test_reports_that_could_not_be_written_never_replace_newer_ones(world: World) -> None:
    """One who flushes while another is at it, such as a backup, waits for it."""
    await report(world.federation)
    world.store.refuses, world.store.delay = 1, LATE
    first = start(world.federation.flush(), "first")
    await asyncio.sleep(LATE / 5)
    await report(world.federation, created=6)
    second = start(world.federation.flush(), "second")
    await asyncio.gather(first, second, return_exceptions=True)
    await world.federation.flush()
    (row,) = world.store.rows.values()
    assert row.first_seen == world.federation.registry.created(EAST, "shop/api")
    assert codec.decode(Export, row.body or b"").created == 6
