"""Who belongs to the clusterset: the operator's word, and joining by token. Intent, written first.

Every change is on the disk before anybody hears of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from federation.controller.facts.retained import AWAITED
from federation.controller.member import Member, anchor_keys
from federation.controller.membership.join_tokens import JoinTokens, revoke_unspent
from federation.controller.membership.operator_word import with_word
from federation.controller.membership.records import MEMBERS, read_member, swap, write_member
from federation.controller.store.store import Store
from federation.controller.trust import anchors
from federation.controller.trust.anchors import LONGEST_LEAF_SECONDS, speaking_keys
from federation.controller.trust.authority import Authority
from federation.model.errors import Conflict, Denied, InvalidInput, NotReady
from federation.model.names import ClusterId, parse_cluster_id
from federation.trust.pem import (
    PublicKey,
    csr_key,
    key_sha256,
    pem,
    read_csr,
    read_twin,
)
from federation.trust.spiffe import trust_domain
from federation.trust.tokens import JoinRecord, redeem
from federation.trust.validate import check_twin
from federation.wire.rpc.offload import Bench

_REVOKED = "revoked-keys/"

HOUR = 3_600
JOINS_AT_A_TIME = 4
JOINS_OF_A_CLUSTER = 8
"""Requests with a good token: more than that at once, and the next is told to come again."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a cluster that joins; all PEM."""

    member: Member
    chain: bytes
    root: bytes


class Members:
    """Members and join tokens over the store."""

    def __init__(self, store: Store, authority: Authority, domain: str, url: str) -> None:
        self._store = store
        self._authority = authority
        self._domain = domain
        self.tokens = JoinTokens(store, authority.root_sha256, url)
        self._joining = Bench(JOINS_OF_A_CLUSTER, JOINS_AT_A_TIME)

    async def load(self) -> tuple[Member, ...]:
        """All members, by id."""
        found = await self._store.read_all(MEMBERS)
        return tuple(map(read_member, found.values()))

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
            return with_word(before or Member(cluster, domain, ""), say(before))

        return await swap(self._store, cluster, change)

    async def mint_token(self, cluster: str, seconds: int, now: float) -> tuple[JoinRecord, str]:
        """A join token for a known cluster; raises InvalidInput, NotReady for an unknown one."""
        name = parse_cluster_id(cluster)
        entry = await self._store.read(f"{MEMBERS}{name}")
        if entry is None:
            raise NotReady(f"cluster {name} is not known yet: add it first")
        if read_member(entry).leaving:
            raise Conflict(f"cluster {name} is leaving: wait until it has left, then add it again")
        return await self.tokens.make(name, seconds, now)

    async def join(
        self,
        token_text: str,
        csr: bytes,
        twin: bytes,
        now: datetime,
        is_present: Callable[[ClusterId], bool] = lambda _: False,
        *,
        leaf_seconds: int = HOUR,
        address: str = "",
    ) -> Joined:
        """Redeem a token for an intermediate. The same key may ask again when an answer was lost.

        The key speaks for the cluster from now on. What the one before has signed is believed for
        `leaf_seconds`, the life of the leaves which the agent that joins will sign.

        Nothing that a stranger sent beside the token is looked at before the token is known good.
        Raises Denied for a token that is wrong, expired, foreign or used with another key, and for
        a key that was revoked; InvalidInput for documents that are not what they should be; and
        Conflict for another key than that of an agent which `is_present`.
        """
        _, record, _ = await self.tokens.find(token_text, now.timestamp())
        async with self._joining.place(record.cluster, f"joining as {record.cluster}"):
            return await self._join(
                token_text, csr, twin, now, is_present, leaf_seconds=leaf_seconds, address=address
            )

    async def _join(
        self,
        token_text: str,
        csr: bytes,
        twin: bytes,
        now: datetime,
        is_present: Callable[[ClusterId], bool],
        *,
        leaf_seconds: int,
        address: str,
    ) -> Joined:
        token, record, revision = await self.tokens.find(token_text, now.timestamp())
        key = csr_key(await asyncio.to_thread(read_csr, csr))
        redeemed = redeem(record, token.secret, key_sha256(key), now.timestamp())
        redeemed = replace(redeemed, used_from=record.used_from or address)
        found = await self._store.read(f"{MEMBERS}{record.cluster}")
        if found is None:
            raise Denied(f"cluster {record.cluster} is not a member any more")
        member = read_member(found)
        _check_life(leaf_seconds)
        await self._check_key(member, key, is_present)
        if record.joined and key_sha256(key) not in speaking_keys(member):
            raise Denied(
                f"join token {record.id} was used with a key of cluster {record.cluster} that does "
                "not speak for it any more: make another token"
            )
        shown = read_twin(twin)
        check_twin(shown, public_key=key, trust_domain=member.trust_domain, now=now)
        intermediate = await asyncio.to_thread(
            self._authority.certify_cluster, member.trust_domain, key, now
        )
        if redeemed != record:
            revision = await self.tokens.keep(redeemed, revision)
        after = anchors.joined(member, shown, leaf_seconds, now.timestamp())
        if after != member:
            after = await write_member(self._store, after, found.revision)
        if not redeemed.joined:
            await self.tokens.keep(replace(redeemed, joined=True), revision)
        return Joined(after, pem(intermediate), self._authority.root_pem)

    async def _check_key(
        self, member: Member, key: PublicKey, is_present: Callable[[ClusterId], bool]
    ) -> None:
        """Whether a cluster may join with this key now."""
        cluster, digest = member.id, key_sha256(key)
        if member.leaving:
            raise Conflict(f"cluster {cluster} is leaving: wait until it has left")
        if await self._store.read(f"{_REVOKED}{digest}") is not None:
            raise Denied(
                f"the key of cluster {cluster} was revoked and is of no use any more: give its "
                "agent an empty state folder, so that it makes a new one, and a new token"
            )
        if member.anchors and digest not in speaking_keys(member) and is_present(cluster):
            raise Conflict(
                f"an agent of cluster {cluster} with another key is connected, or was within the "
                "last minute, and stays a member: if this agent is of another cluster, give it an "
                "id of its own; if it takes the other's place, stop that one and wait a minute"
            )

    def renew(self, member: Member, csr: bytes, now: datetime) -> bytes:
        """A new intermediate (PEM) for a key that speaks for a member; Denied for another."""
        key = csr_key(read_csr(csr))
        if key_sha256(key) not in speaking_keys(member):
            raise Denied(f"cluster {member.id} asks to renew a key that does not speak for it")
        return pem(self._authority.certify_cluster(member.trust_domain, key, now))

    async def revoke(self, cluster: ClusterId) -> Member:
        """Believe a cluster no more: its keys never again, its tokens void. Raises NotReady."""

        async def keep_keys(member: Member) -> Member:
            for digest in anchor_keys(member):
                if await self._store.read(f"{_REVOKED}{digest}") is None:
                    await self._store.write(f"{_REVOKED}{digest}", cluster.encode(), 0)
            await self.tokens.revoke_all(cluster)
            return replace(member, anchors=(), ends=(), revoked=True, replace_key="")

        return await self._change(cluster, keep_keys)

    async def begin_leaving(self, cluster: ClusterId) -> Member:
        """Show nothing of a cluster any more; `remove` follows. Raises NotReady."""

        async def leave(member: Member) -> Member:
            await self.tokens.revoke_all(cluster)
            return replace(member, leaving=True)

        return await self._change(cluster, leave)

    async def remove(self, cluster: ClusterId) -> int:
        """Forget a cluster; returns since which revision. Keys that were revoked stay so."""
        await self.tokens.forget(cluster)
        revision = await self._store.revision()
        entry = await self._store.read(f"{MEMBERS}{cluster}")
        if entry is None:
            return revision
        return await self._store.delete(f"{MEMBERS}{cluster}", entry.revision)

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
        _check_life(leaf_seconds)
        key = csr_key(read_csr(csr))
        digest = key_sha256(key)
        anchor = read_twin(twin)

        async def add(member: Member) -> Member:
            check_speaks(member, by)
            check_twin(anchor, public_key=key, trust_domain=member.trust_domain, now=now)
            await self._check_key(member, key, lambda _: False)
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

    async def supersede(self, cluster: ClusterId, by: str, now: float) -> Member:
        """The newest key has spoken: those before it speak no more, and have an end."""

        async def end(member: Member) -> Member:
            is_newest = by in anchor_keys(member)[:1]
            return anchors.superseded(member, now) if is_newest else member

        return await self._change(cluster, end)

    async def drop_ended(self, cluster: ClusterId, now: float) -> Member:
        """Forget the anchors whose end has come."""

        async def drop(member: Member) -> Member:
            return anchors.still_good(member, now)

        return await self._change(cluster, drop)

    async def _change(
        self, cluster: ClusterId, change: Callable[[Member], Awaitable[Member]]
    ) -> Member:
        """Write a member that is there changed. Raises NotReady."""

        async def change_known(before: Member | None) -> Member:
            if before is None:
                raise NotReady(f"there is no cluster {cluster}")
            return await change(before)

        _, after = await swap(self._store, cluster, change_known)
        return after


def check_speaks(member: Member, key: str) -> None:
    """Raise Denied for a key (SHA-256) that does not speak for a member any more, or never did."""
    if key not in speaking_keys(member):
        raise Denied(
            f"cluster {member.id} has another key now: the one that is shown speaks for it no "
            "more, and what it signed ends soon. To join again with it, use a new token"
        )


def _check_life(leaf_seconds: int) -> None:
    if not 1 <= leaf_seconds <= LONGEST_LEAF_SECONDS:
        raise InvalidInput(
            f"leaf_seconds is {leaf_seconds}, but must be between 1 and {LONGEST_LEAF_SECONDS}"
        )


async def begin_again(store: Store) -> None:
    """After a restore: unspent tokens are void, and every cluster that had joined is awaited."""
    await revoke_unspent(store)
    awaited = await store.read_all(AWAITED)
    for key, entry in (await store.read_all(MEMBERS)).items():
        name = f"{AWAITED}{key.removeprefix(MEMBERS)}"
        if read_member(entry).anchors and name not in awaited:
            await store.write(name, b"", 0)
