"""The gRPC side of the controller: who calls is read from its certificate, then handed to the loop.

Two locks: TLS verifies the chain up to the root, with the name constraints of the
intermediates; `verify_peer_chain` then demands the anchor of the caller's own trust domain.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from cryptography import x509

from federation.controller.authority import Authority
from federation.controller.loop import Federation
from federation.controller.members import Members
from federation.controller.registry import Member
from federation.controller.trust import waiting_for
from federation.model.errors import Denied
from federation.model.imports import Bundle
from federation.runtime.clock import utc_now, wall_seconds
from federation.trust.spiffe import agent_id
from federation.trust.validate import check_bundle, verify_peer_chain
from federation.wire import federation_pb2 as pb
from federation.wire import methods
from federation.wire.links import Link, Peer
from federation.wire.methods import Method
from federation.wire.server import CallHandler, StreamHandler
from federation.xds.messages import Request, Response


class AgentServer:
    """Handlers for what agents call."""

    def __init__(self, federation: Federation, members: Members, authority: Authority) -> None:
        self._federation = federation
        self._members = members
        self._authority = authority

    def handlers(self) -> tuple[tuple[Method, StreamHandler | CallHandler], ...]:
        """What `wire.server.serve` serves."""
        return (
            (methods.FACTS, self._facts),
            (methods.REPORTS, self._reports),
            (methods.RENEW, self._renew),
        )

    async def _facts(self, link: Link[Request, Response], peer: Peer) -> None:
        cluster = self._member(peer).id
        self._federation.hear_clock(cluster, peer.clock)
        await self._federation.send_facts(cluster, link)

    async def _reports(self, link: Link[Response, Request], peer: Peer) -> None:
        member = self._member(peer)
        if member.leaving:
            raise Denied(f"cluster {member.id} is leaving: it has nothing to report any more")
        await self._federation.take_reports(member.id, link)

    async def _renew(self, request: pb.CertifyRequest, peer: Peer) -> pb.Certificate:
        """A new intermediate; with a twin for a key that comes, alone for one that has come."""
        member, now = self._member(peer), utc_now()
        if request.twin:
            member = await self._members.add_key(member.id, request.csr, request.twin, now)
            self._federation.set_member(member)
        elif request.alone:
            member = await self._members.keep_only(member.id, request.csr)
            self._federation.set_member(member)
        chain = self._members.renew(member, request.csr, now)
        made = x509.load_pem_x509_certificate(chain)
        if not request.twin:
            self._note(member, made)
        waiting = waiting_for(self._federation.hub, member.id, wall_seconds())
        return pb.Certificate(
            chain=chain,
            not_before=int(made.not_valid_before_utc.timestamp()),
            not_after=int(made.not_valid_after_utc.timestamp()),
            root=self._authority.root_pem,
            waiting=waiting if request.twin else (),
        )

    def _note(self, member: Member, intermediate: x509.Certificate) -> None:
        ends = (intermediate.not_valid_before_utc, intermediate.not_valid_after_utc)
        self._federation.presence(member.id).intermediate = ends

    def _member(self, peer: Peer) -> Member:
        """The member whose agent calls; raises Denied."""
        members = self._federation.registry.members.values()
        by_domain = {m.trust_domain: m for m in members if m.anchors}
        now = utc_now()
        anchors = _Anchors(by_domain, now)
        identity = verify_peer_chain(
            peer.chain, root=self._authority.root, anchors=anchors, now=now
        )
        if str(identity) != agent_id(identity.trust_domain):
            raise Denied(f"{identity} is not an agent")
        member = by_domain[identity.trust_domain]
        for cert in x509.load_pem_x509_certificates(peer.chain)[1:2]:
            self._note(member, cert)
        return member


class _Anchors(Mapping[str, tuple[x509.Certificate, ...]]):
    """The anchors of each member's trust domain, judged when they are asked for.

    So a member whose anchors are bad or over locks out nobody but itself.
    """

    def __init__(self, members: Mapping[str, Member], now: datetime) -> None:
        self._members = members
        self._now = now

    def __getitem__(self, trust_domain: str) -> tuple[x509.Certificate, ...]:
        return check_bundle(Bundle(trust_domain, self._members[trust_domain].anchors), self._now)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
