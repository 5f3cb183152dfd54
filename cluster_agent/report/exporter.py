"""What the controller is told of each service of this cluster, and when.

In: a service as it was observed before and now, `now` (loop time in seconds), what the controller
refused. Out: reports in the table that the stream upwards reads. A new export waits until this
cluster's own proxies answer for it; a withdrawal that somebody saw has a tombstone.
"""

import logging

from cluster_agent.observe.service import Observed
from cluster_agent.report.new_exports import PendingExports
from cluster_agent.report.table import Reports
from cluster_agent.report.tombstones import Tombstones
from federation.model.names import ClusterId, ServiceName
from federation.runtime.logs import event
from federation.wire import codec
from federation.xds.nacks import Nack

log = logging.getLogger(__name__)


class Exporter:
    """The reports about services, in `reports`."""

    def __init__(self, cluster: ClusterId) -> None:
        self.reports = Reports()
        self._pending = PendingExports()
        self._latest: dict[ServiceName, Observed] = {}
        self._tombstones = Tombstones(cluster, self.reports.table)
        self._refused: dict[tuple[str, str], str] = {}

    def export(
        self,
        name: ServiceName,
        before: Observed | None,
        after: Observed,
        now: float,
        *,
        is_live: bool,
        may_wait: bool,
    ) -> None:
        """Report a service as it is now.

        `is_live`: somebody saw the change happen. `may_wait`: an export that is new is not reported
        before our own proxies can answer for it.
        """
        for changed in self._tombstones.record(name, before, after, now, live=is_live):
            self.reports.on_change(codec.TOMBSTONE, str(changed))
        is_new = after.export is not None and not self.reports.has_export(name)
        if is_new and may_wait:
            self._pending.add(name, now)
            self._latest[name] = after
            return
        self._pending.drop(name)
        self._latest.pop(name, None)
        self._put(name, after, now)

    def _put(self, name: ServiceName, observed: Observed, now: float) -> None:
        reports = self.reports
        if reports.export(name, observed.export):
            reports.on_change(codec.EXPORT, str(name))
        if reports.headless(name, observed.headless):
            reports.on_change(codec.HEADLESS, str(name))
        if reports.backend(name, observed.backend, now):
            reports.on_change(codec.BACKEND, str(name))

    def mark_complete(self) -> None:
        """Say that this is all that the cluster exports."""
        table = self.reports.table
        if not table.is_complete(codec.EXPORT):
            table.mark_complete(codec.EXPORT, codec.BACKEND, codec.HEADLESS)
            self.reports.on_change(codec.EXPORT, "")

    # -- by time -----------------------------------------------------------------------------------

    @property
    def has_pending(self) -> bool:
        """Whether new exports wait for our own proxies."""
        return bool(self._pending)

    def settle(self, now: float) -> None:
        """Our own proxies have acknowledged all they were sent."""
        self._pending.settle(now)

    def tick(self, now: float) -> None:
        """Report what has waited long enough, and drop tombstones that stood for long enough."""
        for name in self.reports.tick(now):
            self.reports.on_change(codec.BACKEND, str(name))
        for name in self._tombstones.tick(now):
            self.reports.on_change(codec.TOMBSTONE, str(name))
        for name in self._pending.ripe(now):
            self._put(name, self._latest.pop(name), now)

    def due(self) -> float | None:
        """When `tick` has something to do."""
        times = (self.reports.due(), self._pending.due(), self._tombstones.due())
        return min((at for at in times if at is not None), default=None)

    # -- what became of it -------------------------------------------------------------------------

    def refuse(self, refusals: tuple[Nack, ...]) -> set[str]:
        """Take what the controller refused; returns the exports of which that is news."""
        refused = {(r.type_url, r.name): r.reason for r in refusals}
        changed = refused.items() ^ self._refused.items()
        for (type_url, name), reason in refused.items() - self._refused.items():
            log.warning(event("report refused", type=type_url, resource=name, reason=reason))
        self._refused = refused
        return {name for (type_url, name), _ in changed if type_url == codec.EXPORT}

    def refusal_of(self, name: ServiceName) -> str:
        """Why the controller refused an export; empty when it did not."""
        return self._refused.get((codec.EXPORT, str(name)), "")
