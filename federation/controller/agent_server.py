"""The gRPC side of the controller: who calls is read from its certificate, then handed to the loop.

Two locks: TLS verifies the chain up to the root, with the name constraints of the
intermediates; `verify_peer_chain` then demands the anchor of the caller's own trust domain. It must
be that of a key which speaks for the cluster: one that was replaced is told nothing.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from cryptography import x509

from federation.controller.audit import Audit
from federation.controller.audit_entry import Act
from federation.controller.member import Member, anchor_keys
from federation.controller.membership.keys import check_speaks
from federation.controller.membership.members import HOUR, Members
from federation.controller.sessions import Sessions
from federation.controller.trust.anchors import has_lost_its_word, speaking_keys, superseded
from federation.controller.trust.authority import Authority
from federation.controller.views.trust import SHOWN_OF_A_KEY, waiting_for
from federation.model.errors import Denied, Failed
from federation.runtime.clock import utc_now, wall_seconds
from federation.runtime.logs import event
from federation.trust.pem import certificate_key, key_sha256, load_certificates
from federation.trust.spiffe import agent_id
from federation.trust.validate import verify_peer_chain
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.methods import Method
from federation.wire.rpc.offload import Bench
from federation.wire.rpc.server_links import CallHandler, StreamHandler
from federation.wire.rpc.streams import Link, Peer
from federation.xds.messages import Request, Response

log = logging.getLogger(__name__)

RENEWALS_OF_A_CLUSTER = 4
"""At once; its agents ask for one."""
LET_IN_SECONDS = 5.0
_MOST_LET_IN = 1_000


class _Caller(NamedTuple):
    """An agent, and the digest (SHA-256) of the authority's key that vouches for it."""

    member: Member
    key: str


class AgentServer:
    """Handlers for what agents call."""

    def __init__(
        self, sessions: Sessions, members: Members, authority: Authority, audit: Audit
    ) -> None:
        self._sessions = sessions
        self._members = members
        self._authority = authority
        self._audit = audit
        self._bench = Bench(RENEWALS_OF_A_CLUSTER)
        self._let_in: dict[bytes, float] = {}

    def handlers(self) -> tuple[tuple[Method, StreamHandler | CallHandler], ...]:
        """What `wire.server.serve` serves."""
        return (
            (methods.FACTS, self._facts),
            (methods.REPORTS, self._reports),
            (methods.RENEW, self._renew),
        )

    async def _facts(self, link: Link[Request, Response], peer: Peer) -> None:
        cluster = (await self._caller(peer)).member.id
        self._sessions.hear_clock(cluster, peer.clock)
        await self._sessions.send_facts(cluster, link)

    async def _reports(self, link: Link[Response, Request], peer: Peer) -> None:
        member, _ = await self._caller(peer)
        if member.leaving:
            raise Denied(f"cluster {member.id} is leaving: it has nothing to report any more")
        await self._sessions.take_reports(member.id, link)

    async def _renew(self, request: pb.CertifyRequest, peer: Peer) -> pb.Certificate:
        """A new intermediate; with a twin for a key that comes, alone for one that has come."""
        (before, key), now = await self._caller(peer), utc_now()
        member = before
        if request.twin:
            life = request.leaf_seconds or HOUR
            member = await self._members.add_key(
                member.id, key, request.csr, request.twin, now=now, leaf_seconds=life
            )
        elif request.alone:
            member = await self._members.keep_only(member.id, key, request.csr)
        if member.anchors != before.anchors:
            await self._note_key("next key" if request.twin else "old key dropped", member, peer)
        chain = await self._bench.do(
            member.id,
            f"a certificate for {member.id}",
            partial(self._members.renew, member, request.csr, now),
        )
        made = x509.load_pem_x509_certificate(chain)
        if not request.twin:
            self._note(member, made)
        waiting = waiting_for(self._sessions.hub, member.id, wall_seconds())
        return pb.Certificate(
            chain=chain,
            not_before=int(made.not_valid_before_utc.timestamp()),
            not_after=int(made.not_valid_after_utc.timestamp()),
            root=self._authority.root_pem,
            waiting=waiting if request.twin else (),
        )

    def _note(self, member: Member, intermediate: x509.Certificate) -> None:
        ends = (intermediate.not_valid_before_utc, intermediate.not_valid_after_utc)
        self._sessions.presence(member.id).intermediate = ends

    def authenticate(self, peer: Peer) -> None:
        """Raise Denied when no member's agent calls. Asked before anything is read.

        Whose certificate was found good a moment ago is let in by that; what it may do is asked
        again when it has said what it wants.
        """
        now = time.monotonic()
        if now - self._let_in.get(peer.chain, -LET_IN_SECONDS) < LET_IN_SECONDS:
            return
        self._verified(peer)
        if len(self._let_in) >= _MOST_LET_IN:
            self._let_in.clear()
        self._let_in[peer.chain] = now

    async def _caller(self, peer: Peer) -> _Caller:
        """The agent that calls; raises Denied.

        When it shows a new key for the first time, the key before it speaks no more, and whoever is
        connected with that one is cut off.
        """
        found = self._verified(peer)
        first, *others = speaking_keys(found.member)
        if others and found.key == first:
            before, member = await self._superseded(found)
            if has_lost_its_word(before, member):
                await self._note_key("new key speaks", member, peer)
            found = self._verified(peer)
        for cert in x509.load_pem_x509_certificates(peer.chain)[1:2]:
            self._note(found.member, cert)
        return found

    async def _note_key(self, what: str, member: Member, peer: Peer) -> None:
        key = anchor_keys(member)[0][:SHOWN_OF_A_KEY]
        who = f"agent of {member.id}"
        await self._audit.note(Act(what, who, peer.address, member.id, f"key {key}"))

    async def _superseded(self, found: _Caller) -> tuple[Member, Member]:
        """The member before, and with its newest key alone.

        A disk that is full keeps no key in its place.
        """
        cluster, now = found.member.id, wall_seconds()
        try:
            return await self._members.supersede(cluster, found.key, now)
        except Failed as error:
            log.warning(event("end of the old key is not written", cluster=cluster, reason=error))
            self._sessions.trust_less(superseded(found.member, now))
            return found.member, self._sessions.registry.members.get(cluster, found.member)

    def _verified(self, peer: Peer) -> _Caller:
        members = self._sessions.registry.members.values()
        by_domain = {m.trust_domain: m for m in members if m.anchors}
        identity, anchor = verify_peer_chain(
            peer.chain, root=self._authority.root, anchors=_Anchors(by_domain), now=utc_now()
        )
        if str(identity) != agent_id(identity.trust_domain):
            raise Denied(f"{identity} is not an agent")
        found = _Caller(by_domain[identity.trust_domain], key_sha256(certificate_key(anchor)))
        check_speaks(*found)
        return found


class _Anchors(Mapping[str, tuple[x509.Certificate, ...]]):
    """The anchors of each member's trust domain, read when they are asked for.

    So one that is bad or over locks out nobody but who was vouched for by it.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members

    def __getitem__(self, trust_domain: str) -> tuple[x509.Certificate, ...]:
        found = self._members[trust_domain].anchors
        return tuple(load_certificates(anchor.encode())[0] for anchor in found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
