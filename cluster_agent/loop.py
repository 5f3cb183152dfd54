"""The agent's main flow, both directions: objects up as reports, facts down into proxies.

Level, not edge: changes only mark services as dirty; a turn looks at each dirty service as a whole
(`observe_service`, then `Proxies.set_service`).
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster_agent.addresses import Addresses
from cluster_agent.addressfile import AddressFile
from cluster_agent.audience import Audience, Nobody
from cluster_agent.belief import doubt
from cluster_agent.conditions import conditions
from cluster_agent.entry import Entry
from cluster_agent.facts import Facts, check_fact
from cluster_agent.firstseen import FirstSeen
from cluster_agent.fresh import Fresh
from cluster_agent.heard import Heard, News
from cluster_agent.observe import (
    Index,
    Observed,
    account_of_workload,
    observe_service,
    zone_of_workload,
)
from cluster_agent.proxies import Proxies, Touch
from cluster_agent.reports import Reports
from cluster_agent.seen import Recovery
from cluster_agent.services import ServiceState
from cluster_agent.sources.source import Batch, Condition, Key, Source
from cluster_agent.tombstones import Tombstones
from federation.model.names import ClusterId, ServiceName
from federation.model.proxies import Kind, Proxy
from federation.model.types import SECRET
from federation.planning.recovery import DAMPING, Damping
from federation.runtime.clock import wall_seconds
from federation.runtime.files import write_atomic
from federation.runtime.logs import event
from federation.runtime.tasks import wait_for_event
from federation.wire import codec
from federation.wire.hold import Hold
from federation.xds.receiver import Change, Received, Receiver
from federation.xds.session import Refused

log = logging.getLogger(__name__)

TURN_SECONDS = 0.02
"""Planning yields to the loop after this long, so streams stay alive while 2,000 services load."""
STATUS_AFTER_SECONDS = 0.2
GATEWAYS_LOOK_SECONDS = 60.0
GATEWAYS_WAIT_SECONDS = 3.0
"""After its start the agent waits this long for its gateways before it says it knows them all."""


@dataclass(slots=True)
class _Events:
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    status: asyncio.Event = field(default_factory=asyncio.Event)
    gateways: asyncio.Event = field(default_factory=asyncio.Event)
    times: asyncio.Event = field(default_factory=asyncio.Event)


class Agent:
    """State of one cluster and the flow through it."""

    def __init__(
        self,
        cluster: ClusterId,
        source: Source,
        state: Path,
        damping: Damping = DAMPING,
        *,
        tcp_connection_seconds: float = 0,
        anchors: Path | None = None,
    ) -> None:
        self._anchors = anchors
        self._cluster = cluster
        self._source = source
        self.receiver = Receiver(f"agent/{cluster}", codec.FACTS, check_fact)
        self._hold = Hold(state, self.receiver, codec.FACTS)
        addresses = Addresses()
        self._addresses = AddressFile(state / "addresses.json", addresses)
        self._entry = Entry(cluster, addresses, wall_seconds)
        proxyless = anchors is not None
        self.proxies = Proxies(
            cluster, self._entry, tcp_connection_seconds, serves_proxyless=proxyless
        )
        self.reports = Reports()
        self._facts = Facts()
        self._index = Index()
        self._heard = Heard(state)
        self._observed: dict[ServiceName, Observed] = {}
        self._recovery = Recovery(cluster, damping)
        self._first_seen = FirstSeen(state / "first-seen.json")
        self._refused: dict[tuple[str, str], str] = {}
        self._dirty: set[ServiceName] = set()
        self._fresh = Fresh()
        self._tombstones = Tombstones(cluster, self.reports.table)
        self._unseen: set[ServiceName] = set()
        self._is_believed = False
        self._doubt = ""
        self._problems: tuple[str, ...] = ()
        self._events = _Events()
        self._is_synced = False
        self._has_met_proxies = False
        self._believed: tuple[tuple[str, str], ...] = ()
        self._audience: Audience = Nobody()
        self._tell_controller: Callable[[str, str], None] = lambda _type, _name: None

    def connect(self, audience: Audience, tell_controller: Callable[[str, str], None]) -> None:
        """Say who hears of changes. Agent and servers need each other; this closes the ring."""
        self._audience = audience
        self._tell_controller = tell_controller

    def load(self) -> None:
        """Take back the last good facts, the gateways, and when exports were first seen."""
        gateways = self._heard.load()
        self._addresses.load()
        self._hold.load()
        for type_url in codec.FACTS:
            held = self.receiver.held(type_url).values()
            self._take_facts(tuple(Change(type_url, r.name, r) for r in held))
        for gateway in gateways:
            self.reports.gateway(gateway.name, gateway)
        self._first_seen.load()

    # -- what comes in ---------------------------------------------------------------------------

    def on_source(self, batch: Batch) -> None:
        """Objects of this cluster changed (or were all read for the first time)."""
        affected = self._index.affected(batch.keys, self._source.objects)
        if not batch.live:
            self._unseen |= affected
        self._mark(affected)
        self._events.dirty.set()
        self._events.status.set()

    def on_facts(self, received: Received) -> None:
        """The controller told something."""
        self._take_facts(received.changes)
        self._hold.note(received)
        if received.changes or received.completed:
            self._events.dirty.set()

    def _take_facts(self, changes: tuple[Change, ...]) -> None:
        concerned = self._facts.apply(changes)
        self._mark(concerned.services)
        if concerned.clusters:
            self._set_clusters()
        if concerned.bundles:
            self._write_anchors()
            self._tell_proxies(self.proxies.set_bundles(self._facts.bundles.values()))
            self.on_believed()
        here = self._facts.clusters.get(self._cluster)
        if here is not None:
            self._tell_proxies(self.proxies.set_region(here.region))

    def _write_anchors(self) -> None:
        """Whom gRPC clients without a proxy believe: those that nobody has revoked."""
        if self._anchors is not None:
            bundles = sorted(self._facts.bundles.values(), key=lambda b: b.trust_domain)
            text = "".join(f"{a.rstrip()}\n" for bundle in bundles for a in bundle.anchors)
            write_atomic(self._anchors, text.encode())

    @property
    def key_to_replace(self) -> str:
        """The key of this cluster's authority that the operator wants replaced (SHA-256)."""
        here = self._facts.clusters.get(self._cluster)
        return here.replace_key if here is not None else ""

    def on_believed(self) -> None:
        """Every connected proxy believes whom it is to believe; the controller counts on that.

        Not before those that were connected to an agent before this one had the time to come back.
        """
        if not self._has_met_proxies or not self._audience.have_taken(SECRET):
            return
        held = self.receiver.held(codec.BUNDLE).values()
        believed = tuple(sorted((bundle.name, bundle.version) for bundle in held))
        if believed != self._believed:
            self._believed = believed
            self._tell_observation()

    def on_refusals(self, refusals: tuple[Refused, ...]) -> None:
        """What the controller did not take of our reports."""
        found = {(r.type_url, r.name): r.reason for r in refusals}
        if found != self._refused:
            for (type_url, name), reason in found.items() - self._refused.items():
                log.warning(event("report refused", type=type_url, resource=name, reason=reason))
            self._refused = found
            self._events.status.set()

    def on_proxy(self, proxy: Proxy) -> None:
        """A proxy of this cluster said what it is."""
        news = self._heard.hear(proxy, wall_seconds())
        for found in news.rejected:
            log.warning(
                event("proxy refused", proxy=found.proxy, resource=found.name, reason=found.reason)
            )
        self._take(news)
        self._tell_proxies(self.proxies.meet(proxy))
        self._show_gateways()

    def _show_gateways(self) -> None:
        """Lead clients without a sidecar to the gateways that are there.

        Not before those that served an earlier agent had the time to come back.
        """
        if self._has_met_proxies:
            self._tell_proxies(self.proxies.show_gateways(self._heard.serving(self._cluster)))

    def _take(self, news: News) -> None:
        """Look anew at what a word of a proxy concerns, and tell the controller of it."""
        self._mark(self._index_of(news.addresses))
        for workload in news.workloads:
            self._mark(self.proxies.services_behind(workload))
        for cluster in news.clusters:
            self._mark(self._facts.services_of(cluster))
        if news.clusters:
            self._set_clusters()
        self._tell_observation()
        for name, gateway in news.gateways:
            if self.reports.gateway(name, gateway):
                self._tell_controller(codec.GATEWAY, name)
            self._events.gateways.set()

    def _tell_proxies(self, touched: list[Touch]) -> None:
        """What changed for them; addresses are written down before anybody is told of them."""
        self._addresses.save()
        self._audience.touch(touched)

    def _tell_observation(self) -> None:
        """What is seen of others, and what is wrong here."""
        self._problems = self._find_problems()
        seen = replace(
            self._heard.observation(self._cluster),
            problems=self._problems,
            believed=self._believed,
        )
        if self.reports.observation(seen):
            self._tell_controller(codec.OBSERVATION, self._cluster)

    def _find_problems(self) -> tuple[str, ...]:
        return tuple(filter(None, (self._source.trouble, self._doubt, *self._entry.troubles)))

    def _set_clusters(self) -> None:
        clusters = self._facts.clusters.values()
        self._tell_proxies(self.proxies.set_clusters(clusters, self._heard.sight))

    def _index_of(self, addresses: frozenset[str]) -> set[ServiceName]:
        """The services that have one of these addresses among their endpoints."""
        if not addresses:
            return set()
        return {
            name
            for name, seen in self._observed.items()
            if seen.local and any(e.address in addresses for e in seen.local.endpoints)
        }

    def _mark(self, services: set[ServiceName] | frozenset[ServiceName]) -> None:
        if services:
            self._dirty |= services
            self._events.dirty.set()

    # -- questions of the workload server --------------------------------------------------------

    def account_of(self, workload: str) -> str | None:
        """The service account a Pod runs as."""
        return account_of_workload(workload, self._source.objects)

    def zone_of(self, workload: str) -> str:
        """The zone a Pod runs in."""
        return zone_of_workload(workload, self._source.objects)

    # -- loops -----------------------------------------------------------------------------------

    async def run_planning(self) -> None:
        """Turn dirty services into reports and configuration."""
        while True:
            await self._events.dirty.wait()
            self._events.dirty.clear()
            await self.turn()

    async def turn(self) -> None:
        """One turn: all services that are dirty now."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        touched: list[Touch] = []
        while self._dirty:
            touched += self._look_at(self._dirty.pop(), loop.time())
            if loop.time() - started > TURN_SECONDS:
                self._tell_proxies(touched)
                touched = []
                await asyncio.sleep(0)
                started = loop.time()
        self._tell_proxies(touched + self.proxies.finish())
        if self._fresh and self._audience.is_quiet():
            self.on_quiet()
        if self._believes():
            self._first_seen.keep(self._exported())
            self._declare()
        if self._find_problems() != self._problems:
            self._tell_observation()
        self._events.status.set()
        self._events.times.set()

    def _exported(self) -> set[ServiceName]:
        return {n for n, o in self._observed.items() if o.valid is not None}

    def _believes(self) -> bool:
        """Whether what is here is the whole cluster. Once it was, the source goes on to know."""
        if self._is_believed or not self._source.synced:
            return self._is_believed
        before, self._doubt = (
            self._doubt,
            doubt(
                self._first_seen.names,
                self._exported(),
                has_objects=bool(self._source.objects),
                unread=self._source.unread,
            ),
        )
        if self._doubt and self._doubt != before:
            log.warning(event("source not believed", reason=self._doubt))
        self._is_believed = not self._doubt
        return self._is_believed

    def _look_at(self, name: ServiceName, now: float) -> list[Touch]:
        objects = self._source.objects
        slices = self._index.slices(name, objects)
        is_exported = Key("ServiceExport", *name) in objects
        seen = self._first_seen.see(name, wall_seconds()) if is_exported else 0
        observed = observe_service(
            name,
            slices,
            objects,
            self._cluster,
            first_seen=seen,
            verdicts=self._heard.verdicts,
        )
        is_live = name not in self._unseen
        self._unseen.discard(name)
        before = self._observed.get(name)
        for touched in self._tombstones.look(name, before, observed, now, live=is_live):
            self._tell_controller(codec.TOMBSTONE, str(touched))
        self._observed[name] = observed
        if observed.local is None and observed.valid is None:
            del self._observed[name]
        self._report(name, observed, now)
        facts = self._facts.of(name, self._cluster)
        sight = self._heard.sight
        shares = self._recovery.look(facts, observed.local, name, now, sight)
        if shares:
            self._events.times.set()
        coming_back = tuple(sorted(shares.items()))
        state = ServiceState(facts, observed.local, observed.export, coming_back, sight)
        return self.proxies.set_service(name, state)

    def _report(self, name: ServiceName, observed: Observed, now: float) -> None:
        """Report a service; one that is new waits until our own proxies can answer for it."""
        is_new = observed.export is not None and not self.reports.has_export(name)
        if is_new and self._is_synced:
            self._fresh.add(name, now)
            self._events.times.set()
            return
        self._fresh.drop(name)
        self._say(name, observed, now)

    def on_quiet(self) -> None:
        """Every supervisor has acknowledged all it was sent."""
        self._fresh.settle(asyncio.get_running_loop().time())
        if self._fresh:
            self._events.times.set()

    def report_fresh(self, now: float) -> None:
        """Report the exports that have waited long enough for our own proxies."""
        for name in self._fresh.ripe(now):
            if name in self._observed:
                self._say(name, self._observed[name], now)

    def _say(self, name: ServiceName, observed: Observed, now: float) -> None:
        if self.reports.export(name, observed.export):
            self._tell_controller(codec.EXPORT, str(name))
        if self.reports.headless(name, observed.headless):
            self._tell_controller(codec.HEADLESS, str(name))
        if self.reports.backend(name, observed.backend, now):
            self._tell_controller(codec.BACKEND, str(name))

    def _declare(self) -> None:
        """Say what is known as a whole: reports now, tables once facts are, too."""
        if not self.reports.table.is_complete(codec.EXPORT):
            self.reports.table.mark_complete(codec.EXPORT, codec.BACKEND, codec.HEADLESS)
            self._tell_controller(codec.EXPORT, "")
        if not self._is_synced and all(self.receiver.is_complete(t) for t in codec.FACTS):
            self._is_synced = True
            self.proxies.set_synced()
            self._audience.wake_all()
            log.info(event("synced", services=len(self._observed)))

    async def run_gateways(self) -> None:
        """Declare the gateways known after a while; forget those that are long silent.

        A cluster that never had one has nothing to withdraw, so its first ends the waiting.
        """
        if self._heard.never_had_a_gateway:
            await wait_for_event(self._events.gateways, GATEWAYS_WAIT_SECONDS)
        else:
            await asyncio.sleep(GATEWAYS_WAIT_SECONDS)
        self._has_met_proxies = True
        self._show_gateways()
        self.on_believed()
        self.reports.table.mark_complete(codec.GATEWAY)
        self._tell_controller(codec.GATEWAY, "")
        while True:
            await asyncio.sleep(GATEWAYS_LOOK_SECONDS)
            connected = self._audience.connected(Kind.GATEWAY)
            news = self._heard.forget(connected, wall_seconds())
            for name, _ in news.gateways:
                log.warning(event("gateway forgotten", gateway=name))
                self._tell_proxies(self.proxies.lose_gateway(name))
            self._take(news)

    def on_gone(self, kind: Kind, proxy_id: str) -> None:
        """Both streams of a proxy have ended. It may well go on serving without us."""
        self.proxies.forget(kind, proxy_id)
        is_known = bool(self.proxies.services_behind(proxy_id))
        self._take(self._heard.lose(kind, proxy_id, is_known=is_known))
        self._show_gateways()

    async def run_times(self) -> None:
        """What happens by time alone: counts that waited, exports no proxy confirmed, recovery."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            now = loop.time()
            due = self.pass_time(looked, now)
            looked = now
            await wait_for_event(self._events.times, None if due is None else due - now)

    def pass_time(self, since: float, now: float) -> float | None:
        """One turn of it, from the last one until now; returns when the next is due."""
        self._mark(self._recovery.changing(since, now))
        for name in self.reports.tick(now):
            self._tell_controller(codec.BACKEND, str(name))
        for name in self._tombstones.tick(now):
            self._tell_controller(codec.TOMBSTONE, str(name))
        self.report_fresh(now)
        own = (self.reports.due(), self._fresh.due(), self._tombstones.due())
        return min((d for d in (*own, self._recovery.due(now)) if d is not None), default=None)

    async def run_saving(self) -> None:
        """Keep the facts on disk, a moment after they changed."""
        await self._hold.run()

    async def run_status(self) -> None:
        """Show people what has become of their exports, a moment after it changed."""
        while True:
            await self._events.status.wait()
            await asyncio.sleep(STATUS_AFTER_SECONDS)
            self._events.status.clear()
            self._source.write_conditions(self.conditions())

    def conditions(self) -> dict[Key, tuple[Condition, ...]]:
        """The conditions of every ServiceExport here."""
        return {
            Key("ServiceExport", *name): conditions(
                observed.valid,
                self._facts.services.get(name),
                self._refused.get((codec.EXPORT, str(name)), ""),
                self._cluster,
            )
            for name, observed in self._observed.items()
            if observed.valid is not None
        }
