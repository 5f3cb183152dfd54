"""After the loss of the store, or a restore: unknown is not absent, and what is known goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from federation.controller.facts.registry import Registry
from federation.controller.facts.retained import RETAINED, Held, Retained
from federation.controller.member import Member
from federation.controller.sessions import COALESCE_SECONDS, Sessions
from federation.model.names import ClusterId, ServiceName
from federation.runtime.tasks import cancel, start
from federation.wire import codec
from federation.wire.rpc.run_session import receive
from federation.xds.messages import Point, Response
from federation.xds.receiver import Received, Receiver
from federation.xds.resources import Resource, resource
from tests.unit.builders import backend, export, gateway
from tests.unit.fakes.fake_store import FakeStore
from tests.unit.fakes.memory_link import linked

pytestmark = pytest.mark.looptime

EAST, WEST, SOUTH = ClusterId("east"), ClusterId("west"), ClusterId("south")
JOINED = {c: Member(c, f"{c}.mesh.test", "eu", anchors=("PEM",)) for c in (EAST, WEST, SOUTH)}
STATED = {c: replace(m, anchors=()) for c, m in JOINED.items()}
OLD, NEW = Point("old", 7), Point("new", 1)


def members(*found: Member) -> dict[ClusterId, Member]:
    return {m.id: m for m in found}


def held_by(awaited: Retained, *clusters: str, point: Point | None = OLD) -> Held:
    held = Held(awaited, "new")
    held.claim(codec.BUNDLE, [f"{c}.mesh.test" for c in clusters], point)
    return held


# -- the judgement ---------------------------------------------------------------------------------


def test_a_cluster_known_from_another_epoch_that_has_not_joined_is_awaited() -> None:
    awaited = Retained(members(JOINED[EAST], STATED[WEST]))
    held_by(awaited, "east", "west", "unknown")
    assert awaited.clusters == {WEST}


def test_under_the_same_epoch_a_bundle_was_taken_back_and_nothing_is_kept() -> None:
    awaited = Retained(members(JOINED[EAST], STATED[WEST]))
    for point in (NEW, None):
        assert not held_by(awaited, "east", "west", point=point).keeps_any()
    assert awaited.clusters == set()


def test_what_is_kept_is_of_the_awaited_cluster_and_the_services_of_all() -> None:
    awaited = Retained(members(JOINED[EAST], STATED[WEST]))
    held = held_by(awaited, "east", "west")
    kept = [
        (codec.SERVICE, "shop/api"),
        (codec.BACKEND, "shop/api@west"),
        (codec.CLUSTER, "west"),
        (codec.BUNDLE, "west.mesh.test"),
    ]
    not_kept = [
        (codec.BACKEND, "shop/api@east"),
        (codec.CLUSTER, "east"),
        (codec.BUNDLE, "east.mesh.test"),
        (codec.BUNDLE, "unknown.mesh.test"),
        (codec.EXPORT, "shop/api"),
    ]
    assert all(held.keeps(*which) for which in kept)
    assert not any(held.keeps(*which) for which in not_kept)


def test_a_restored_bundle_is_older_than_what_agents_hold() -> None:
    """The cluster may have a new key since the backup."""
    awaited = Retained(members(JOINED[EAST], JOINED[WEST]))
    awaited.add(WEST)
    assert held_by(awaited, "west").keeps(codec.BUNDLE, "west.mesh.test")


def test_who_lies_about_what_it_holds_changes_nothing_for_others() -> None:
    awaited = Retained(members(JOINED[EAST], JOINED[SOUTH], STATED[WEST]))
    honest = held_by(awaited, "east", "south")
    liar = held_by(awaited, "east", "west")
    assert liar.keeps_any()
    assert not honest.keeps_any()
    assert not honest.keeps(codec.SERVICE, "shop/api")


def test_who_is_not_a_member_any_more_is_not_awaited() -> None:
    known = members(JOINED[EAST], STATED[WEST])
    awaited = Retained(known)
    held = held_by(awaited, "west")
    del known[WEST]
    assert awaited.clusters == set()
    assert not held.keeps_any()


def test_changes_are_told_once() -> None:
    told: list[int] = []
    awaited = Retained(members(STATED[WEST]), lambda: told.append(1))
    held_by(awaited, "west")
    held_by(awaited, "west")
    assert awaited.reported(WEST)
    assert not awaited.reported(WEST)
    assert len(told) == 2


# -- the same in the flow --------------------------------------------------------------------------

API, WEB = ServiceName("shop", "api"), ServiceName("shop", "web")


def exports(cluster: str, *names: ServiceName, gone: tuple[str, ...] = ()) -> list[Response]:
    """All that a cluster reports: these services, one backend each, one gateway."""
    removed = {codec.EXPORT: gone, codec.BACKEND: gone}
    said: dict[str, tuple[Resource, ...]] = {
        codec.EXPORT: tuple(resource(str(n), codec.encode(export(cluster, name=n))) for n in names),
        codec.BACKEND: tuple(
            resource(str(n), codec.encode(backend(cluster, name=n))) for n in names
        ),
        codec.GATEWAY: (resource("g", codec.encode(gateway())),),
    }
    return [
        Response(t, t, said.get(t, ()), removed.get(t, ()), complete=len(said.get(t, ())))
        for t in codec.REPORTS
    ]


class Agent:
    """An agent's end: what it holds survives every controller of a test."""

    def __init__(self) -> None:
        self.receiver = Receiver("agent/east", codec.FACTS)
        self.gone: list[str] = []

    def apply(self, received: Received) -> None:
        self.gone += [c.name for c in received.changes if c.resource is None]

    @asynccontextmanager
    async def connected(self, sessions: Sessions) -> AsyncIterator[None]:
        here, there = linked()
        tasks = [
            start(sessions.send_facts(EAST, there), "send"),
            start(receive(here, self.receiver, self.apply), "receive"),
        ]
        try:
            await settle()
            yield
        finally:
            for task in tasks:
                await cancel(task)

    def names(self, type_url: str) -> set[str]:
        return set(self.receiver.held(type_url))

    def epochs(self) -> set[str]:
        points = [self.receiver.point(t) for t in codec.FACTS]
        return {point.epoch for point in points if point is not None}


async def settle() -> None:
    """Let all be told that has changed, and what follows from it."""
    for _ in range(60):
        await asyncio.sleep(0)
    await asyncio.sleep(COALESCE_SECONDS)
    for _ in range(60):
        await asyncio.sleep(0)


async def begun(store: FakeStore, found: Iterable[Member]) -> Sessions:
    sessions = Sessions(Registry(), store)
    await sessions.load(found)
    return sessions


async def report(sessions: Sessions, cluster: ClusterId, said: list[Response]) -> None:
    there, here = linked()
    for response in said:
        await there.write(response)
    there.end()
    await sessions.take_reports(cluster, here)
    await settle()


@pytest.fixture
async def agent() -> Agent:
    """East's agent, as it was left by a controller that knew east and west."""
    made = Agent()
    sessions = await begun(FakeStore("old"), (JOINED[EAST], JOINED[WEST]))
    await report(sessions, EAST, exports("east", API))
    await report(sessions, WEST, exports("west", API, WEB))
    async with made.connected(sessions):
        assert made.names(codec.SERVICE) == {"shop/api", "shop/web"}
        assert made.epochs() == {"old"}
    return made


WHOLE = {"shop/api@east", "shop/api@west", "shop/web@west"}


async def test_a_new_store_takes_nothing_of_a_cluster_that_has_not_joined_it(agent: Agent) -> None:
    store = FakeStore("new")
    sessions = await begun(store, (JOINED[EAST], STATED[WEST]))
    before = {t: dict(agent.receiver.held(t)) for t in codec.FACTS}
    await report(sessions, EAST, exports("east", API))
    async with agent.connected(sessions):
        assert agent.epochs() == {"new"}, "accepted"
        assert {t: dict(agent.receiver.held(t)) for t in codec.FACTS} == before
        await report(sessions, EAST, exports("east", gone=("shop/api",)))
        assert agent.names(codec.BACKEND) == WHOLE - {"shop/api@east"}, "what is known goes on"
    async with agent.connected(sessions):
        assert agent.names(codec.BACKEND) == WHOLE - {"shop/api@east"}, "and when it comes back"
    await sessions.flush()
    assert list((await store.read_all(RETAINED)).entries) == ["awaited/west"]


async def test_when_the_cluster_is_back_all_is_as_it_says(agent: Agent) -> None:
    store = FakeStore("new")
    sessions = await begun(store, (JOINED[EAST], STATED[WEST]))
    await report(sessions, EAST, exports("east", API))
    async with agent.connected(sessions):
        sessions.put_member(JOINED[WEST])
        await settle()
        assert agent.gone == [], "it has joined, but not reported yet"
        await report(sessions, WEST, exports("west", API))
        assert set(agent.gone) == {"shop/web", "shop/web@west"}
        assert agent.names(codec.BACKEND) == {"shop/api@east", "shop/api@west"}
        await sessions.flush()
        assert (await store.read_all(RETAINED)).entries == {}


async def test_a_controller_that_dies_while_it_awaits_goes_on_awaiting(agent: Agent) -> None:
    store = FakeStore("new")
    sessions = await begun(store, (JOINED[EAST], STATED[WEST]))
    await report(sessions, EAST, exports("east", API))
    async with agent.connected(sessions):
        await sessions.flush()
    again = await begun(store, (JOINED[EAST], JOINED[WEST]))  # it has joined, and nothing more
    again.hub.end_grace()
    async with agent.connected(again):
        assert agent.names(codec.BACKEND) == WHOLE
        assert agent.gone == []


async def test_a_restored_store_takes_nothing_back_that_was_exported_since_the_backup(
    agent: Agent,
) -> None:
    """West reports only later, and its old reports are in the backup."""
    store = FakeStore("restored")
    old = await begun(store, (JOINED[EAST], JOINED[WEST]))
    await report(old, WEST, exports("west", API))
    await old.flush()
    for cluster in (EAST, WEST):
        await store.write(f"{RETAINED}{cluster}", b"", 0)
    sessions = await begun(store, (JOINED[EAST], JOINED[WEST]))
    await report(sessions, EAST, exports("east", API))
    sessions.hub.end_grace()
    async with agent.connected(sessions):
        assert agent.epochs() == {"restored"}
        assert agent.names(codec.BACKEND) == WHOLE
        assert agent.gone == []
        await report(sessions, WEST, exports("west", API, WEB))
        assert agent.names(codec.BACKEND) == WHOLE
        assert agent.gone == []
        await report(sessions, WEST, exports("west", API, gone=("shop/web",)))
        assert set(agent.gone) == {"shop/web", "shop/web@west"}, "from then on as always"


async def test_a_cluster_that_the_operator_does_not_state_any_more_is_gone(agent: Agent) -> None:
    sessions = await begun(FakeStore("new"), (JOINED[EAST],))
    await report(sessions, EAST, exports("east", API))
    async with agent.connected(sessions):
        assert agent.names(codec.BUNDLE) == {"east.mesh.test"}
        assert agent.names(codec.BACKEND) == {"shop/api@east"}


async def test_a_cluster_that_will_not_come_back_is_let_go_by_a_person(agent: Agent) -> None:
    store = FakeStore("new")
    sessions = await begun(store, (JOINED[EAST], STATED[WEST]))
    await report(sessions, EAST, exports("east", API))
    async with agent.connected(sessions):
        await sessions.flush()
        assert "fedctl cluster confirm west" in sessions.confirm(WEST)
        await settle()
        assert agent.names(codec.BUNDLE) == {"east.mesh.test"}
        assert agent.names(codec.BACKEND) == {"shop/api@east"}
        assert sessions.confirm(WEST) == ""
        await sessions.flush()
        assert (await store.read_all(RETAINED)).entries == {}
    async with agent.connected(sessions):
        assert agent.names(codec.BACKEND) == {"shop/api@east"}, "it is not awaited again"


async def test_a_new_federation_waits_for_nobody(agent: Agent) -> None:
    newcomer = Agent()
    sessions = await begun(FakeStore("new"), (JOINED[EAST], STATED[WEST]))
    await report(sessions, EAST, exports("east", API))
    async with newcomer.connected(sessions):
        assert all(newcomer.receiver.is_complete(t) for t in codec.FACTS)
        await report(sessions, EAST, exports("east", gone=("shop/api",)))
        assert newcomer.names(codec.SERVICE) == set()
