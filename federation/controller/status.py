"""From what the controller holds to what `fedctl status` says: values for `problems`, and JSON."""

from collections.abc import Iterable
from typing import Any

from federation.controller.hub import Hub
from federation.controller.problems import (
    MOST_OF_A_KIND,
    ClusterState,
    Problem,
    Said,
    problems,
)
from federation.controller.registry import Member
from federation.model.names import ClusterId
from federation.model.observations import Remote
from federation.planning.liveness import Life, judge

Json = dict[str, Any]
Witnesses = tuple[tuple[ClusterId, Remote], ...]


def all_problems(hub: Hub, store: str, now: float, own: Iterable[str] = ()) -> list[Json]:
    """Every problem of the federation; `store` is why the store cannot be written, or nothing.

    `own` is what else the controller cannot do.
    """
    members = sorted(hub.registry.members.values(), key=lambda m: m.id)
    return [_shown(p) for p in problems((state_of(hub, m, now) for m in members), store, own)]


def _shown(problem: Problem) -> Json:
    return {
        "where": problem.where,
        "what": problem.what,
        "do": problem.do,
        "since": None if problem.since is None else round(problem.since, 1),
    }


def state_of(hub: Hub, member: Member, now: float) -> ClusterState:
    """What is known of one cluster; `now` in seconds since 1970."""
    presence = hub.presence(member.id)
    refused = presence.refusals.first(MOST_OF_A_KIND)
    return ClusterState(
        member.id,
        joined=bool(member.anchors),
        life=life_of(hub, member.id, now),
        last_seen=presence.last_seen,
        clock=presence.clock,
        exports=hub.registry.count_exports(member.id),
        gateways=tuple(gateway.name for gateway in hub.registry.gateways(member.id)),
        unreached=_unreached(hub, member.id, now),
        refused=tuple(Said(str(refusal), refusal.since) for refusal in refused),
        beyond=len(presence.refusals) - len(refused),
        remarks=hub.registry.remarks(member.id),
        rejected=hub.registry.rejected(member.id),
        told=tuple(told(hub, member.id, now)),
        revoked=member.revoked,
    )


def told(hub: Hub, cluster: ClusterId, now: float) -> list[str]:
    """What others have to say of a cluster, one sentence each, with what to do."""
    found = [
        hub.held_back(cluster),
        hub.waited_for(cluster),
        hub.presence(cluster).flapping(now),
        *hub.registry.problems(cluster),
    ]
    return [text for text in found if text]


def life_of(hub: Hub, cluster: ClusterId, now: float) -> Life:
    """Whether it is live, suspect or lost."""
    answers = _answers(hub.registry.seen_from(cluster))
    return judge(hub.presence(cluster).silent(now), answers)


def _answers(witnesses: Witnesses) -> list[bool]:
    """For each cluster that looks, whether it reaches any gateway."""
    reached: dict[ClusterId, bool] = {}
    for other, remote in witnesses:
        reached[other] = reached.get(other, False) or remote.answers
    return list(reached.values())


def _unreached(
    hub: Hub, cluster: ClusterId, now: float
) -> tuple[tuple[str, tuple[ClusterId, ...]], ...]:
    """The gateways that a connected cluster does not reach, with those clusters."""
    known = {gateway.name for gateway in hub.registry.gateways(cluster)}
    found: dict[str, list[ClusterId]] = {}
    for other, remote in hub.registry.seen_from(cluster):
        is_heard = hub.presence(other).is_connected(now)
        if remote.gateway in known and not remote.answers and is_heard:
            found.setdefault(remote.gateway, []).append(other)
    return tuple((gateway, tuple(others)) for gateway, others in sorted(found.items()))
