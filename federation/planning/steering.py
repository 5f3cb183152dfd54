"""Plans that prefer one cluster, or know no other: what is behind an address that DNS chose.

In: the plan of a service. Out: the same tiers in another order, or fewer of them; and which
clusters are the nearest healthy ones now, with their shares. Used by `cluster_agent.entry.entry`.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm
from typing import TypeVar

from federation.model.annotations import STEERING
from federation.model.names import ClusterId
from federation.model.plans import Destination, Health, Part, Plan, Tier

_LARGEST_SHARE = 10_000

_Who = TypeVar("_Who", bound=Hashable)


def wants_steering(annotations: Iterable[tuple[str, str]]) -> bool:
    """Whether a service asks to be steered by DNS."""
    return dict(annotations).get(STEERING) == "true"


def clusters_of(plan: Plan) -> tuple[ClusterId, ...]:
    """All clusters that a plan knows, sorted."""
    found = {d.cluster for tier in _tiers(plan) for d in tier.destinations}
    return tuple(sorted(found))


def prefer(plan: Plan, cluster: ClusterId) -> Plan:
    """That cluster first, then the tiers as they were: an old answer leads nowhere never.

    Who got the cluster as an answer has been divided by that already, so parts count by what they
    have in it: over all answers each part has its own share again. When none has anything there
    now, they count as they did.
    """

    def parts(before: tuple[Part, ...]) -> tuple[Part, ...]:
        weights = _within(before, cluster) or [part.weight for part in before]
        return tuple(
            replace(part, weight=weight, tiers=_first(part.tiers, cluster))
            for part, weight in zip(before, weights, strict=True)
        )

    return _changed(plan, f"prefer.{cluster}~", parts)


def only(plan: Plan, cluster: ClusterId) -> Plan:
    """That cluster or nothing; parts without it give their shares to those that have it."""

    def parts(before: tuple[Part, ...]) -> tuple[Part, ...]:
        kept = [replace(p, tiers=_only(p.tiers, lambda d: d.cluster == cluster)) for p in before]
        if not any(part.weight and part.tiers for part in kept):
            return tuple(kept)
        return tuple(part if part.tiers else replace(part, weight=0) for part in kept)

    return _changed(plan, f"only.{cluster}~", parts)


def nearest(plan: Plan) -> tuple[tuple[ClusterId, int], ...]:
    """The nearest clusters that have something healthy, with their shares; sorted.

    They are those of the best such tier of each part, which share what the part has; a part
    without one gives its share to the rest. Without anything healthy those that may still answer,
    since what others see may be wrong. DNS knows no ports: the first that has something counts, and
    those of the oldest export come first.
    """
    for health in (Health.HEALTHY, Health.DEGRADED):
        for port in plan.ports:
            shares = _shares(port.parts, health)
            if shares:
                return tuple(sorted(_whole(shares).items()))
    return ()


def _within(parts: tuple[Part, ...], cluster: ClusterId) -> list[int]:
    """The weights of parts among those whom `nearest` leads to a cluster; none if it leads nobody.

    One whole part stays as it is, so that nothing changes with the cluster's health.
    """
    if len(parts) == 1:
        return []
    for health in (Health.HEALTHY, Health.DEGRADED):
        if not _shares(parts, health):
            continue
        shares = {n: _shares((part,), health).get(cluster) for n, part in enumerate(parts)}
        whole = _whole({n: share for n, share in shares.items() if share})
        return [whole.get(n, 0) for n in shares] if whole else []
    return []


def _shares(parts: Iterable[Part], health: Health) -> dict[ClusterId, Fraction]:
    found: dict[ClusterId, Fraction] = {}
    for part in parts:
        weights = next(filter(None, (_weights(tier, health) for tier in part.tiers)), {})
        for cluster, weight in weights.items():
            share = Fraction(part.weight * weight, sum(weights.values()))
            found[cluster] = found.get(cluster, Fraction(0)) + share
    return {cluster: share for cluster, share in found.items() if share}


def _weights(tier: Tier, health: Health) -> dict[ClusterId, int]:
    found: dict[ClusterId, int] = {}
    for destination in tier.destinations:
        if destination.weight and any(t.health is health for t in destination.targets):
            before = found.get(destination.cluster, 0)
            found[destination.cluster] = before + destination.weight
    return found


def _whole(shares: dict[_Who, Fraction]) -> dict[_Who, int]:
    """Shares as small whole numbers in the same proportion, or nearly so when these were large."""
    if not shares:
        return {}
    scale = lcm(*(share.denominator for share in shares.values()))
    whole = {who: int(share * scale) for who, share in shares.items()}
    common = gcd(*whole.values())
    most = max(whole.values()) // common
    if most <= _LARGEST_SHARE:
        return {who: share // common for who, share in whole.items()}
    return {
        who: max(1, round(share / common * _LARGEST_SHARE / most)) for who, share in whole.items()
    }


def _tiers(plan: Plan) -> tuple[Tier, ...]:
    return tuple(t for port in plan.ports for part in port.parts for t in part.tiers)


def _only(tiers: tuple[Tier, ...], fits: Callable[[Destination], bool]) -> tuple[Tier, ...]:
    kept = (Tier(tuple(d for d in tier.destinations if fits(d))) for tier in tiers)
    return tuple(tier for tier in kept if tier.destinations)


def _first(tiers: tuple[Tier, ...], cluster: ClusterId) -> tuple[Tier, ...]:
    mine = _only(tiers, lambda d: d.cluster == cluster)
    return mine + _only(tiers, lambda d: d.cluster != cluster)


def _changed(plan: Plan, label: str, parts: Callable[[tuple[Part, ...]], tuple[Part, ...]]) -> Plan:
    ports = tuple(replace(port, label=label, parts=parts(port.parts)) for port in plan.ports)
    return replace(plan, ports=ports)
