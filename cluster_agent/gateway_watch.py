"""Which gateways of this cluster are there: for the other clusters, and for DNS here.

In: the reports of gateways, time. Out: the controller is told once that these are all; DNS leads to
those that serve; one that was silent for long is forgotten. An agent that starts waits first: those
that were connected to an earlier one need time to come back.
"""

import asyncio
import logging
from collections.abc import Callable

from cluster_agent.health.proxy_reports import ProxyChanges, ProxyReports
from cluster_agent.import_flow import ImportFlow
from cluster_agent.report.table import Reports
from cluster_agent.serve.streams import ProxyStreams
from federation.model.names import ClusterId
from federation.model.proxies import Kind
from federation.runtime.clock import wall_seconds
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.runtime.tasks import wait_for_event
from federation.wire import codec

log = logging.getLogger(__name__)

FORGET_SECONDS = 60.0
"""Between two checks of which gateways were silent for too long."""
WAIT_SECONDS = 3.0
"""After its start the agent waits this long for its gateways before it says it knows them all."""


class GatewayWatch:
    """The gateways of one cluster. `apply` takes what the end of a gateway changes."""

    def __init__(
        self,
        cluster: ClusterId,
        proxy_reports: ProxyReports,
        reports: Reports,
        down: ImportFlow,
        *,
        streams: ProxyStreams,
        apply: Callable[[ProxyChanges], None],
        on_known: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._proxy_reports = proxy_reports
        self._reports = reports
        self._down = down
        self._streams = streams
        self._apply = apply
        self._on_known = on_known
        self._has_one = asyncio.Event()
        self.knows_all = False
        """Whether the proxies of an earlier agent had the time to come back."""
        self.loop = Loop("gateways", self._turn)

    def report(self, changes: ProxyChanges) -> None:
        """Report the gateways that came, changed or went."""
        for name, gateway in changes.gateways:
            if self._reports.gateway(name, gateway):
                self._reports.on_change(codec.GATEWAY, name)
            self._has_one.set()

    def update_serving(self) -> None:
        """Lead clients without a sidecar to the gateways that are there."""
        if self.knows_all:
            serving = self._proxy_reports.serving(self._cluster)
            self._down.publish(self._down.snapshots.entry.set_serving_gateways(serving))

    async def _turn(self) -> None:
        if not self.knows_all:
            await self.wait_for_all()
            return
        await asyncio.sleep(FORGET_SECONDS)
        connected = self._streams.connected(Kind.GATEWAY)
        changes = self._proxy_reports.forget(connected, wall_seconds())
        for name, _ in changes.gateways:
            log.warning(event("gateway forgotten", gateway=name))
            self._down.publish(self._down.snapshots.entry.remove_gateway(name))
        self._apply(changes)
        self._down.publish(self._down.snapshots.entry.remove_departed_gateways())

    async def wait_for_all(self) -> None:
        """A cluster that never had one has nothing to withdraw, so its first ends the waiting."""
        if self._proxy_reports.never_had_a_gateway:
            await wait_for_event(self._has_one, WAIT_SECONDS)
        else:
            await asyncio.sleep(WAIT_SECONDS)
        self.knows_all = True
        self.update_serving()
        self._on_known()
        self._reports.table.mark_complete(codec.GATEWAY)
        self._reports.on_change(codec.GATEWAY, "")
