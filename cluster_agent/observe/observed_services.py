"""All services of this cluster as they were observed last.

In: objects that changed, a service to observe. Out: which services changed objects concern; what is
observed of one, and what it was before. Next: `cluster_agent.export_flow`.
"""

from cluster_agent.observe.conditions import oddities
from cluster_agent.observe.index import Index
from cluster_agent.observe.service import LocalHealth, Observed, observe_service
from cluster_agent.source.objects import Batch, Condition, Objects
from federation.model.addresses import Network
from federation.model.names import ClusterId, ServiceName


class ObservedServices:
    """By name. `loopback`: endpoints may have loopback addresses."""

    def __init__(self, cluster: ClusterId, *, loopback: bool) -> None:
        self._cluster = cluster
        self._loopback = loopback
        self._index = Index()
        self._offered: tuple[Network, ...] = ()
        self._not_seen_live: set[ServiceName] = set()
        self.known: dict[ServiceName, Observed] = {}
        self.odd: dict[ServiceName, tuple[Condition, ...]] = {}
        """What people must know of exports that are not simply valid."""
        self.exported: set[ServiceName] = set()
        """Those with a ServiceExport."""
        self.exports_changed = 0
        """How often it was another set."""

    def affected(self, batch: Batch, objects: Objects) -> set[ServiceName]:
        """The services that changed objects concern."""
        names = self._index.affected(batch.keys, objects)
        if not batch.live:
            self._not_seen_live |= names
        return names

    def with_addresses(self, addresses: frozenset[str]) -> set[ServiceName]:
        """The services that have one of these addresses among their endpoints."""
        if not addresses:
            return set()
        return {
            name
            for name, observed in self.known.items()
            if observed.local and any(e.address in addresses for e in observed.local.endpoints)
        }

    def set_offered(self, ranges: tuple[Network, ...]) -> set[ServiceName]:
        """Say where gateways offer services; returns which to observe anew: all when it is news."""
        if ranges == self._offered:
            return set()
        self._offered = ranges
        return set(self.known)

    def observe(
        self, name: ServiceName, objects: Objects, local_health: LocalHealth, first_seen: int
    ) -> Observed:
        """What the objects say about a service now; `put` makes it what is known."""
        return observe_service(
            name,
            self._index.slices(name, objects),
            objects,
            self._cluster,
            first_seen=first_seen,
            local_health=local_health,
            loopback=self._loopback,
            offered=self._offered,
            namespaces_at=self._index.namespaces_at,
        )

    def put(self, name: ServiceName, observed: Observed) -> tuple[Observed | None, bool]:
        """Know this from now on; returns what was known before, and whether that went live."""
        is_live = name not in self._not_seen_live
        self._not_seen_live.discard(name)
        before = self.known.pop(name, None)
        if observed.local is not None or observed.valid is not None:
            self.known[name] = observed
        is_exported = observed.valid is not None
        if is_exported != (name in self.exported):
            (self.exported.add if is_exported else self.exported.discard)(name)
            self.exports_changed += 1
        self.odd.pop(name, None)
        if odd := oddities(observed):
            self.odd[name] = odd
        return before, is_live
