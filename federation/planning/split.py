"""The stage that divides a service: parts with weights, and tiers of their own.

In: the tiers of every port, and the divisions. Out: a part for each division with the destinations
of its clusters alone, so that what fails in one part fails over within it. It comes before what
looks at a tier as a whole (`share_cap`, `damping`), since those are of one part each.
"""

from collections.abc import Iterable
from dataclasses import replace

from federation.model.plans import (
    Division,
    Health,
    Part,
    Plan,
    PortPlan,
    Reason,
    Subject,
    Tier,
)
from federation.planning.stage import Known, Staged

_NAME = "split"


def stage(known: Known, plan: Plan) -> Staged:
    """The parts of every port; as it was when nobody divided the service."""
    if not known.divisions:
        return plan, ()
    ports, reasons = [], []
    for port in plan.ports:
        parts, why = _divided(port, known.divisions)
        ports.append(replace(port, parts=parts))
        reasons += why
    return replace(plan, ports=tuple(ports)), tuple(reasons)


def _divided(
    port: PortPlan, divisions: Iterable[Division]
) -> tuple[tuple[Part, ...], list[Reason]]:
    """A part of which nothing is ready gives its share to those that have something.

    When that is none, all keep their shares: what is known may be wrong.
    """
    tiers = tuple(tier for part in port.parts for tier in part.tiers)
    parts = [Part(d.name, d.weight, _only(tiers, d)) for d in divisions]
    reasons = [
        Reason(_NAME, Subject(port.port.number, p.name), f"weight {p.weight}", "as it is divided")
        for p in parts
    ]
    dead = {part.name for part in parts if part.weight and not _is_ready(part)}
    if not any(part.weight and part.name not in dead for part in parts):
        return tuple(parts), reasons
    reasons += [
        Reason(_NAME, Subject(port.port.number, name), "weight 0", "nothing in it is ready")
        for name in sorted(dead)
    ]
    return tuple(replace(p, weight=0) if p.name in dead else p for p in parts), reasons


def _only(tiers: Iterable[Tier], division: Division) -> tuple[Tier, ...]:
    kept = (
        Tier(tuple(d for d in tier.destinations if d.cluster in division.clusters))
        for tier in tiers
    )
    return tuple(tier for tier in kept if tier.destinations)


def _is_ready(part: Part) -> bool:
    return any(
        target.health is Health.HEALTHY
        for tier in part.tiers
        for destination in tier.destinations
        for target in destination.targets
    )
