"""Who calls is read from its certificate: an agent of a member, and nobody else."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from federation.controller.authority import Authority, open_authority
from federation.controller.loop import Federation
from federation.controller.members import Members
from federation.controller.registry import Member, Registry
from federation.controller.server import AgentServer
from federation.model.errors import Denied
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.trust import issue, profile, spiffe
from federation.trust.pem import load_certificates, pem
from federation.trust.validate import verify_controller
from federation.wire import federation_pb2 as pb
from federation.wire import methods
from federation.wire.links import Peer
from tests.unit.fakes.fake_store import FakeStore
from tests.unit.fakes.memory_link import linked

EAST, WEST = "east.mesh.test", "west.mesh.test"


class World:
    """Two members under one root, and who calls with which certificate."""

    def __init__(self, folder: Path) -> None:
        self.now = utc_now()
        self.root: Authority = open_authority(folder, "mesh.test", ["127.0.0.1"], self.now)
        self.federation = Federation(Registry(), FakeStore())
        self.keys = {domain: issue.new_key() for domain in (EAST, WEST)}
        for domain in (EAST, WEST):
            self.join(domain)
        members = Members(FakeStore(), self.root, "mesh.test", "https://127.0.0.1:8443")
        server = AgentServer(self.federation, members, self.root)
        calls: dict[str, Any] = {m.path: h for m, h in server.handlers()}
        self.renew, self.facts = calls[methods.RENEW.path], calls[methods.FACTS.path]

    def join(self, domain: str, life: timedelta = timedelta(days=365)) -> None:
        wanted = profile.twin_profile(domain, life)
        twin = issue.make_twin(self.keys[domain], wanted, self.now)
        cluster = ClusterId(domain.partition(".")[0])
        anchors = (pem(twin).decode(),)
        self.federation.registry.set_member(Member(cluster, domain, "eu", anchors=anchors))

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


async def test_a_member_that_is_no_more_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    peer = world.peer(EAST, spiffe.agent_id(EAST))
    member = world.federation.registry.members[ClusterId("east")]
    world.federation.registry.set_member(replace(member, anchors=()))
    with pytest.raises(Denied):
        await world.ask(peer)


async def test_an_anchor_that_has_expired_locks_out_its_own_cluster_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.now -= timedelta(days=2)
    world.join(WEST, timedelta(days=1))
    world.now += timedelta(days=2)
    await world.ask(world.peer(EAST, spiffe.agent_id(EAST)))


async def test_an_agent_whose_clock_is_minutes_off_still_gets_in(tmp_path: Path) -> None:
    """Certificates are valid from 5 minutes before they were made."""
    world = World(tmp_path)
    for minutes in (-4, 4):
        at = utc_now() + timedelta(minutes=minutes)
        await world.ask(world.peer(EAST, spiffe.agent_id(EAST), at))
        chain = world.root.identity(utc_now()).chain
        verify_controller(chain, root=world.root.root, domain="mesh.test", now=at)


async def test_clocks_that_differ_by_more_than_certificates_allow_are_refused(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    ahead = utc_now() + timedelta(minutes=6)
    with pytest.raises(Denied, match="valid"):
        await world.ask(world.peer(EAST, spiffe.agent_id(EAST), ahead))
    chain = world.root.identity(utc_now()).chain
    behind = utc_now() - timedelta(minutes=6)
    with pytest.raises(Denied, match="valid"):
        verify_controller(chain, root=world.root.root, domain="mesh.test", now=behind)


async def test_by_how_much_a_clock_is_off_is_noted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    federation = world.federation
    for ahead in (1.0, 90.0, 91.0, None, -2.0, -90.0):
        there, here = linked()
        there.end()
        peer = replace(world.peer(EAST, spiffe.agent_id(EAST)), clock=ahead)
        await world.facts(here, peer)
        assert federation.presence(ClusterId("east")).clock == ahead
    said = [r.getMessage() for r in caplog.records if "clocks differ" in r.getMessage()]
    assert said == [
        "clocks differ cluster=east seconds_ahead=90",
        "clocks differ cluster=east seconds_ahead=-90",
    ]
