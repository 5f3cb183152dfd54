"""What this cluster has seen: which addresses fail their checks, and who is coming back.

In: what gateways say of the addresses they check; per service, which clusters are usable now. Out:
addresses to treat as not ready, and the shares of returning clusters (`planning.damping`).
"""

from collections.abc import Iterable, Mapping

from federation.model.facts import Endpoint, LocalService, ServiceFacts
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import ALL_REACHABLE, Reachability
from federation.model.proxies import LEAVING, Proxy
from federation.planning.damping import (
    DAMPING,
    FULL,
    Damping,
    Usability,
    next_change,
    observe,
    share,
)
from federation.planning.tiers import is_reachable


class Checks:
    """What this cluster's gateways say of its own workloads."""

    def __init__(self) -> None:
        self._said: dict[str, Proxy] = {}
        self.failing: frozenset[str] = frozenset()

    def hear(self, gateway: Proxy) -> frozenset[str]:
        """Take what a gateway sees; returns the addresses whose verdict changed.

        An address fails when every gateway that reaches anybody says so: one that reaches nobody
        is itself cut off. The silence of a gateway changes nothing, but one that goes has no say.
        """
        if gateway.state in LEAVING:
            self.forget(gateway.id)
        else:
            self._said[gateway.id] = gateway
        seeing = [g for g in self._said.values() if g.sees_healthy]
        before = self.failing
        failing = [frozenset(g.unhealthy) for g in seeing]
        self.failing = frozenset.intersection(*failing) if failing else before
        return before ^ self.failing

    def forget(self, gateway: str) -> None:
        """A gateway is not of this cluster any more."""
        self._said.pop(gateway, None)


class Recovery:
    """Who was lost and is coming back, by service and cluster."""

    def __init__(self, here: ClusterId, damping: Damping = DAMPING) -> None:
        self._here = here
        self._damping = damping
        self._seen: dict[ServiceName, dict[ClusterId, Usability]] = {}

    def look(
        self,
        facts: ServiceFacts | None,
        local: LocalService | None,
        name: ServiceName,
        now: float,
        reachability: Reachability = ALL_REACHABLE,
    ) -> Mapping[ClusterId, int]:
        """Take what is usable now; returns the shares of clusters that are not fully trusted."""
        if facts is None:
            self._seen.pop(name, None)
            return {}
        before = self._seen.get(name, {})
        reachable = {c.id for c in facts.clusters if is_reachable(c, reachability)}
        usable = {b.cluster: b.ready > 0 and b.cluster in reachable for b in facts.backends}
        usable[self._here] = local is not None and any(map(_is_usable, local.endpoints))
        after = {c: observe(before.get(c), is_usable, now) for c, is_usable in usable.items()}
        self._seen[name] = after
        return {
            cluster: share(usability, now, self._damping)
            for cluster, usability in after.items()
            if usability.usable and share(usability, now, self._damping) < FULL
        }

    def due(self, now: float) -> float | None:
        """When a share changes next by time alone; loop time."""
        return min(self._dues(now), default=None)

    def _dues(self, now: float) -> Iterable[float]:
        for clusters in self._seen.values():
            for usability in clusters.values():
                due = next_change(usability, now, self._damping)
                if due is not None:
                    yield due

    def changing(self, since: float, now: float) -> set[ServiceName]:
        """The services in which a share changed between two times."""
        return {
            name
            for name, clusters in self._seen.items()
            if any(self._moves(usability, since, now) for usability in clusters.values())
        }

    def _moves(self, usability: Usability, since: float, now: float) -> bool:
        return share(usability, since, self._damping) != share(usability, now, self._damping)


def _is_usable(endpoint: Endpoint) -> bool:
    return endpoint.ready and not endpoint.draining
