"""What goes up: exports and gateways at once, ready counts coalesced.

A count that crosses 0 goes at once; one that moves by less than 10 % of what was last reported
waits, and any other goes after 100 ms: a rolling update costs a few messages and not hundreds.
"""

from collections.abc import Callable

from federation.model.exports import Backend, Export, Gateway, Headless
from federation.model.names import ServiceName
from federation.model.observations import Observation
from federation.wire import codec
from federation.xds.snapshot import Table

COALESCE_SECONDS = 0.1
SMALLEST_MOVE = 0.1


class Reports:
    """The table that the Reports stream is fed from. Calls return whether there is news.

    `on_change` is called by whoever has news, with its type and name; an empty name is the type as
    a whole, which became complete.
    """

    def __init__(self) -> None:
        self.table = Table()
        self.on_change: Callable[[str, str], None] = lambda _type, _name: None
        self.table.mark_complete(codec.OBSERVATION, codec.TOMBSTONE)
        self._reported: dict[ServiceName, Backend] = {}
        self._waiting: dict[ServiceName, tuple[float, Backend]] = {}

    def export(self, name: ServiceName, export: Export | None) -> bool:
        """Report (or withdraw) an export; returns whether that is news."""
        if export is None:
            return self.table.drop(codec.EXPORT, str(name))
        return self._set(export)

    def headless(self, name: ServiceName, found: Headless | None) -> bool:
        """Report (or withdraw) endpoints of a headless service; returns whether that is news."""
        if found is None:
            return self.table.drop(codec.HEADLESS, str(name))
        return self._set(found)

    def has_export(self, name: ServiceName) -> bool:
        """Whether this export is reported."""
        return self.table.get(codec.EXPORT, str(name)) is not None

    def gateway(self, name: str, gateway: Gateway | None) -> bool:
        """Report (or withdraw) a gateway; returns whether that is news."""
        if gateway is None:
            return self.table.drop(codec.GATEWAY, name)
        return self._set(gateway)

    def observation(self, observation: Observation) -> bool:
        """Report what is seen of other clusters; returns whether that is news."""
        return self._set(observation)

    def _set(self, value: Export | Headless | Gateway | Observation | Backend) -> bool:
        return self.table.put(codec.kind_of(value).type_url, codec.resource_of(value))

    def backend(self, name: ServiceName, backend: Backend | None, now: float) -> bool:
        """Report what is behind a service, now or a moment later; returns whether to send now."""
        before = self._reported.get(name)
        if backend is None or before is None or not _is_only_count(before, backend):
            return self._put(name, backend)
        if (before.ready == 0) != (backend.ready == 0):
            return self._put(name, backend)
        if backend == before:
            self._waiting.pop(name, None)
        else:
            since = self._waiting[name][0] if name in self._waiting else now
            self._waiting[name] = (since, backend)
        return False

    def due(self) -> float | None:
        """When `tick` has something to report; loop time in seconds."""
        moved = [
            since
            for name, (since, backend) in self._waiting.items()
            if _has_moved(self._reported[name], backend)
        ]
        return min(moved) + COALESCE_SECONDS if moved else None

    def tick(self, now: float) -> tuple[ServiceName, ...]:
        """Report what has waited long enough; returns of which services."""
        ripe = [
            (name, backend)
            for name, (since, backend) in self._waiting.items()
            if now >= since + COALESCE_SECONDS and _has_moved(self._reported[name], backend)
        ]
        return tuple(name for name, backend in sorted(ripe) if self._put(name, backend))

    def _put(self, name: ServiceName, backend: Backend | None) -> bool:
        self._waiting.pop(name, None)
        if backend is None:
            self._reported.pop(name, None)
            return self.table.drop(codec.BACKEND, str(name))
        self._reported[name] = backend
        return self._set(backend)


def _is_only_count(before: Backend, after: Backend) -> bool:
    """Whether nothing but counts of the same zones differs."""
    zones = tuple(g.zone for g in before.groups) == tuple(g.zone for g in after.groups)
    return zones and before.ports == after.ports and before.accounts == after.accounts


def _has_moved(before: Backend, after: Backend) -> bool:
    if before.ready == after.ready:
        return before.groups != after.groups
    return abs(after.ready - before.ready) >= SMALLEST_MOVE * max(1, before.ready)
