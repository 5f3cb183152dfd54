"""How trust stands, as `fedctl trust status` shows it: chain, ages, the next step of each cluster.

In: the hub and the authority's certificates, and now. Out: JSON, and which clusters do not know the
newest anchor of one. Decides nothing.
"""

from datetime import datetime
from typing import Any

from cryptography import x509

from federation.controller.facts.hub import Hub
from federation.controller.facts.liveness import life_of
from federation.controller.member import Member, anchor_keys
from federation.controller.trust.anchors import ends
from federation.model.names import ClusterId
from federation.model.timestamps import rfc3339
from federation.planning.liveness import Life
from federation.trust.lives import renew_at
from federation.trust.pem import certificate_sha256, load_certificates
from federation.wire import codec

Json = dict[str, Any]

SHOWN_OF_A_KEY = 16


def waiting_for(hub: Hub, cluster: ClusterId, now: float) -> tuple[ClusterId, ...]:
    """The clusters, not lost, whose proxies do not all know the newest anchors of a cluster.

    `now` in seconds since 1970. A cluster's own proxies count like those of others.
    """
    member = hub.registry.members[cluster]
    bundle = hub.registry.table.get(codec.BUNDLE, member.trust_domain)
    wanted = bundle.version if bundle is not None else ""
    return tuple(
        sorted(
            other.id
            for other in hub.registry.members.values()
            if other.anchors
            and not other.leaving
            and life_of(hub, other.id, now) is not Life.LOST
            and hub.registry.observations.believes(other.id).get(member.trust_domain) != wanted
        )
    )


def trust_view(hub: Hub, root: x509.Certificate, leaf: x509.Certificate | None, now: float) -> Json:
    """The root, the controller's own certificate, and each cluster."""
    members = sorted(hub.registry.members.values(), key=lambda member: member.id)
    return {
        "root": {
            "sha256": certificate_sha256(root),
            "not_after": rfc3339(root.not_valid_after_utc),
        },
        "controller": _life(leaf.not_valid_before_utc, leaf.not_valid_after_utc) if leaf else None,
        "clusters": [_cluster(hub, member, now) for member in members],
    }


def _cluster(hub: Hub, member: Member, now: float) -> Json:
    shown = hub.presence(member.id).intermediate
    is_rekeying = member.replace_key in anchor_keys(member)[1:]
    waiting = waiting_for(hub, member.id, now) if is_rekeying else ()
    return {
        "id": member.id,
        "trust_domain": member.trust_domain,
        "state": state_of_trust(member),
        "intermediate": _life(*shown) if shown and member.anchors else None,
        "anchors": [
            {
                "key": key[:SHOWN_OF_A_KEY],
                "not_after": rfc3339(_end_of(anchor)),
                "ends": rfc3339(end) if end else None,
            }
            for key, anchor, end in zip(
                anchor_keys(member), member.anchors, ends(member), strict=True
            )
        ],
        "waiting": list(waiting),
        "next": _next(member, waiting, rfc3339(renew_at(*shown)) if shown else ""),
    }


def state_of_trust(member: Member) -> str:
    """In one word: how others hold with a cluster."""
    if member.revoked:
        return "revoked"
    if member.leaving:
        return "leaving"
    return "trusted" if member.anchors else "not joined"


def _next(member: Member, waiting: tuple[ClusterId, ...], renewal: str) -> str:
    """What happens next, or what a person has to do for it."""
    if member.revoked:
        return "to come back it needs a new token and an agent with an empty state folder"
    if member.leaving:
        return "it is forgotten in some seconds"
    if not member.anchors:
        return f"it joins with a token: fedctl token create {member.id}"
    keys = anchor_keys(member)
    if member.replace_key in keys[1:]:
        return _next_of_two_keys(waiting)
    if member.replace_key in keys:
        return "its agent was asked for a new key"
    return f"renewed at {renewal}" if renewal else "its agent is waited for"


def _next_of_two_keys(waiting: tuple[ClusterId, ...]) -> str:
    last = "its old key goes when the last certificate of that key has run out"
    if not waiting:
        return last
    return f"its new key is not known yet in {', '.join(waiting)}; then {last}"


def _end_of(anchor: str) -> datetime:
    return load_certificates(anchor.encode())[0].not_valid_after_utc


def _life(not_before: datetime, not_after: datetime) -> Json:
    return {"not_after": rfc3339(not_after), "renews": rfc3339(renew_at(not_before, not_after))}
