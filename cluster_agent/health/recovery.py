"""Which clusters were lost and are coming back, by service.

In: per service, which clusters are usable now. Out: the shares of the traffic that returning
clusters get meanwhile (`federation.planning.damping`).
"""

from collections.abc import Iterable, Mapping

from federation.model.facts import Endpoint, LocalService, ServiceFacts
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import ALL_REACHABLE, Reachability
from federation.planning.damping import (
    DAMPING,
    FULL,
    Damping,
    Usability,
    next_change,
    observe,
    share,
)
from federation.planning.reachability import is_reachable


class Recovery:
    """Who was lost and is coming back, by service and cluster."""

    def __init__(self, here: ClusterId, damping: Damping = DAMPING) -> None:
        self._here = here
        self._damping = damping
        self._seen: dict[ServiceName, dict[ClusterId, Usability]] = {}
        self._returning: set[ServiceName] = set()
        """Those whose shares may change by time; all others are never looked at."""

    def update(
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
            self._returning.discard(name)
            return {}
        before = self._seen.get(name, {})
        reachable = {c.id for c in facts.clusters if is_reachable(c, reachability)}
        usable = {b.cluster: b.ready > 0 and b.cluster in reachable for b in facts.backends}
        usable[self._here] = local is not None and any(map(_is_usable, local.endpoints))
        after = {c: observe(before.get(c), is_usable, now) for c, is_usable in usable.items()}
        self._seen[name] = after
        is_returning = any(seen.back_since is not None for seen in after.values())
        (self._returning.add if is_returning else self._returning.discard)(name)
        return {
            cluster: share(seen, now, self._damping)
            for cluster, seen in after.items()
            if seen.usable and share(seen, now, self._damping) < FULL
        }

    def due(self, now: float) -> float | None:
        """When a share changes next by time alone; loop time."""
        dues = (due for name in self._returning for due in self._dues(name, now))
        return min(dues, default=None)

    def _dues(self, name: ServiceName, now: float) -> Iterable[float]:
        for seen in self._seen[name].values():
            due = next_change(seen, now, self._damping)
            if due is not None:
                yield due

    def changing(self, since: float, now: float) -> set[ServiceName]:
        """The services in which a share changed between two times; ask for each time once."""
        changed = {
            name
            for name in self._returning
            if any(self._moves(seen, since, now) for seen in self._seen[name].values())
        }
        self._returning = {name for name in self._returning for _ in self._dues(name, now)}
        return changed

    def _moves(self, seen: Usability, since: float, now: float) -> bool:
        return share(seen, since, self._damping) != share(seen, now, self._damping)


def _is_usable(endpoint: Endpoint) -> bool:
    return endpoint.ready and not endpoint.draining
