"""What this agent saw go with its own eyes, and tells the controller: exports, last endpoints.

In: what is seen of a service before and after, and whether anybody saw it happen. Out: tombstones
in the table of reports. The controller accepts a mass withdrawal only by them
(docs/decisions/013).
"""

from cluster_agent.observe.service import Observed
from federation.model.exports import Tombstone
from federation.model.names import ClusterId, ServiceName
from federation.wire import codec
from federation.xds.snapshot import Table

KEPT_SECONDS = 3600.0
MOST = 10_000


class Tombstones:
    """One for each service of which something went, until it is back or an hour is over."""

    def __init__(self, cluster: ClusterId, table: Table) -> None:
        self._cluster = cluster
        self._table = table
        self._since: dict[ServiceName, float] = {}
        self._current: dict[ServiceName, Tombstone] = {}

    def record(
        self, name: ServiceName, before: Observed | None, after: Observed, now: float, *, live: bool
    ) -> tuple[ServiceName, ...]:
        """Take what changed of a service; returns the services to touch.

        `live`: somebody saw it happen. What is back is never excused, whoever saw it go.
        """
        current = self._current.get(name, Tombstone(name, self._cluster))
        export, endpoints = current.export, current.endpoints
        if live and before is not None:
            export = export or before.export is not None
            endpoints = endpoints or _is_ready(before)
        wanted = Tombstone(
            name,
            self._cluster,
            export and after.export is None,
            endpoints and not _is_ready(after),
        )
        if wanted == current:
            return ()
        if not wanted.export and not wanted.endpoints:
            return (name,) if self._drop(name) else ()
        self._since.pop(name, None)
        self._since[name], self._current[name] = now, wanted
        self._table.put(codec.TOMBSTONE, codec.resource_of(wanted))
        oldest = next(iter(self._since))
        if len(self._since) > MOST and self._drop(oldest):
            return (name, oldest)
        return (name,)

    def _drop(self, name: ServiceName) -> bool:
        self._since.pop(name, None)
        self._current.pop(name, None)
        return self._table.drop(codec.TOMBSTONE, str(name))

    def due(self) -> float | None:
        """When the oldest has been told for long enough."""
        return next((at + KEPT_SECONDS for at in self._since.values()), None)

    def tick(self, now: float) -> tuple[ServiceName, ...]:
        """Forget what was told for long enough; returns the services to touch."""
        old = [name for name, at in self._since.items() if now >= at + KEPT_SECONDS]
        return tuple(name for name in old if self._drop(name))


def _is_ready(seen: Observed) -> bool:
    return seen.backend is not None and seen.backend.ready > 0
