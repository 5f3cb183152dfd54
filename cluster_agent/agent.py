"""The agent of one cluster: where the way up and the way down meet.

A change of the source, of the facts or of a proxy marks services as dirty. A turn observes each of
them as a whole and reports it (`export_flow`), then plans it and sends it to the proxies here
(`import_flow`): from the same endpoints that others are told of, and before they are told.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cluster_agent.export_flow import ExportFlow
from cluster_agent.gateway_watch import GatewayWatch
from cluster_agent.health.proxy_reports import ProxyChanges, ProxyReports
from cluster_agent.import_flow import ImportFlow
from cluster_agent.proxy_list import ProxyList
from cluster_agent.self_report import SelfReport
from cluster_agent.serve.streams import ProxyStreams
from cluster_agent.serve.workloads import Workloads
from cluster_agent.snapshot.tables import Changed
from cluster_agent.source.objects import Batch
from cluster_agent.source.source import Source
from cluster_agent.source.status import Status
from cluster_agent.turns import Turns
from federation.model.names import ClusterId, ServiceName
from federation.model.proxies import LEAVING, NO_LISTENER, TROUBLE, Kind, Node, Proxy
from federation.model.types import SECRET
from federation.planning.damping import DAMPING, Damping
from federation.runtime.clock import wall_seconds
from federation.runtime.disk import Disk
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.runtime.tasks import wait_for_event
from federation.wire import codec
from federation.xds.nacks import Nack
from federation.xds.receiver import Received

log = logging.getLogger(__name__)

STATUS_AFTER_SECONDS = 0.2
MISSING_SECONDS = 1.0
"""Between two checks of who is missing. Who was missing at the last one as well is reported."""


@dataclass(slots=True)
class _Events:
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    status: asyncio.Event = field(default_factory=asyncio.Event)
    times: asyncio.Event = field(default_factory=asyncio.Event)


class Agent:
    """State of one cluster and the flow through it."""

    def __init__(
        self,
        cluster: ClusterId,
        source: Source,
        status: Status,
        state: Path,
        damping: Damping = DAMPING,
        *,
        tcp_connection_seconds: float = 0,
        anchors: Path | None = None,
        loopback_endpoints: bool = False,
        streams: ProxyStreams | None = None,
    ) -> None:
        self._status = status
        self._events = _Events()
        self.disk = Disk()
        self.workloads = Workloads(source)
        self.streams = streams or ProxyStreams(self.workloads.is_expected)
        self.up = ExportFlow(
            cluster, source, state / "first-seen.json", self.disk, loopback=loopback_endpoints
        )
        self.down = ImportFlow(
            cluster,
            state,
            self.disk,
            self.streams,
            damping,
            tcp_connection_seconds=tcp_connection_seconds,
            anchors=anchors,
            on_time=self._events.times.set,
            on_unfinished=self._events.dirty.set,
        )
        self.reports = self.up.exporter.reports
        self._proxy_reports = ProxyReports(state, self.disk)
        self._list = ProxyList(self.reports, self.streams, self.workloads)
        self._turns = Turns(self._events.dirty, self._handle, self.down.publish, self.down.finish)
        self._self_report = SelfReport(
            cluster,
            source,
            self.up,
            self.down,
            proxy_reports=self._proxy_reports,
            streams=self.streams,
            workloads=self.workloads,
            proxy_list=self._list,
        )
        self.gateways = GatewayWatch(
            cluster,
            self._proxy_reports,
            self.reports,
            self.down,
            streams=self.streams,
            apply=self._apply,
            on_known=self.on_secrets_taken,
        )
        self._time_passed: float | None = None

    def load(self) -> None:
        """Take back the last good facts, the gateways, and when exports were first seen."""
        gateways = self._proxy_reports.load()
        self.down.load_addresses()
        self.up.services.set_offered(self.down.offered)
        self._turns.mark(self.down.load_facts(self._proxy_reports.reachability).services)
        for gateway in gateways:
            self.reports.gateway(gateway.name, gateway)
        self.up.load()

    # -- what comes in -----------------------------------------------------------------------------

    def on_source(self, batch: Batch) -> None:
        """Objects of this cluster changed (or were all read for the first time)."""
        self._turns.mark(self.up.affected(batch))
        self._events.dirty.set()
        self._events.status.set()
        self.workloads.source_changed()

    def on_facts(self, received: Received) -> None:
        """The controller sent facts."""
        concerned = self.down.receive(received, self._proxy_reports.reachability)
        self._turns.mark(concerned.services)
        if concerned.bundles:
            self.on_secrets_taken()
        if received.changes or received.completed:
            self._events.dirty.set()

    def on_refusals(self, refusals: tuple[Nack, ...]) -> None:
        """What the controller did not take of our reports."""
        if self.up.refuse(refusals):
            self._events.status.set()

    def on_proxy(self, proxy: Proxy) -> None:
        """A proxy of this cluster describes itself."""
        changes = self._proxy_reports.record(proxy, wall_seconds())
        for nack in changes.rejected:
            name = "proxy fails" if nack.type_url in (TROUBLE, NO_LISTENER) else "proxy refused"
            log.warning(event(name, proxy=nack.proxy, resource=nack.name, reason=nack.reason))
        self._list.record(proxy)
        self._apply(changes)
        self._turns.mark(self.down.snapshots.sidecars.misplaced(proxy))
        self.down.publish(self.down.snapshots.set_proxy(proxy))
        self._turns.mark(self.up.services.set_offered(self.down.offered))
        if proxy.kind is Kind.GATEWAY and proxy.state in LEAVING:
            self.down.leave(proxy.id)
        self.gateways.update_serving()

    def on_gone(self, node: Node) -> None:
        """Both streams of a proxy have ended. It may well go on serving without us."""
        self.down.snapshots.forget(node)
        self._list.gone(node)
        is_known = bool(self.down.snapshots.sidecars.services_behind(node.id))
        self._apply(self._proxy_reports.disconnect(node.kind, node.id, is_known=is_known))
        self.gateways.update_serving()

    def on_silent(self) -> None:
        """Other proxies than before send nothing any more. They may well go on serving."""
        self._list.silent()
        self._self_report.update()

    def on_quiet(self) -> None:
        """Every supervisor has acknowledged all it was sent."""
        now = asyncio.get_running_loop().time()
        self.up.exporter.settle(now)
        self.down.settle(now)
        if self.up.exporter.has_pending or self.down.has_waiting_names:
            self._events.times.set()

    def on_secrets_taken(self) -> None:
        """Every connected proxy trusts whom it is to trust; the controller counts on that.

        Not before those that were connected to an earlier agent had the time to come back.
        """
        if self.gateways.knows_all and self.streams.have_acknowledged(SECRET):
            held = self.down.receiver.held(codec.BUNDLE).values()
            self._self_report.set_trusted(tuple(sorted((b.name, b.version) for b in held)))

    def _apply(self, changes: ProxyChanges) -> None:
        """Observe and plan anew what the report of a proxy concerns, and report it."""
        self._turns.mark(self.up.services.with_addresses(changes.addresses))
        behind = self.down.snapshots.sidecars.services_behind
        self._turns.mark({name for workload in changes.workloads for name in behind(workload)})
        for cluster in changes.clusters:
            self._turns.mark(self.down.facts.services_of(cluster))
        if changes.clusters:
            self.down.set_clusters(self._proxy_reports.reachability)
        self._self_report.update()
        self.gateways.report(changes)

    # -- turns -------------------------------------------------------------------------------------

    async def turn(self) -> None:
        """Handle all services that are dirty now."""
        self._turns.mark(self.up.release_unknown())
        await self._turns.run()
        is_complete = self.up.complete()
        if unknown := self.up.release_unknown():
            self._turns.mark(unknown)
            await self._turns.run()
        has_waiting = self.up.exporter.has_pending or self.down.has_waiting_names
        if has_waiting and self.streams.is_quiet():
            self.on_quiet()
        if is_complete and self.down.sync():
            log.info(event("synced", services=len(self.up.services.known)))
        self._self_report.check()
        self._events.status.set()
        self._events.times.set()

    def _handle(self, name: ServiceName, now: float) -> list[Changed]:
        """Up, then down: one service."""
        health, may_wait = self._proxy_reports.local_health, self.down.is_synced
        observed = self.up.observe(name, health, now, may_wait=may_wait)
        if observed is None:
            return []  # proxies go on with what they have
        return self.down.set_service(name, observed, self._proxy_reports.reachability, now)

    # -- loops -------------------------------------------------------------------------------------

    def loops(self) -> tuple[Loop, ...]:
        """What the agent does for ever, next to its source and its links."""
        return (
            Loop("planning", self._plan),
            Loop("times", self._pass_times),
            self.gateways.loop,
            self._list.loop,
            Loop("missing", self.check_missing, rest=MISSING_SECONDS),
            Loop("status", self._show_status, says="status cannot be written"),
            self.down.loop,
            self.disk.loop,
        )

    def watch(self, loops: Iterable[Loop]) -> None:
        """Tell the controller when one of these fails, and when it works again."""
        self._self_report.watch(loops)

    async def _plan(self) -> None:
        """Turn dirty services into reports and configuration."""
        await self._events.dirty.wait()
        self._events.dirty.clear()
        try:
            await self.turn()
        except BaseException:
            self._events.dirty.set()  # what was not done is still dirty
            raise

    async def _pass_times(self) -> None:
        """What happens by time alone: counts that waited, exports no proxy confirmed, recovery."""
        now = asyncio.get_running_loop().time()
        due = self.pass_time(now if self._time_passed is None else self._time_passed, now)
        self._time_passed = now
        await wait_for_event(self._events.times, None if due is None else due - now)

    def pass_time(self, since: float, now: float) -> float | None:
        """One turn of it, from the last one until now; returns when the next is due."""
        self._turns.mark(self.down.recovery.changing(since, now))
        self.up.exporter.tick(now)
        self.down.tick(now)
        times = (self.up.exporter.due(), self.down.due(now))
        return min((at for at in times if at is not None), default=None)

    async def check_missing(self) -> None:
        """See who is missing."""
        self._self_report.check_missing(expects_gateways=self.gateways.knows_all)

    async def _show_status(self) -> None:
        """Show people what has become of their exports, a moment after it changed."""
        await self._events.status.wait()
        await asyncio.sleep(STATUS_AFTER_SECONDS)
        self._events.status.clear()
        try:
            await self.tell_status()
        except BaseException:
            self._events.status.set()
            raise
        if self.up.status.has_more:
            self._events.status.set()

    async def tell_status(self) -> None:
        """Tell what is news of the exports; what cannot be shown is told again."""
        news = self.up.news(self.down.facts.services)
        try:
            await self._status.tell(news)
        except BaseException:
            self.up.status.tell_again(news)
            raise
