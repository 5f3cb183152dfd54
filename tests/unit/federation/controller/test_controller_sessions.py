"""The controller's main flow: a report becomes a fact for all, and a restart costs nobody any."""

import asyncio
from dataclasses import replace

import pytest

from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.sessions import (
    COALESCE_SECONDS,
    GRACE_SECONDS,
    MAX_FACT_STREAMS,
    WRITE_AGAIN_SECONDS,
    WRITE_BEHIND_SECONDS,
    Sessions,
)
from federation.model.errors import NotReady
from federation.model.names import ClusterId, ServiceName
from federation.model.observations import Observation, Remote
from federation.runtime.tasks import cancel, start
from federation.wire import codec
from federation.xds.messages import WILDCARD, Request, Response
from federation.xds.resources import Resource, resource
from tests.unit.builders import export
from tests.unit.fakes.dying_store import DyingStore
from tests.unit.fakes.fake_store import FakeStore
from tests.unit.fakes.loops import named
from tests.unit.fakes.memory_link import MemoryLink, linked

EAST, WEST = ClusterId("east"), ClusterId("west")
MEMBERS = tuple(Member(c, f"{c}.mesh.test", "eu", anchors=("PEM",)) for c in (EAST, WEST))
API = resource("shop/api", codec.encode(export("east", created=5)))
WEB = resource("shop/web", codec.encode(export("east", name=ServiceName("shop", "web"))))


async def loaded(store: FakeStore) -> Sessions:
    sessions = Sessions(Registry(), store)
    await sessions.load(MEMBERS)
    return sessions


def whole(*exports: Resource) -> list[Response]:
    """All that a cluster reports."""
    said = {codec.EXPORT: exports}
    return [Response(t, t, said.get(t, ()), complete=len(said.get(t, ()))) for t in codec.REPORTS]


async def report(sessions: Sessions, cluster: ClusterId, *responses: Response) -> None:
    """A cluster says something and ends its stream."""
    there, here = linked()
    for response in responses:
        await there.write(response)
    there.end()
    await sessions.take_reports(cluster, here)


def listen(sessions: Sessions, cluster: ClusterId) -> tuple[MemoryLink, asyncio.Task[None]]:
    there, here = linked()
    return there, start(sessions.send_facts(cluster, here), "facts")


async def test_a_report_of_one_cluster_becomes_a_fact_for_the_other() -> None:
    sessions = await loaded(FakeStore())
    await report(sessions, WEST, *whole())
    await report(sessions, EAST, *whole())
    agent, stream = listen(sessions, WEST)
    await agent.write(Request(codec.SERVICE, subscribe=(WILDCARD,)))
    first = await agent.read()
    assert (first.resources, first.complete) == ((), 0)
    await agent.write(Request(codec.SERVICE, nonce=first.nonce))
    await report(sessions, EAST, Response(codec.EXPORT, "2", (API,), complete=1))
    second = await agent.read()
    assert [r.name for r in second.resources] == ["shop/api"]
    assert second.point.revision > first.point.revision
    assert sessions.presence(WEST).streams == 1
    agent.end()
    await stream
    assert sessions.presence(WEST).streams == 0


async def test_facts_are_whole_only_when_every_joined_cluster_has_said_everything() -> None:
    sessions = await loaded(FakeStore())
    await report(sessions, EAST, *whole(API))
    assert not sessions.registry.table.is_complete(codec.SERVICE)
    *others, of_exports = (r for r in whole() if r.type_url in codec.AWAITED)
    await report(sessions, WEST, *others)
    assert not sessions.registry.table.is_complete(codec.SERVICE)
    await report(sessions, WEST, of_exports)  # an older agent says nothing of its proxies
    assert sessions.registry.table.is_complete(codec.SERVICE)


@pytest.mark.looptime
async def test_a_cluster_that_stays_away_holds_nobody_up_for_longer_than_the_grace() -> None:
    sessions = await loaded(FakeStore())
    completing = start(named(sessions.loops, "completion").run(), "completion")
    await asyncio.sleep(GRACE_SECONDS - 0.1)
    assert not sessions.registry.table.is_complete(codec.SERVICE)
    await asyncio.sleep(0.2)
    assert sessions.registry.table.is_complete(codec.SERVICE)
    await cancel(completing)


async def test_a_controller_that_starts_again_still_knows_every_export_and_its_age() -> None:
    store = FakeStore()
    sessions = await loaded(store)
    await report(sessions, EAST, *whole(API))
    await sessions.flush()
    again = await loaded(store)
    ((service, _),) = again.registry.services()
    assert service.exporters == (EAST,)
    assert again.revision > sessions.revision, "a later life never speaks of earlier revisions"


async def test_what_clusters_see_is_taken_and_not_kept_on_disk() -> None:
    """It changes often and is told again by every agent that connects."""
    store = FakeStore()
    sessions = await loaded(store)
    remote = Remote(EAST, "g1", True)
    seen = codec.encode(Observation(WEST, (remote,)))
    said = Response(codec.OBSERVATION, "1", (resource("west", seen),), complete=1)
    await report(sessions, EAST, *whole(API))
    await report(sessions, WEST, said)
    await sessions.flush()
    assert sessions.registry.observations.seen_from(EAST) == ((WEST, remote),)
    assert {row.type_url for row in await store.load_reports()} == {codec.EXPORT}
    again = await loaded(store)
    assert again.registry.observations.seen_from(EAST) == ()
    await report(again, WEST, said)
    assert again.registry.observations.seen_from(EAST) == ((WEST, remote),)


async def test_a_withdrawn_export_does_not_come_back_by_a_restart() -> None:
    store = FakeStore()
    sessions = await loaded(store)
    await report(sessions, EAST, *whole(API))
    await sessions.flush()
    gone = Response(codec.EXPORT, "2", removed=("shop/api",), complete=0)
    await report(sessions, EAST, gone)
    await sessions.flush()
    assert (await loaded(store)).registry.services() == ()


@pytest.mark.parametrize(
    "east",
    [
        [],
        [replace(MEMBERS[0], anchors=(), revoked=True)],
        [replace(MEMBERS[0], leaving=True)],
    ],
)
async def test_what_was_taken_back_of_a_cluster_does_not_come_back_by_a_restart(
    east: list[Member],
) -> None:
    """The controller may die after the intent was written, and before the reports were."""
    store = FakeStore()
    sessions = await loaded(store)
    await report(sessions, EAST, *whole(API))
    await sessions.flush()
    again = Sessions(Registry(), store)
    await again.load([*east, MEMBERS[1]])
    assert again.registry.services() == ()
    await again.flush()
    assert await store.load_reports() == (), "nor when the cluster is added once more"


async def test_an_export_that_appears_later_cannot_claim_to_be_older() -> None:
    sessions = await loaded(FakeStore())
    await report(sessions, EAST, *whole())
    await report(sessions, EAST, Response(codec.EXPORT, "2", (API,), complete=1))
    await sessions.flush()
    (row,) = [r for r in (await sessions._store.load_reports()) if r.type_url == codec.EXPORT]
    assert row.first_seen > 5


@pytest.mark.looptime
async def test_reports_that_the_disk_refused_are_written_later_by_themselves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FakeStore()
    sessions = Sessions(Registry(), DyingStore(store, at=2))  # the first reserves revisions
    await sessions.load(MEMBERS)
    writing = start(named(sessions.loops, "writing").run(), "writing")
    await report(sessions, EAST, *whole(API))
    await asyncio.sleep(WRITE_BEHIND_SECONDS * 2)
    assert "reports cannot be written" in caplog.text
    assert await store.load_reports() == ()
    await asyncio.sleep(WRITE_AGAIN_SECONDS + WRITE_BEHIND_SECONDS * 2)
    assert [row.name for row in await store.load_reports()] == ["shop/api"]
    await cancel(writing)


async def test_a_newer_stream_of_reports_ends_the_older_one() -> None:
    sessions = await loaded(FakeStore())
    _, here = linked()
    older = start(sessions.take_reports(EAST, here), "older")
    await asyncio.sleep(0)
    await report(sessions, EAST, *whole(API))
    with pytest.raises(NotReady, match="another agent speaks"):  # so its agent hears of it
        await older
    assert len(sessions.registry.services()) == 1


async def test_a_refused_report_is_a_problem_until_a_good_one_comes() -> None:
    sessions = await loaded(FakeStore())
    foreign = resource("shop/api", codec.encode(export("west")))
    await report(sessions, EAST, Response(codec.EXPORT, "1", (foreign,)))
    (refusal,) = sessions.presence(EAST).refused_reports.first(2)
    assert "names cluster west" in refusal.reason
    assert sessions.registry.services() == ()
    await report(sessions, EAST, Response(codec.EXPORT, "2", (API,)))
    assert len(sessions.presence(EAST).refused_reports) == 0


async def test_a_cluster_that_may_say_other_things_is_asked_anew() -> None:
    """Its agent comes back at once, and then says again what was refused before."""
    sessions = await loaded(FakeStore())
    _, here = linked()
    stream = start(sessions.take_reports(EAST, here), "reports")
    await asyncio.sleep(0)
    sessions.put_member(MEMBERS[0])
    await asyncio.sleep(0)
    assert not stream.done()
    sessions.put_member(replace(MEMBERS[0], namespaces=("pay",)))
    with pytest.raises(NotReady, match="may say was changed"):
        await stream


async def test_a_cluster_has_only_so_many_streams_of_facts_and_the_newest_stay() -> None:
    sessions = await loaded(FakeStore())
    streams = []
    for _ in range(MAX_FACT_STREAMS + 2):
        streams.append(listen(sessions, EAST)[1])
        await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert [stream.done() for stream in streams] == [True, True] + [False] * MAX_FACT_STREAMS
    assert sessions.presence(EAST).streams == MAX_FACT_STREAMS
    for stream in streams:
        await cancel(stream)


async def test_a_cluster_that_is_shut_out_has_its_streams_ended() -> None:
    sessions = await loaded(FakeStore())
    there, here = linked()
    for response in whole(API):
        await there.write(response)
    reports = start(sessions.take_reports(EAST, here), "reports")
    _, facts = listen(sessions, EAST)
    for response in whole(API):
        assert await there.read() is not None, response.type_url
    sessions.put_member(replace(MEMBERS[0], anchors=(), revoked=True))
    with pytest.raises(NotReady):
        await reports
    with pytest.raises(NotReady):
        await facts
    assert sessions.registry.services() == ()
    assert sessions.presence(EAST).streams == 0


@pytest.mark.looptime
async def test_changes_that_follow_each_other_reach_an_agent_in_one_message() -> None:
    sessions = await loaded(FakeStore())
    await report(sessions, WEST, *whole())
    await report(sessions, EAST, *whole())
    agent, stream = listen(sessions, WEST)
    await agent.write(Request(codec.SERVICE, subscribe=(WILDCARD,)))
    first = await agent.read()
    await agent.write(Request(codec.SERVICE, nonce=first.nonce))
    await asyncio.sleep(1.0)
    began = asyncio.get_running_loop().time()
    await report(sessions, EAST, Response(codec.EXPORT, "2", (API,)))
    await asyncio.sleep(COALESCE_SECONDS / 2)
    await report(sessions, EAST, Response(codec.EXPORT, "3", (WEB,)))
    response = await agent.read()
    assert {found.name for found in response.resources} == {"shop/api", "shop/web"}
    assert asyncio.get_running_loop().time() - began == pytest.approx(COALESCE_SECONDS, abs=0.001)
    await cancel(stream)
