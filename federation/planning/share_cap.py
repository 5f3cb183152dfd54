"""How much one cluster may draw to itself by what it says of itself.

Of a tier: in the destinations, weighted by reported ready endpoints; out the same with the weight
of the largest cluster limited, as long as the tier has another cluster. Distance is the operator's
word and counts are capped when they are read (`federation.wire.codec`), so a cluster that lies can
take neither another tier nor a whole one. Of an answer that holds so much and no more: see `fair`.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TypeVar

from federation.model.plans import Destination, Part, Plan, PortPlan, Reason, Subject, Tier
from federation.planning.stage import Known, Retiered, Staged, each_part

_NAME = "share cap"

LARGEST_SHARE_PERCENT = 95

_Owner = TypeVar("_Owner", bound=Hashable)


def stage(_: Known, plan: Plan) -> Staged:
    """The weights of every tier, limited."""
    return each_part(plan, _capped)


def _capped(port: PortPlan, part: Part) -> Retiered:
    limits = [bounded(tier.destinations) for tier in part.tiers]
    changed = {
        old.cluster
        for tier, now in zip(part.tiers, limits, strict=True)
        if now is not tier.destinations
        for old, new in zip(tier.destinations, now, strict=True)
        if old.weight != new.weight
    }
    if not changed:
        return part.tiers, ()
    what = f"gets at most {LARGEST_SHARE_PERCENT} % of its tier"
    why = "it reports far more ready endpoints than all others of the tier"
    reasons = [
        Reason(_NAME, Subject(port.port.number, part.name, cluster), what, why)
        for cluster in sorted(changed)
    ]
    return tuple(map(Tier, limits)), reasons


def bounded(destinations: Iterable[Destination]) -> tuple[Destination, ...]:
    """The destinations; a cluster that would get more than 95 % of the tier gets just that."""
    found = tuple(destinations)
    weights = Counter[str]()
    for destination in found:
        weights[destination.cluster] += destination.weight
    if len(weights) < 2:  # noqa: PLR2004 - alone it takes everything
        return found
    ((largest, weight),) = weights.most_common(1)
    others = weights.total() - weight
    most = others * LARGEST_SHARE_PERCENT // (100 - LARGEST_SHARE_PERCENT)
    if weight <= most:
        return found
    return tuple(
        replace(d, weight=max(1, d.weight * most // weight)) if d.cluster == largest else d
        for d in found
    )


def fair(costs: Mapping[_Owner, Sequence[int]], most: int) -> dict[_Owner, int]:
    """How many of its items each owner may have, the first ones, for `most` in all.

    Who needs less than an equal share leaves the rest to those who need more.
    """
    found: dict[_Owner, int] = {}
    left = most
    for done, owner in enumerate(sorted(costs, key=lambda one: sum(costs[one]))):
        share = left // (len(costs) - done)
        found[owner] = sum(total <= share for total in accumulate(costs[owner]))
        left -= sum(costs[owner][: found[owner]])
    return found
