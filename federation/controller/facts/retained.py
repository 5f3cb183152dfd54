"""Clusters of an earlier life of the store which have not reported in this one.

After a restore, or after the loss of the store, agents hold what the controller does not know (any
more). Unknown is not absent: until such a cluster has reported completely, what agents hold of it
is *retained*, and so are the services, which are merged from all. What is known is sent.

In: what agents say they hold, who has reported. Out: the judgement of single resources for
`federation.xds.sender`. A cluster that lies about what it holds deceives only itself.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from federation.model.names import ClusterId
from federation.wire import codec
from federation.wire.codec.kind import Owner, reporter_of
from federation.xds.messages import Point

if TYPE_CHECKING:
    from federation.controller.member import Member


RETAINED = "awaited/"
"""Where the store names the clusters of which something is retained."""


class Retained:
    """The clusters of which agents retain what they hold, of those that the operator has stated."""

    def __init__(
        self, members: Mapping[ClusterId, "Member"], on_change: Callable[[], None] = lambda: None
    ) -> None:
        self._members = members
        self._clusters: set[ClusterId] = set()
        self._on_change = on_change

    @property
    def clusters(self) -> frozenset[ClusterId]:
        """All of them; of who is not a member any more nothing is retained."""
        return frozenset(c for c in self._clusters if self._is_member(c))

    def _is_member(self, cluster: ClusterId) -> bool:
        found = self._members.get(cluster)
        return found is not None and not (found.revoked or found.leaving)

    def add(self, cluster: ClusterId) -> None:
        """Have agents retain what they hold of a cluster."""
        if cluster not in self._clusters:
            self._clusters.add(cluster)
            self._on_change()

    def reported(self, cluster: ClusterId) -> bool:
        """That cluster has said everything it has; returns whether it was one of them."""
        was_retained = cluster in self._clusters
        if was_retained:
            self._clusters.discard(cluster)
            self._on_change()
        return was_retained

    def members(self) -> Iterable["Member"]:
        """All members."""
        return self._members.values()


class Held:
    """What one agent holds from an earlier life: a `federation.xds.sender.Keeper`."""

    def __init__(self, retained: Retained, epoch: str) -> None:
        self._retained = retained
        self._epoch = epoch
        self._claimed: set[ClusterId] = set()

    def claim(self, type_url: str, names: Iterable[str], point: Point | None) -> None:
        """Its bundles tell which clusters it knew.

        What agents hold of one that has not joined this store, but was known under another epoch,
        is retained from now on. Under this epoch its bundle was taken back, and stays so.
        """
        if type_url != codec.BUNDLE:
            return
        held = frozenset(names)
        is_earlier = point is not None and point.epoch != self._epoch
        for member in self._retained.members():
            if member.trust_domain in held:
                self._claimed.add(member.id)
                if is_earlier and not member.anchors and not member.revoked:
                    self._retained.add(member.id)

    def keeps_any(self) -> bool:
        """Whether anything is retained of a cluster that this agent knew."""
        return bool(self._claimed) and not self._retained.clusters.isdisjoint(self._claimed)

    def keeps(self, type_url: str, name: str) -> bool:
        """Whether this agent's own version of a resource stays."""
        kept = self._retained.clusters & self._claimed
        fact = codec.TOLD.get(type_url)
        if fact is None:
            return False
        match fact.owner:
            case Owner.ALL:
                return bool(kept)
            case Owner.REPORTER:
                return reporter_of(name) in kept
            case Owner.CLUSTER:
                return name in kept
            case Owner.TRUST_DOMAIN:
                return name in {m.trust_domain for m in self._retained.members() if m.id in kept}
