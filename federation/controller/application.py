"""What the API's calls do: members, tokens and views of the federation."""

import re
from collections.abc import Callable
from typing import Any

from federation.apiserver.caller import ASKING, Caller
from federation.controller.audit import ADMIN, Audit
from federation.controller.backup import Backups
from federation.controller.departures import Departures
from federation.controller.facts.liveness import life_of
from federation.controller.member import Member
from federation.controller.membership.joining import Joining
from federation.controller.membership.members import HOUR, Members
from federation.controller.membership.operator_word import merge_word, read_word, what_changed
from federation.controller.sessions import Sessions
from federation.controller.trust.anchors import speaking_keys
from federation.controller.trust.authority import Authority
from federation.controller.views.clusters import (
    gateway_view,
    seen_from_view,
    service_view,
    token_view,
    word_view,
)
from federation.controller.views.controller_problems import Own
from federation.controller.views.status import (
    all_problems,
    checks_view,
    problem_view,
    sentences,
    term,
)
from federation.controller.views.trust import SHOWN_OF_A_KEY, state_of_trust, trust_view
from federation.model.errors import InvalidInput, NotReady, shown
from federation.model.names import ClusterId, parse_cluster_id
from federation.runtime.clock import utc_now, wall_seconds

Json = dict[str, Any]

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character, which JSON can say and no text can have."""


class Controller:
    """Implements `federation.apiserver.server.Application`."""

    def __init__(
        self,
        sessions: Sessions,
        members: Members,
        authority: Authority,
        domain: str,
        grpc_address: str,
        *,
        joining: Joining,
        backups: Backups,
        departures: Departures,
        audit: Audit,
    ) -> None:
        self._sessions = sessions
        self._members = members
        self._joining = joining
        self._authority = authority
        self._backups = backups
        self._departures = departures
        self._audit = audit
        self._domain = domain
        self._grpc_address = grpc_address

    def is_ready(self) -> bool:
        """Constructed is ready: the store was read before anything listened."""
        return True

    def root_pem(self) -> bytes:
        """The root certificate."""
        return self._authority.root_pem

    async def join(self, body: Json, peer: str = "") -> Json:
        """Redeem a join token; body: token, csr (PEM), twin (PEM), leaf_seconds (default 3600).

        What strangers try is in the log only: they could fill the audit log.
        """
        texts = [_text(body, name) for name in ("token", "csr", "twin")]
        token, csr, twin = texts[0], texts[1].encode(), texts[2].encode()
        life = _whole_number(body, "leaf_seconds", HOUR)
        _, record, _ = await self._members.tokens.find(token, wall_seconds())
        who = f"join token {record.id}"
        async with self._audit.noting("join", who, peer, record.cluster) as act:
            joined = await self._joining.join(
                token,
                csr,
                twin,
                utc_now(),
                self._is_present,
                leaf_seconds=life,
                address=peer,
            )
            act.detail = f"key {speaking_keys(joined.member)[0][:SHOWN_OF_A_KEY]}"
        return {
            "cluster": joined.member.id,
            "domain": self._domain,
            "trust_domain": joined.member.trust_domain,
            "chain": joined.chain.decode(),
            "root": joined.root.decode(),
            "grpc": self._grpc_address,
        }

    def _is_present(self, cluster: ClusterId) -> bool:
        return self._sessions.presence(cluster).is_recent(wall_seconds())

    async def trust(self) -> Json:
        """How trust stands: chain, ages, the next step of each cluster."""
        hub, authority = self._sessions.hub, self._authority
        return trust_view(hub, authority.root, authority.leaf, wall_seconds())

    async def revoke(self, cluster: str, peer: str = "") -> Json:
        """Believe a cluster no more, from now on and for what is open."""
        async with self._audit.noting("trust revoke", _who(), peer, cluster):
            member = await self._members.revoke(parse_cluster_id(cluster))
        return {"cluster": member.id, "state": state_of_trust(member)}

    async def rekey(self, cluster: str, peer: str = "") -> Json:
        """Ask a cluster for a new key."""
        async with self._audit.noting("trust rekey", _who(), peer, cluster) as act:
            member = await self._members.rekey(parse_cluster_id(cluster))
            act.detail = f"replaces key {member.replace_key[:SHOWN_OF_A_KEY]}"
        return {"cluster": member.id, "replaces": member.replace_key}

    async def delete_cluster(self, cluster: str, peer: str = "") -> Json:
        """A cluster leaves in order; it is not listed any more when it has left."""
        async with self._audit.noting("leave", _who(), peer, cluster):
            name = parse_cluster_id(cluster)
            await self._departures.begin(name)
        return {"cluster": name, "state": "leaving"}

    async def clusters(self) -> Json:
        """All members with what is seen of them."""
        members = sorted(self._sessions.registry.members.values(), key=lambda m: m.id)
        return {"items": [self._cluster(member) for member in members]}

    def _cluster(self, member: Member) -> Json:
        hub, registry = self._sessions.hub, self._sessions.registry
        presence = hub.presence(member.id)
        now = wall_seconds()
        silent = presence.last_heard(now)
        clock = presence.clock
        witnesses = registry.observations.seen_from(member.id)
        return {
            "id": member.id,
            "region": member.region,
            "zones": list(member.zones),
            "network": member.network,
            "revision": member.revision,
            "trust_domain": member.trust_domain,
            "namespaces": list(member.namespaces),
            "gateway_cidrs": list(member.gateway_cidrs),
            "joined": bool(member.anchors),
            "trust": state_of_trust(member),
            "connected": presence.is_connected(now),
            "last_seen_seconds_ago": None if silent is None else round(silent, 1),
            "clock": None if clock is None else round(clock, 1),
            "state": str(life_of(hub, member.id, now)),
            "seen_from": [seen_from_view(other, remote) for other, remote in witnesses],
            "gateways": [gateway_view(g) for g in registry.gateways(member.id)],
            "exports": registry.count_exports(member.id),
            "problems": self._problems(member.id),
        }

    def _problems(self, cluster: ClusterId) -> list[str]:
        """What a person should know of a cluster, one sentence each."""
        return sentences(self._sessions.hub, cluster, wall_seconds())

    async def confirm_cluster(self, cluster: str, peer: str = "") -> Json:
        """A person says that what is held back of a cluster may go."""
        async with self._audit.noting("cluster confirm", _who(), peer, cluster) as act:
            name = parse_cluster_id(cluster)
            if name not in self._sessions.registry.members:
                raise NotReady(f"there is no cluster {name}")
            act.detail = self._sessions.confirm(name)
        return {"cluster": name, "released": act.detail}

    async def put_cluster(self, cluster: str, body: Json, peer: str = "") -> Json:
        """Write the operator's word about a cluster: a document of kind Cluster, whole."""
        member, _ = await self._state(cluster, peer, lambda known: read_word(cluster, body, known))
        return self._cluster(member)

    async def patch_cluster(self, cluster: str, body: Json, peer: str = "") -> Json:
        """Change what is named in a part of such a document, or add a cluster: what became of it.

        What the part leaves out stays, null takes a field away.
        """
        member, changed = await self._state(
            cluster, peer, lambda known: merge_word(cluster, body, known)
        )
        return {**changed, "cluster": self._cluster(member)}

    async def _state(
        self, cluster: str, peer: str, say: Callable[[Member | None], Member]
    ) -> tuple[Member, Json]:
        async with self._audit.noting("cluster add", _who(), peer, cluster) as act:
            before, member = await self._members.restate(parse_cluster_id(cluster), say)
            act.detail = word_view(member)
        return member, what_changed(before, member)

    async def mint_join_token(self, body: Json, peer: str = "") -> Json:
        """A join token; body: cluster, expires_seconds (default 3600)."""
        seconds = _whole_number(body, "expires_seconds", HOUR)
        cluster = _text(body, "cluster")
        async with self._audit.noting("token create", _who(), peer, cluster) as act:
            record, token = await self._members.mint_token(cluster, seconds, wall_seconds())
            act.detail = f"token {record.id}, for {seconds} s"
        return {"token": token, "id": record.id, "expires": record.expires}

    async def join_tokens(self) -> Json:
        """The join tokens that were made and what has become of them."""
        found, now = await self._members.tokens.all(), wall_seconds()
        return {"items": [token_view(record, now) for record in found]}

    async def revoke_join_token(self, id: str, peer: str = "") -> Json:
        """Make a join token void."""
        async with self._audit.noting("token revoke", _who(), peer) as act:
            act.detail = f"token {id}"
            record = await self._members.tokens.revoke(id)
            act.cluster = record.cluster
        return token_view(record, wall_seconds())

    async def audit(self, after: int = 0, before: int = 0, limit: int = 0) -> Json:
        """Who did what, the oldest first: the last entries, or those after or before a number."""
        return {"items": list(await self._audit.select(after, before, limit))}

    async def note_call(self, peer: str, how: str = ADMIN) -> None:
        """Note that a credential is used from an address."""
        await self._audit.note_call(peer, how)

    async def backup(self, body: Json, peer: str = "") -> bytes:
        """All that must not be lost, sealed for whom the controller's settings name."""
        async with self._audit.noting("backup", _who(), peer):
            if body:
                raise InvalidInput(
                    f"field {next(iter(body))!r:.80} is not known: a backup is sealed with the "
                    "passphrase of the controller's setting backup_passphrase_file"
                )
            await self._sessions.flush()
            return await self._backups.make(wall_seconds())

    async def services(self) -> Json:
        """All services of the clusterset with the counts of their backends."""
        found = self._sessions.registry.services()
        return {"items": [service_view(service, backends) for service, backends in found]}

    async def status(self) -> Json:
        """Where the store stands, how much there is, and all that is wrong."""
        registry = self._sessions.registry
        store = self._sessions.store_problem or self._audit.problem
        authority = self._authority
        own = Own(store, self._sessions.troubles, term(authority.root), term(authority.leaf))
        found = all_problems(self._sessions.hub, own, wall_seconds())
        point = registry.table.point()
        return {
            "epoch": point.epoch if point else "",
            "revision": point.revision if point else 0,
            "domain": self._domain,
            "clusters": len(registry.members),
            "services": len(registry.services()),
            "store": {"ok": not store, "reason": store},
            "checks": checks_view(found),
            "problems": [problem_view(problem) for problem in found],
        }


def _who() -> Caller | str:
    """Who asks."""
    return ASKING.get() or ADMIN


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or _SURROGATE.search(value):
        raise InvalidInput(f"field {name} is {shown(value)}, but must be text")
    return value


def _whole_number(body: Json, name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{name} is {shown(value)}, but must be a whole number")
    return value
