"""Plans that prefer one cluster, or know no other: what is behind an address that DNS chose.

In: the plan of a service. Out: the same tiers in another order, or fewer of them; and which
clusters are the nearest healthy ones now, with their shares. Used by `cluster_agent.entry`.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from federation.model.imports import Destination, Health, Plan, Tier
from federation.model.names import ClusterId

STEERING = "fedmesh.dev/steering"
"""The exported annotation by which a service asks for addresses per cluster ("true")."""


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
    """The clusters of the best tier that has something healthy, with their shares; sorted.

    Without anything healthy those that may still answer, since what others see may be wrong.
    """
    for health in (Health.HEALTHY, Health.DEGRADED):
        for tier in _tiers(plan):
            found: dict[ClusterId, int] = {}
            for destination in tier.destinations:
                if any(target.health is health for target in destination.targets):
                    before = found.get(destination.cluster, 0)
                    found[destination.cluster] = before + destination.weight
            if found:
                return tuple(sorted(found.items()))
    return ()


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
