"""Who belongs to the clusterset: the operator's word about clusters, and the keys they have.

Every change is written to the store; what it does in memory comes from there alone
(`federation.controller.intent.apply_intent`). Clusters join by
`federation.controller.membership.joining`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from federation.controller.facts.retained import RETAINED
from federation.controller.intent.documents import Documents, at_once
from federation.controller.member import Member, anchor_keys
from federation.controller.membership.cluster_object import restated
from federation.controller.membership.join_tokens import JoinTokens, revoke_unspent
from federation.controller.membership.keys import check_key, check_life, check_speaks, revoke_keys
from federation.controller.membership.operator_word import with_word
from federation.controller.membership.records import MEMBERS
from federation.controller.store.store import IntentStore
from federation.controller.trust import anchors
from federation.controller.trust.anchors import speaking_keys
from federation.controller.trust.authority import Authority
from federation.model.errors import Conflict, Denied, NotReady
from federation.model.names import ClusterId, parse_cluster_id
from federation.model.timestamps import rfc3339
from federation.runtime.clock import utc_now
from federation.trust.join_tokens import JoinRecord
from federation.trust.pem import (
    csr_key,
    key_sha256,
    pem,
    read_csr,
    read_twin,
)
from federation.trust.spiffe import trust_domain
from federation.trust.validate import check_twin

HOUR = 3_600


class Members:
    """Members and join tokens over the store."""

    def __init__(
        self,
        store: IntentStore,
        authority: Authority,
        domain: str,
        url: str,
        in_effect: Callable[[int], Awaitable[None]] = at_once,
    ) -> None:
        self._store = store
        self.documents = Documents(store, MEMBERS, in_effect)
        self._authority = authority
        self._domain = domain
        self.tokens = JoinTokens(store, authority.root_sha256, url)

    async def load(self) -> tuple[Member, ...]:
        """All members, by id."""
        return tuple(document.value for document in await self.documents.list())

    async def state(self, wanted: Member) -> Member:
        """Write the operator's word about a cluster in the place of the one before.

        `wanted` comes without trust domain and anchors.
        """
        _, member = await self.restate(wanted.id, lambda _: wanted)
        return member

    async def restate(
        self, cluster: ClusterId, say: Callable[[Member | None], Member]
    ) -> tuple[Member | None, Member]:
        """Write the operator's word about a cluster; returns the member before and after.

        `say` gives that word from the one before; what the cluster joined with stays. It is asked
        again when somebody else wrote in between. Raises what it raises, and Conflict.
        """

        async def change(before: Member | None) -> Member:
            if before is not None and before.leaving:
                raise Conflict(f"cluster {cluster} is leaving: wait until it has left")
            domain = trust_domain(cluster, self._domain)
            found = with_word(before or Member(cluster, domain, ""), say(before))
            return restated(found, rfc3339(utc_now()), str(uuid4()))

        return await self.documents.swap(cluster, change)

    async def mint_token(self, cluster: str, seconds: int, now: float) -> tuple[JoinRecord, str]:
        """A join token for a known cluster; raises InvalidInput, NotReady for an unknown one."""
        name = parse_cluster_id(cluster)
        found = await self.documents.get(name)
        if found is None:
            raise NotReady(f"cluster {name} is not known yet: add it first")
        if found.value.leaving:
            raise Conflict(f"cluster {name} is leaving: wait until it has left, then add it again")
        return await self.tokens.make(name, seconds, now)

    def renew(self, member: Member, csr: bytes, now: datetime) -> bytes:
        """A new intermediate (PEM) for a key that speaks for a member; Denied for another."""
        key = csr_key(read_csr(csr))
        if key_sha256(key) not in speaking_keys(member):
            raise Denied(f"cluster {member.id} asks to renew a key that does not speak for it")
        return pem(self._authority.certify_cluster(member.trust_domain, key, now))

    async def revoke(self, cluster: ClusterId) -> Member:
        """Believe a cluster no more: its keys never again, its tokens void. Raises NotReady."""

        async def keep_keys(member: Member) -> Member:
            await revoke_keys(self._store, member)
            await self.tokens.revoke_all(cluster)
            return replace(member, anchors=(), ends=(), revoked=True, replace_key="")

        return await self._change(cluster, keep_keys)

    async def begin_leaving(self, cluster: ClusterId) -> Member:
        """Show nothing of a cluster any more; `remove` follows. Raises NotReady."""

        async def leave(member: Member) -> Member:
            await self.tokens.revoke_all(cluster)
            return replace(member, leaving=True)

        return await self._change(cluster, leave)

    async def remove(self, cluster: ClusterId) -> None:
        """Forget a cluster. Keys that were revoked stay so."""
        await self.tokens.forget(cluster)
        found = await self.documents.get(cluster)
        if found is not None:
            await self.documents.delete(cluster, found.revision)

    async def rekey(self, cluster: ClusterId) -> Member:
        """Ask a cluster for a new key. Raises NotReady, and Conflict while it is at it."""

        async def ask(member: Member) -> Member:
            keys = anchor_keys(member)
            if not keys or member.leaving:
                raise NotReady(f"cluster {cluster} has not joined, so it has no key to replace")
            if member.replace_key in keys[1:]:
                raise Conflict(
                    f"cluster {cluster} has two keys at present: see fedctl trust status, and ask "
                    "again when the old one has gone"
                )
            return replace(member, replace_key=keys[0])

        return await self._change(cluster, ask)

    async def add_key(
        self,
        cluster: ClusterId,
        by: str,
        csr: bytes,
        twin: bytes,
        *,
        now: datetime,
        leaf_seconds: int = HOUR,
    ) -> Member:
        """Take the anchor of a cluster's next key beside that of its present one.

        `by` is the key (SHA-256) of who says so, which must speak for the cluster. The same may be
        said again. Raises Conflict when it was not asked for one.
        """
        check_life(leaf_seconds)
        key = csr_key(read_csr(csr))
        digest = key_sha256(key)
        anchor = read_twin(twin)

        async def add(member: Member) -> Member:
            check_speaks(member, by)
            check_twin(anchor, public_key=key, trust_domain=member.trust_domain, now=now)
            await check_key(self._store, member, key, lambda _: False)
            keys = anchor_keys(member)
            if digest in keys:
                return member
            if member.replace_key not in keys[:1]:
                raise Conflict(f"cluster {cluster} was not asked for another key")
            return anchors.coming(member, anchor, leaf_seconds)

        return await self._change(cluster, add)

    async def keep_only(self, cluster: ClusterId, by: str, csr: bytes) -> Member:
        """Drop all anchors but the newest; only the holder of its key may say so (Denied)."""
        digest = key_sha256(csr_key(read_csr(csr)))

        async def keep(member: Member) -> Member:
            if {digest, by} != set(anchor_keys(member)[:1]):
                raise Denied(f"this is not the newest key of cluster {cluster}")
            return replace(member, anchors=member.anchors[:1], ends=())

        return await self._change(cluster, keep)

    async def supersede(self, cluster: ClusterId, by: str, now: float) -> tuple[Member, Member]:
        """The newest key has spoken: those before it speak no more, and have an end.

        Returns the member before and after. Raises NotReady.
        """

        async def end(member: Member) -> Member:
            is_newest = by in anchor_keys(member)[:1]
            return anchors.superseded(member, now) if is_newest else member

        return await self._change_both(cluster, end)

    async def drop_ended(self, cluster: ClusterId, now: float) -> Member:
        """Forget the anchors whose end has come."""

        async def drop(member: Member) -> Member:
            return anchors.still_good(member, now)

        return await self._change(cluster, drop)

    async def _change(
        self, cluster: ClusterId, change: Callable[[Member], Awaitable[Member]]
    ) -> Member:
        """Write a member that is there changed. Raises NotReady."""
        _, after = await self._change_both(cluster, change)
        return after

    async def _change_both(
        self, cluster: ClusterId, change: Callable[[Member], Awaitable[Member]]
    ) -> tuple[Member, Member]:
        async def change_known(before: Member | None) -> Member:
            if before is None:
                raise NotReady(f"there is no cluster {cluster}")
            return await change(before)

        before, after = await self.documents.swap(cluster, change_known)
        return before or after, after


async def begin_again(store: IntentStore) -> None:
    """After a restore: unspent tokens are void, and every cluster that had joined is awaited."""
    await revoke_unspent(store)
    awaited = (await store.read_all(RETAINED)).entries
    for found in await Documents(store, MEMBERS).list():
        name = f"{RETAINED}{found.value.id}"
        if found.value.anchors and name not in awaited:
            await store.write(name, b"", 0)
