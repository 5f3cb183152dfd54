"""Who calls is read from its certificate: an agent of a member, and nobody else."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from federation.controller.agent_server import AgentServer
from federation.controller.audit import Audit
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.sessions import Sessions
from federation.controller.trust.anchors import speaking_keys
from federation.controller.trust.authority import Authority, open_authority
from federation.model.errors import Denied, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now, wall_seconds
from federation.runtime.tasks import cancel, start
from federation.trust import issue, profile, spiffe
from federation.trust.pem import PrivateKey, load_certificates, pem
from federation.trust.validate import check_controller
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.streams import Peer
from tests.unit.fakes.applied import AppliedMembers as Members
from tests.unit.fakes.audit_lines import FakeLines
from tests.unit.fakes.dying_store import DyingStore, Fault
from tests.unit.fakes.fake_store import FakeStore
from tests.unit.fakes.memory_link import linked

EAST, WEST = "east.mesh.test", "west.mesh.test"


class World:
    """Two members under one root, and who calls with which certificate."""

    def __init__(self, folder: Path) -> None:
        self.now = utc_now()
        self.root: Authority = open_authority(folder, "mesh.test", ["127.0.0.1"], self.now)
        self.sessions = Sessions(Registry(), FakeStore())
        self.keys = {domain: issue.new_key() for domain in (EAST, WEST)}
        for domain in (EAST, WEST):
            self.join(domain)
        members = Members(FakeStore(), self.root)
        server = AgentServer(self.sessions, members, self.root, Audit(FakeLines()))
        self.server = server
        calls: dict[str, Any] = {m.path: h for m, h in server.handlers()}
        self.renew, self.facts = calls[methods.RENEW.path], calls[methods.FACTS.path]

    def join(self, domain: str, life: timedelta = timedelta(days=365)) -> None:
        wanted = profile.twin_profile(domain, life)
        twin = issue.make_twin(self.keys[domain], wanted, self.now)
        cluster = ClusterId(domain.partition(".")[0])
        anchors = (pem(twin).decode(),)
        self.sessions.registry.set_member(Member(cluster, domain, "eu", anchors=anchors))

    def peer(self, signer: str, uri: str, at: datetime | None = None) -> Peer:
        """Somebody whose certificate the authority of `signer` has signed, by its own clock."""
        key = self.keys[signer]
        intermediate = self.root.certify_cluster(signer, key.public_key(), self.now)
        wanted = profile.leaf_profile(uri, ())
        leaf = issue.issue_leaf(intermediate, key, key.public_key(), wanted, at or self.now)
        return Peer("test", pem(leaf, intermediate))

    async def ask(self, peer: Peer, domain: str = EAST) -> pb.Certificate:
        csr = pem(issue.make_csr(self.keys[domain]))
        answer = await self.renew(pb.CertifyRequest(csr=csr), peer)
        assert isinstance(answer, pb.Certificate)
        return answer


async def test_a_members_agent_renews_its_intermediate(tmp_path: Path) -> None:
    world = World(tmp_path)
    answer = await world.ask(world.peer(EAST, spiffe.agent_id(EAST)))
    (made,) = load_certificates(answer.chain)
    assert made.public_key() == world.keys[EAST].public_key()
    assert answer.root == world.root.root_pem


@pytest.mark.parametrize(
    ("signer", "uri"),
    [
        (EAST, spiffe.gateway_id(EAST)),
        (EAST, spiffe.workload_id(EAST, "shop", "api")),
        (EAST, spiffe.agent_id(WEST)),
    ],
)
async def test_anybody_but_a_clusters_own_agent_is_refused(
    tmp_path: Path, signer: str, uri: str
) -> None:
    world = World(tmp_path)
    with pytest.raises(Denied):
        await world.ask(world.peer(signer, uri))


async def test_one_cluster_cannot_renew_the_key_of_another(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(Denied):
        await world.ask(world.peer(WEST, spiffe.agent_id(WEST)), EAST)


async def test_who_shows_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Denied):
        await World(tmp_path).ask(Peer("test"))


@pytest.mark.parametrize("uri", [spiffe.gateway_id(EAST), spiffe.agent_id(WEST)])
async def test_only_an_agent_is_asked_what_it_wants(tmp_path: Path, uri: str) -> None:
    world = World(tmp_path)
    world.server.authenticate(world.peer(EAST, spiffe.agent_id(EAST)))
    for other in (world.peer(EAST, uri), Peer("test")):
        with pytest.raises(Denied):
            world.server.authenticate(other)


async def test_who_was_let_in_a_moment_ago_still_has_to_be_a_member_to_be_answered(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    peer = world.peer(EAST, spiffe.agent_id(EAST))
    world.server.authenticate(peer)
    member = world.sessions.registry.members[ClusterId("east")]
    world.sessions.registry.set_member(replace(member, anchors=()))
    world.server.authenticate(peer)
    with pytest.raises(Denied):
        await world.ask(peer)


async def test_a_member_that_is_no_more_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    peer = world.peer(EAST, spiffe.agent_id(EAST))
    member = world.sessions.registry.members[ClusterId("east")]
    world.sessions.registry.set_member(replace(member, anchors=()))
    with pytest.raises(Denied):
        await world.ask(peer)


async def test_an_anchor_that_has_expired_locks_out_its_own_cluster_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.now -= timedelta(days=2)
    world.join(WEST, timedelta(days=1))
    world.now += timedelta(days=2)
    with pytest.raises(Denied):
        await world.ask(world.peer(WEST, spiffe.agent_id(WEST)), WEST)
    assert (await world.ask(world.peer(EAST, spiffe.agent_id(EAST)))).chain


async def test_an_agent_whose_clock_is_minutes_off_still_gets_in(tmp_path: Path) -> None:
    """Certificates are valid from 5 minutes before they were made."""
    world = World(tmp_path)
    for minutes in (-4, 4):
        at = utc_now() + timedelta(minutes=minutes)
        assert (await world.ask(world.peer(EAST, spiffe.agent_id(EAST), at))).chain
        leaf = load_certificates(world.root.identity(utc_now()).chain)[0]
        check_controller(leaf, root=world.root.root, domain="mesh.test", now=at)


# -- one key speaks --------------------------------------------------------------------------------


class Rejoined(World):
    """East joined with one key, then with another or was asked to replace it; over a store."""

    def __init__(self, folder: Path, fault_at: int = 0) -> None:
        super().__init__(folder)
        self.store = FakeStore()
        failing = DyingStore(self.store, fault_at, Fault.REFUSED)
        self.members = Members(failing, self.root, self.sessions)
        self.audit = Audit(FakeLines())
        server = AgentServer(self.sessions, self.members, self.root, self.audit)
        self.calls: dict[str, Any] = {m.path: h for m, h in server.handlers()}
        self.old, self.new = issue.new_key(), issue.new_key()

    async def begin(self) -> None:
        await self.members.state(Member(ClusterId("east"), "", "eu"))
        await self.join_with(self.old)

    async def join_with(self, key: PrivateKey) -> None:
        _, token = await self.members.mint_token("east", 60, self.now.timestamp())
        await self.members.join(token, *self.documents(key), self.now)

    def documents(self, key: PrivateKey) -> tuple[bytes, bytes]:
        twin = issue.make_twin(key, profile.twin_profile(EAST), self.now)
        return pem(issue.make_csr(key)), pem(twin)

    def agent(self, key: PrivateKey) -> Peer:
        self.keys[EAST] = key
        return self.peer(EAST, spiffe.agent_id(EAST))

    async def renews(self, by: PrivateKey, of: PrivateKey, **more: Any) -> pb.Certificate:
        request = pb.CertifyRequest(csr=pem(issue.make_csr(of)), **more)
        answer = await self.calls[methods.RENEW.path](request, self.agent(by))
        assert isinstance(answer, pb.Certificate)
        return answer

    async def listens(self, key: PrivateKey) -> asyncio.Task[None]:
        """The stream of facts of the agent with this key, open until the controller ends it."""
        _, here = linked()
        stream = start(self.calls[methods.FACTS.path](here, self.agent(key)), "facts")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return stream

    async def is_refused(self, key: PrivateKey) -> None:
        """Whatever the agent with this key asks."""
        for stream in (methods.FACTS, methods.REPORTS):
            with pytest.raises(Denied, match="another key now"):
                await self.calls[stream.path](linked()[1], self.agent(key))
        for request in (
            pb.CertifyRequest(csr=pem(issue.make_csr(key))),
            pb.CertifyRequest(csr=pem(issue.make_csr(key)), alone=True),
            pb.CertifyRequest(csr=self.documents(issue.new_key())[0], twin=b"any"),
        ):
            with pytest.raises(Denied, match="another key now"):
                await self.calls[methods.RENEW.path](request, self.agent(key))


async def test_a_key_from_before_joining_again_is_told_nothing_and_decides_nothing(
    tmp_path: Path,
) -> None:
    world = Rejoined(tmp_path)
    await world.begin()
    await world.renews(world.old, world.old)
    stream = await world.listens(world.old)
    await world.join_with(world.new)
    with pytest.raises(NotReady, match="ended this stream"):
        await stream
    await world.is_refused(world.old)
    await world.renews(world.new, world.new)
    await world.members.rekey(ClusterId("east"))
    await world.is_refused(world.old)
    third = issue.new_key()
    _, twin = world.documents(third)
    await world.renews(world.new, third, twin=twin)
    await world.is_refused(world.old)


async def test_a_key_that_is_replaced_speaks_until_the_new_one_does_and_no_longer(
    tmp_path: Path,
) -> None:
    world = Rejoined(tmp_path)
    await world.begin()
    await world.members.rekey(ClusterId("east"))
    _, twin = world.documents(world.new)
    await world.renews(world.old, world.new, twin=twin, leaf_seconds=120)
    await world.renews(world.old, world.old)
    stream = await world.listens(world.old)
    await world.renews(world.new, world.new)
    with pytest.raises(NotReady):
        await stream
    await world.is_refused(world.old)
    (member,) = await world.members.load()
    assert member.ends[1] - wall_seconds() == pytest.approx(120, abs=5)
    said = [(entry["what"], entry["who"]) for entry in world.audit.entries()]
    assert said == [("next key", "agent of east"), ("new key speaks", "agent of east")]
    mine = await world.listens(world.new)
    other = await world.listens(world.new)
    assert not mine.done()
    await cancel(mine)
    await cancel(other)


async def test_who_only_repeats_a_request_of_the_new_key_does_not_drop_the_present_one(
    tmp_path: Path,
) -> None:
    """A request proves possession once; whoever saw it can send it again."""
    world = Rejoined(tmp_path)
    await world.begin()
    await world.members.rekey(ClusterId("east"))
    _, twin = world.documents(world.new)
    await world.renews(world.old, world.new, twin=twin)
    with pytest.raises(Denied, match="not the newest key"):
        await world.renews(world.old, world.new, alone=True)
    await world.renews(world.old, world.old)


async def test_a_full_disk_does_not_let_the_old_key_speak_on(tmp_path: Path) -> None:
    world = Rejoined(tmp_path, fault_at=8)
    await world.begin()
    await world.members.rekey(ClusterId("east"))
    _, twin = world.documents(world.new)
    await world.renews(world.old, world.new, twin=twin)
    await world.renews(world.new, world.new)
    (member,) = await world.members.load()
    assert len(speaking_keys(member)) == 2, "the disk refused"
    await world.is_refused(world.old)


async def test_clocks_that_differ_by_more_than_certificates_allow_are_refused(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    ahead = utc_now() + timedelta(minutes=6)
    with pytest.raises(Denied, match="valid"):
        await world.ask(world.peer(EAST, spiffe.agent_id(EAST), ahead))
    leaf = load_certificates(world.root.identity(utc_now()).chain)[0]
    behind = utc_now() - timedelta(minutes=6)
    with pytest.raises(InvalidInput, match="valid"):
        check_controller(leaf, root=world.root.root, domain="mesh.test", now=behind)


async def test_by_how_much_a_clock_is_off_is_noted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    sessions = world.sessions
    for ahead in (1.0, 90.0, 91.0, None, -2.0, -90.0):
        there, here = linked()
        there.end()
        peer = replace(world.peer(EAST, spiffe.agent_id(EAST)), clock=ahead)
        await world.facts(here, peer)
        assert sessions.presence(ClusterId("east")).clock == ahead
    said = [r.getMessage() for r in caplog.records if "clocks differ" in r.getMessage()]
    assert said == [
        "clocks differ cluster=east seconds_ahead=90",
        "clocks differ cluster=east seconds_ahead=-90",
    ]
