"""How much of a tier one cluster may draw to itself by what it says of itself.

In: the destinations of a tier, weighted by reported ready endpoints. Out: the same with the weight
of the largest cluster limited, as long as the tier has another cluster. Distance is the operator's
word and counts are capped when they are read (`federation.wire.codec`), so a cluster that lies can
take neither another tier nor a whole one.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from federation.model.imports import Destination

LARGEST_SHARE_PERCENT = 95


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
