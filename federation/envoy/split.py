"""Traffic divided between Envoy clusters: one for each part of a plan, with its weight.

In: clusters with weights. Out: what names them in a route, and what chooses one for a connection.
The choice is made once for each request and connection: what is tried again stays in its part.
"""

from collections.abc import Iterable
from itertools import accumulate
from typing import Any as Message
from typing import NamedTuple

# Numbers of connections, which grow one by one, times the golden ratio: spread over 32 bits so
# evenly that shares are exact over few connections, whichever of them come to one address.
_ALL = 2**32
_GOLDEN = 2_654_435_769
_DRAWN = f"((connection.id % {_ALL}u) * {_GOLDEN}u) % {_ALL}u"

NOWHERE = "none"
"""A cluster that there is not."""


class Share(NamedTuple):
    """A cluster, and its weight among those of the others; 0 gets nothing."""

    cluster: str
    weight: int


def of_requests(shares: Iterable[Share]) -> dict[str, Message]:
    """The fields of a route action that say where requests go; none when nothing has a weight."""
    weighted = _weighted(shares)
    if len(weighted) == 1:
        return {"cluster": weighted[0].cluster}
    clusters = [{"name": s.cluster, "weight": {"value": s.weight}} for s in weighted]
    return {"weighted_clusters": {"clusters": clusters}} if clusters else {}


def of_connections(shares: Iterable[Share]) -> str:
    """The cluster of a connection, as a format string that Envoy fills in when it comes.

    A TCP proxy with `weighted_clusters` would choose anew for each attempt to connect, so that
    what is dead in one part would lead to another.
    """
    weighted = _weighted(shares)
    if not weighted:
        return NOWHERE
    *others, last = weighted
    if not others:
        return last.cluster
    total = sum(share.weight for share in weighted)
    bounds = accumulate(share.weight for share in others)
    chosen = (
        f"{_DRAWN} < {_ALL * bound // total}u ? '{share.cluster}' : "
        for share, bound in zip(others, bounds, strict=True)
    )
    return f"%CEL({''.join(chosen)}'{last.cluster}')%"


def _weighted(shares: Iterable[Share]) -> list[Share]:
    return [share for share in shares if share.weight]
