"""Plans that prefer one cluster, or know no other: what is behind an address that DNS chose.

In: the plan of a service. Out: the same tiers in another order, or fewer of them; and which
clusters are the nearest healthy ones now, with their shares. Used by `cluster_agent.entry.entry`.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm

from federation.model.annotations import STEERING
from federation.model.names import ClusterId
from federation.model.plans import Destination, Health, Part, Plan, Tier

_LARGEST_SHARE = 10_000


def wants_steering(annotations: Iterable[tuple[str, str]]) -> bool:
    """Whether a service asks to be steered by DNS."""
    return dict(annotations).get(STEERING) == "true"


def clusters_of(plan: Plan) -> tuple[ClusterId, ...]:
    """All clusters that a plan knows, sorted."""
    found = {d.cluster for tier in _tiers(plan) for d in tier.destinations}
    return tuple(sorted(found))


def prefer(plan: Plan, cluster: ClusterId) -> Plan:
    """That cluster first, then the tiers as they were: an old answer leads nowhere never."""

    def order(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        mine = _only(tiers, lambda d: d.cluster == cluster)
        return mine + _only(tiers, lambda d: d.cluster != cluster)

    return _changed(plan, f"prefer.{cluster}~", order)


def only(plan: Plan, cluster: ClusterId) -> Plan:
    """That cluster or nothing."""
    return _changed(
        plan, f"only.{cluster}~", lambda tiers: _only(tiers, lambda d: d.cluster == cluster)
    )


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


def _whole(shares: dict[ClusterId, Fraction]) -> dict[ClusterId, int]:
    """Shares as small whole numbers in the same proportion, or nearly so when these were large."""
    scale = lcm(*(share.denominator for share in shares.values()))
    whole = {cluster: int(share * scale) for cluster, share in shares.items()}
    common = gcd(*whole.values())
    most = max(whole.values()) // common
    if most <= _LARGEST_SHARE:
        return {cluster: share // common for cluster, share in whole.items()}
    return {
        cluster: max(1, round(share / common * _LARGEST_SHARE / most))
        for cluster, share in whole.items()
    }


def _tiers(plan: Plan) -> tuple[Tier, ...]:
    return tuple(t for port in plan.ports for part in port.parts for t in part.tiers)


def _only(tiers: tuple[Tier, ...], fits: Callable[[Destination], bool]) -> tuple[Tier, ...]:
    kept = (Tier(tuple(d for d in tier.destinations if fits(d))) for tier in tiers)
    return tuple(tier for tier in kept if tier.destinations)


def _changed(plan: Plan, label: str, order: Callable[[tuple[Tier, ...]], tuple[Tier, ...]]) -> Plan:
    ports = tuple(
        replace(
            port,
            label=label,
            parts=tuple(replace(part, tiers=order(part.tiers)) for part in port.parts),
        )
        for port in plan.ports
    )
    return replace(plan, ports=ports)
