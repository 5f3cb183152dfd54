"""Clusters join: a token, a key and its anchor are redeemed for an intermediate certificate.

What a cluster gets is on the disk, and in effect, before it hears of it. Next: the agent, whose
first stream is checked by `federation.controller.agent_server`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from federation.controller.member import Member
from federation.controller.membership.keys import check_key, check_life
from federation.controller.membership.members import HOUR, Members
from federation.controller.store.store import IntentStore
from federation.controller.trust import anchors
from federation.controller.trust.anchors import speaking_keys
from federation.controller.trust.authority import Authority
from federation.model.errors import Denied
from federation.model.names import ClusterId
from federation.trust.join_tokens import redeem
from federation.trust.pem import csr_key, key_sha256, pem, read_csr, read_twin
from federation.trust.validate import check_twin
from federation.wire.rpc.offload import Bench

JOINS_AT_A_TIME = 4
JOINS_OF_A_CLUSTER = 8
"""Requests with a good token: more than that at once, and the next is told to come again."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to a cluster that joins; all PEM."""

    member: Member
    chain: bytes
    root: bytes


class Joining:
    """Lets clusters join whose members and tokens are known."""

    def __init__(self, store: IntentStore, members: Members, authority: Authority) -> None:
        self._store = store
        self._documents = members.documents
        self._tokens = members.tokens
        self._authority = authority
        self._joining = Bench(JOINS_OF_A_CLUSTER, JOINS_AT_A_TIME)

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
        _, record, _ = await self._tokens.find(token_text, now.timestamp())
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
        token, record, revision = await self._tokens.find(token_text, now.timestamp())
        key = csr_key(await asyncio.to_thread(read_csr, csr))
        redeemed = redeem(record, token.secret, key_sha256(key), now.timestamp())
        redeemed = replace(redeemed, used_from=record.used_from or address)
        found = await self._documents.get(record.cluster)
        if found is None:
            raise Denied(f"cluster {record.cluster} is not a member any more")
        member = found.value
        check_life(leaf_seconds)
        await check_key(self._store, member, key, is_present)
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
            revision = await self._tokens.keep(redeemed, revision)
        after = anchors.joined(member, shown, leaf_seconds, now.timestamp())
        if after != member:
            after = (await self._documents.put(after, found.revision)).value
        else:
            await self._documents.in_effect(found.revision)
        if not redeemed.joined:
            await self._tokens.keep(replace(redeemed, joined=True), revision)
        return Joined(after, pem(intermediate), self._authority.root_pem)
