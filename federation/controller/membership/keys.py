"""The keys of clusters: which may be used at all, which one speaks, what each is certified for.

In: members, keys (SHA-256), and the keys that were revoked, which the store keeps for ever. Out:
nothing, or Denied and Conflict with the reason. Used by `members` and `joining`.
"""

from collections.abc import Callable

from federation.controller.member import Member, anchor_keys
from federation.controller.store.store import IntentStore
from federation.controller.trust.anchors import LONGEST_LEAF_SECONDS, speaking_keys
from federation.model.errors import Conflict, Denied, InvalidInput
from federation.model.names import ClusterId
from federation.trust.pem import PublicKey, key_sha256

_REVOKED = "revoked-keys/"


async def check_key(
    store: IntentStore, member: Member, key: PublicKey, is_present: Callable[[ClusterId], bool]
) -> None:
    """Raise Conflict or Denied when a cluster may not join with this key now."""
    cluster, digest = member.id, key_sha256(key)
    if member.leaving:
        raise Conflict(f"cluster {cluster} is leaving: wait until it has left")
    if await store.read(f"{_REVOKED}{digest}") is not None:
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


async def revoke_keys(store: IntentStore, member: Member) -> None:
    """Write down that a member's keys are of no use any more, for ever."""
    for digest in anchor_keys(member):
        if await store.read(f"{_REVOKED}{digest}") is None:
            await store.write(f"{_REVOKED}{digest}", member.id.encode(), 0)


def check_speaks(member: Member, key: str) -> None:
    """Raise Denied for a key (SHA-256) that does not speak for a member any more, or never did."""
    if key not in speaking_keys(member):
        raise Denied(
            f"cluster {member.id} has another key now: the one that is shown speaks for it no "
            "more, and what it signed ends soon. To join again with it, use a new token"
        )


def check_life(leaf_seconds: int) -> None:
    """Raise InvalidInput for a life of leaves that is too short or too long."""
    if not 1 <= leaf_seconds <= LONGEST_LEAF_SECONDS:
        raise InvalidInput(
            f"leaf_seconds is {leaf_seconds}, but must be between 1 and {LONGEST_LEAF_SECONDS}"
        )
