"""Whatever write the controller dies at: what it acknowledged is there, and a repeat works."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.sessions import Sessions
from federation.controller.store.sqlite import open_store
from federation.controller.store.store import Store
from federation.controller.trust.authority import Authority, open_authority
from federation.model.errors import Failed
from federation.model.exports import Export
from federation.model.names import ClusterId, ServiceName
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.pem import load_certificates, pem
from federation.trust.profile import twin_profile
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource
from tests.unit.builders import export
from tests.unit.fakes.applied import AppliedMembers as Members
from tests.unit.fakes.dying_store import Died, DyingStore, Fault
from tests.unit.fakes.memory_link import linked

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOMAIN = "mesh.test"
EAST = ClusterId("east")


@dataclass
class Outside:
    """What operator and agent know: what was acknowledged, and the keys and tokens they have."""

    regions: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    keys: list[tuple[bytes, bytes]] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for _ in range(2):
            key = new_key()
            twin = make_twin(key, twin_profile(f"east.{DOMAIN}"), NOW)
            self.keys.append((pem(make_csr(key)), pem(twin)))


Step = Callable[[Members, Outside], Awaitable[None]]


def states(cluster: str, region: str) -> Step:
    async def step(members: Members, outside: Outside) -> None:
        outside.asked[cluster] = region
        await members.state(Member(ClusterId(cluster), "", region))
        outside.regions[cluster] = region

    return step


async def mints(members: Members, outside: Outside) -> None:
    _, token = await members.mint_token("east", 60, NOW.timestamp())
    outside.tokens.append(token)


def joins(number: int) -> Step:
    """East joins with its n-th token and key; asked again, it sends the same."""

    async def step(members: Members, outside: Outside) -> None:
        joined = await members.join(outside.tokens[number], *outside.keys[number], NOW)
        outside.joined.append(outside.tokens[number])
        outside.anchors = set(joined.member.anchors)

    return step


STORY: tuple[Step, ...] = (
    states("east", "eu"),
    mints,
    joins(0),
    states("west", "us"),
    states("east", "us"),
    mints,
    joins(1),
    states("east", "ap"),
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return open_authority(tmp_path_factory.mktemp("root"), DOMAIN, [], NOW)


def members_over(store: Store, authority: Authority) -> Members:
    return Members(store, authority)


async def check_kept(members: Members, outside: Outside) -> None:
    """What was acknowledged is there; what was only asked for is whole or not there."""
    found = {m.id: m for m in await members.load()}
    for cluster, region in outside.regions.items():
        member = found[ClusterId(cluster)]
        assert member.region in (region, outside.asked[cluster])
    assert set(found) <= set(outside.asked)
    if outside.anchors:
        assert outside.anchors <= set(found[EAST].anchors)
    for spent in outside.joined[-1:]:
        csr, twin = outside.keys[outside.tokens.index(spent)]
        if twin.decode() != found[EAST].anchors[0]:
            continue  # a later key is written down, whose holder has not heard of it yet
        again = await members.join(spent, csr, twin, NOW)
        assert load_certificates(again.chain)


async def live(members: Members, outside: Outside, steps: list[Step]) -> None:
    """Do one step after the other; a step that is done is gone from the list."""
    while steps:
        await steps[0](members, outside)
        del steps[0]


def test_the_story_has_writes_to_die_at(tmp_path: Path, authority: Authority) -> None:
    assert asyncio.run(count_writes(tmp_path, authority)) == WRITES


async def count_writes(folder: Path, authority: Authority) -> int:
    async with open_store(folder / "db", "e") as store:
        counting = DyingStore(store)
        await live(members_over(counting, authority), Outside(), list(STORY))
        return counting.writes


WRITES = 12
"""Four regions, two tokens made, and three writes for each joining: token, member, token."""


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_no_acknowledged_intent_is_lost_and_a_repeat_works(
    tmp_path: Path, authority: Authority, at: int, fault: Fault
) -> None:
    outside, steps = Outside(), list(STORY)
    async with open_store(tmp_path / "db", "e") as store:
        dying = members_over(DyingStore(store, at, fault), authority)
        with pytest.raises((Died, Failed)):
            await live(dying, outside, steps)
        if fault is Fault.REFUSED:  # the controller lives: the same one is asked again
            await check_kept(dying, outside)
            await live(dying, outside, steps)
            assert not steps
    async with open_store(tmp_path / "db", "e") as store:
        members = members_over(store, authority)
        await check_kept(members, outside)
        await live(members, outside, steps)
        found = {m.id: (m.region, set(m.anchors)) for m in await members.load()}
    assert found == {"east": ("ap", outside.anchors), "west": ("us", set())}
    assert len(outside.anchors) == 2


# -- reports are written behind: what is lost with them is told again ------------------------------

MEMBER = Member(EAST, "east.mesh.test", "eu", anchors=("PEM",))


@asynccontextmanager
async def controller(folder: Path, at: int, fault: Fault) -> AsyncIterator[Sessions]:
    async with open_store(folder / "db", "e") as store:
        sessions = Sessions(Registry(), DyingStore(store, at, fault))
        await sessions.load([MEMBER])
        yield sessions


async def report(sessions: Sessions, names: list[str], gone: tuple[str, ...] = ()) -> None:
    there, here = linked()
    for type_url in codec.REPORTS:
        wanted = names if type_url == codec.EXPORT else []
        said = tuple(resource(f"shop/{n}", codec.encode(named(n))) for n in wanted)
        removed = gone if type_url == codec.EXPORT else ()
        await there.write(Response(type_url, type_url, said, removed, complete=len(said)))
    there.end()
    await sessions.take_reports(EAST, here)


def named(name: str) -> Export:
    return export("east", name=ServiceName("shop", name))


@pytest.mark.parametrize("fault", [Fault.DIES_BEFORE, Fault.DIES_AFTER])
async def test_revisions_of_facts_only_grow_whatever_write_the_controller_dies_at(
    tmp_path: Path, fault: Fault
) -> None:
    last = 0
    for at in (1, 2, 1, 2, 0):
        try:
            async with controller(tmp_path, at, fault) as sessions:
                assert sessions.revision > last
                await report(sessions, ["api"])
                last = sessions.revision
                await sessions.flush()
        except Died:
            continue
    async with controller(tmp_path, 0, fault) as sessions:
        assert sessions.revision > last
        assert [str(s.name) for s, _ in sessions.registry.services()] == ["shop/api"]


async def test_reports_that_a_full_disk_refused_are_written_when_there_is_room(
    tmp_path: Path,
) -> None:
    async with controller(tmp_path, 2, Fault.REFUSED) as sessions:
        await report(sessions, ["api", "web"])
        with pytest.raises(Failed, match="disk is full"):
            await sessions.flush()
        await report(sessions, ["api"], gone=("shop/web",))  # meanwhile web was withdrawn
        await sessions.flush()
    async with controller(tmp_path, 0, Fault.REFUSED) as sessions:
        assert [str(s.name) for s, _ in sessions.registry.services()] == ["shop/api"]
