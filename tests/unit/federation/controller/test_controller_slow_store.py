"""A disk that answers late: what is in force is what was written last, whoever comes with it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from federation.controller.effects import effects
from federation.controller.facts.registry import Registry
from federation.controller.intent.apply_intent import ApplyIntent
from federation.controller.member import Member
from federation.controller.membership.members import Members
from federation.controller.membership.records import read_member
from federation.controller.sessions import Sessions
from federation.controller.trust.authority import open_authority
from federation.model.exports import Export
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.runtime.loops import running
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
        self.sessions = Sessions(Registry(), self.store)
        self.intent = ApplyIntent(self.store, effects(self.sessions))
        url = "https://127.0.0.1:8443"
        self.members = Members(self.store, authority, "mesh.test", url, self.intent.in_effect)

    async def look(self) -> None:
        """Read the member, and find nothing to change."""
        await self.members.drop_ended(EAST, 0.0)

    async def slowly(self, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Begin something whose calls of the store take long, and no other's."""
        self.store.delay = LATE
        task = start(work(), "slow")
        await asyncio.sleep(LATE / 5)
        self.store.delay = 0.0
        return task

    def agrees(self) -> bool:
        """Whether what is in force is what is in the store."""
        entry = self.store.intent.get("members/east")
        held = self.sessions.registry.members.get(EAST)
        if entry is None or held is None:
            return entry is None and held is None
        return held == read_member(entry) and held.revision == entry.revision


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.intent.load()
    async with running([made.intent.loop]):
        await made.members.state(OURS)
        yield made


async def test_a_slow_read_pushes_no_older_word_over_a_newer_one(world: World) -> None:
    slow = await world.slowly(world.look)
    await world.members.state(NEWER)
    await slow
    assert world.agrees()
    assert world.sessions.registry.members[EAST].region == "us"


async def test_a_slow_write_pushes_no_older_word_over_a_newer_one(world: World) -> None:
    world.store.delay = LATE
    slow = start(world.members.state(replace(OURS, zones=("a",))), "slow")
    await world.store.has_changed()
    world.store.delay = 0.0
    await world.members.state(NEWER)
    await slow
    assert world.agrees()


async def test_a_cluster_that_was_removed_does_not_come_back(world: World) -> None:
    slow = await world.slowly(world.look)
    await world.members.remove(EAST)
    await slow
    assert world.agrees()
    assert not world.sessions.registry.members


async def test_a_slow_removal_takes_away_no_cluster_that_was_added_since(world: World) -> None:
    world.store.delay = LATE
    task = start(world.members.remove(EAST), "slow")
    await world.store.has_changed()
    world.store.delay = 0.0
    await world.members.state(NEWER)
    await task
    assert world.agrees()
    assert world.sessions.registry.members[EAST].region == "us"


async def test_a_slow_revocation_leaves_what_was_said_since_and_takes_reports_back(
    world: World,
) -> None:
    await report(world.sessions)
    world.store.delay = LATE
    task = start(world.members.revoke(EAST), "slow")
    await world.store.has_changed()
    world.store.delay = 0.0
    await world.members.state(NEWER)
    await task
    assert world.agrees()
    held = world.sessions.registry.members[EAST]
    assert (held.revoked, held.region) == (True, "us")
    assert world.sessions.registry.services() == ()


async def report(sessions: Sessions, created: int = 5) -> None:
    """East exports a service."""
    there, here = linked()
    body = codec.encode(export("east", created=created))
    await there.write(Response(codec.EXPORT, "1", (resource("shop/api", body),), complete=1))
    there.end()
    await sessions.take_reports(EAST, here)


async def test_reports_that_could_not_be_written_never_replace_newer_ones(world: World) -> None:
    """One who flushes while another is at it, such as a backup, waits for it."""
    await report(world.sessions)
    world.store.refuses, world.store.delay = 1, LATE
    first = start(world.sessions.flush(), "first")
    await asyncio.sleep(LATE / 5)
    await report(world.sessions, created=6)
    second = start(world.sessions.flush(), "second")
    await asyncio.gather(first, second, return_exceptions=True)
    await world.sessions.flush()
    (row,) = world.store.rows.values()
    assert row.first_seen == world.sessions.registry.created(EAST, "shop/api")
    assert codec.decode(Export, row.body or b"").created == 6
