"""The agent's main flow, both directions: objects up as reports, facts down into proxies.

Level, not edge: changes only mark services as dirty; a turn looks at each dirty service as a whole
(`observe_service`, then `Proxies.set_service`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster_agent.entry.allocation import Addresses
from cluster_agent.entry.allocation_file import AddressFile
from cluster_agent.entry.entry import Entry
from cluster_agent.health.problems import Parts, Problems
from cluster_agent.health.proxy_reports import Heard, News
from cluster_agent.health.workload_checks import Recovery
from cluster_agent.observe.endpoints import account_of_workload, zone_of_workload
from cluster_agent.report.exporter import Exports
from cluster_agent.report.new_exports import SETTLE_SECONDS
from cluster_agent.serve.streams import Audience, Nobody
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Proxies
from cluster_agent.snapshot.tables import Touch
from cluster_agent.source.objects import Batch, Condition, Key
from cluster_agent.source.source import Source
from cluster_agent.uplink.facts import Facts, check_fact
from federation.model.checks import Finding
from federation.model.names import ClusterId, ServiceName
from federation.model.proxies import LEAVING, NO_LISTENER, TROUBLE, Kind, Proxy
from federation.model.types import SECRET
from federation.planning.damping import DAMPING, Damping
from federation.runtime.clock import wall_seconds
from federation.runtime.disk import Disk, File
from federation.runtime.logs import event
from federation.runtime.loops import Loop, troubles
from federation.runtime.tasks import wait_for_event
from federation.wire import codec
from federation.wire.last_good import Hold
from federation.xds.receiver import Change, Received, Receiver
from federation.xds.sender import Refused

log = logging.getLogger(__name__)

TURN_SECONDS = 0.02
"""Planning yields to the loop after this long, so streams stay alive while 2,000 services load."""
SOURCE_WAIT_SECONDS = 2.0
"""Sidecars that come before the source was read wait: in which zone they are is not known yet."""
STATUS_AFTER_SECONDS = 0.2
NAMES_WAIT_SECONDS = 2.0
"""How long a new address waits at most until the gateways have acknowledged its listener: whoever
is told of it earlier is refused there."""
LOOK_AROUND_SECONDS = 1.0
"""Between two looks at who is missing. Who was missing at the last look as well is told."""
GATEWAYS_LOOK_SECONDS = 60.0
GATEWAYS_WAIT_SECONDS = 3.0
"""After its start the agent waits this long for its gateways before it says it knows them all."""


@dataclass(slots=True)
class _Events:
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    status: asyncio.Event = field(default_factory=asyncio.Event)
    gateways: asyncio.Event = field(default_factory=asyncio.Event)
    times: asyncio.Event = field(default_factory=asyncio.Event)
    source: asyncio.Event = field(default_factory=asyncio.Event)


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
        loopback_endpoints: bool = False,
    ) -> None:
        self._anchors = anchors
        self._cluster = cluster
        self._source = source
        self.receiver = Receiver(f"agent/{cluster}", codec.FACTS, check_fact)
        self.disk = Disk()
        self._hold = Hold(state, self.receiver, codec.FACTS, self.disk)
        addresses = Addresses()
        self._addresses = AddressFile(state / "addresses.json", addresses, self.disk)
        self._entry = Entry(cluster, addresses, wall_seconds)
        proxyless = anchors is not None
        self.proxies = Proxies(
            cluster, self._entry, tcp_connection_seconds, serves_proxyless=proxyless
        )
        self._exports = Exports(
            cluster,
            source,
            state / "first-seen.json",
            self.disk,
            loopback_endpoints=loopback_endpoints,
        )
        self.reports = self._exports.reports
        self._facts = Facts()
        self._heard = Heard(state, self.disk)
        self._recovery = Recovery(cluster, damping)
        self._dirty: set[ServiceName] = set()
        self._problems = Problems()
        self._findings: tuple[Finding, ...] = ()
        self._away: dict[str, str] = {}
        self._strangers: tuple[str, ...] = ()
        self._missed: frozenset[str] = frozenset()
        self._events = _Events()
        self._is_synced = False
        self._has_met_proxies = False
        self._knows_gateways = False
        self._names_due: float | None = None
        self._names_end = 0.0
        self._looked: float | None = None
        self._loops: tuple[Loop, ...] = ()
        self._silent: tuple[str, ...] = ()
        self._believed: tuple[tuple[str, str], ...] = ()
        self._audience: Audience = Nobody()
        self._tell_controller: Callable[[str, str], None] = lambda _type, _name: None

    def connect(self, audience: Audience, tell_controller: Callable[[str, str], None]) -> None:
        """Say who hears of changes. Agent and servers need each other; this closes the ring."""
        self._audience = audience
        self._tell_controller = self._exports.tell = tell_controller

    def load(self) -> None:
        """Take back the last good facts, the gateways, and when exports were first seen."""
        gateways = self._heard.load()
        self._addresses.load()
        self._exports.set_offered(self._addresses.ranges)
        self._hold.load()
        for type_url in codec.FACTS:
            held = self.receiver.held(type_url).values()
            self._take_facts(tuple(Change(type_url, r.name, r) for r in held))
        for gateway in gateways:
            self.reports.gateway(gateway.name, gateway)
        self._exports.load()

    # -- what comes in ---------------------------------------------------------------------------

    def on_source(self, batch: Batch) -> None:
        """Objects of this cluster changed (or were all read for the first time)."""
        self._mark(self._exports.affected(batch))
        self._events.dirty.set()
        self._events.status.set()
        if self._source.synced:
            self._events.source.set()

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
            self.disk.keep(File(self._anchors, text.encode(), mode=0o644))

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
        if self._exports.refuse(refusals):
            self._events.status.set()

    def on_proxy(self, proxy: Proxy) -> None:
        """A proxy of this cluster said what it is."""
        news = self._heard.hear(proxy, wall_seconds())
        for found in news.rejected:
            is_own = found.type_url in (TROUBLE, NO_LISTENER)
            name = "proxy fails" if is_own else "proxy refused"
            log.warning(event(name, proxy=found.proxy, resource=found.name, reason=found.reason))
        self._take(news)
        self._mark(self.proxies.misplaced(proxy))
        self._tell_proxies(self.proxies.meet(proxy))
        self._mark(self._exports.set_offered(self._addresses.ranges))
        if proxy.kind is Kind.GATEWAY and proxy.state in LEAVING:
            self._entry.leave(proxy.id)
        self._show_gateways()

    def _show_gateways(self) -> None:
        """Lead clients without a sidecar to the gateways that are there.

        Not before those that served an earlier agent had the time to come back.
        """
        if self._has_met_proxies:
            self._tell_proxies(self.proxies.show_gateways(self._heard.serving(self._cluster)))

    def _take(self, news: News) -> None:
        """Look anew at what a word of a proxy concerns, and tell the controller of it."""
        self._mark(self._exports.with_addresses(news.addresses))
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
        if self.proxies.is_unfinished:
            self._events.dirty.set()
        if self._entry.has_waiting and self._names_due is None:
            self._names_end = asyncio.get_running_loop().time() + NAMES_WAIT_SECONDS
            self._names_due = self._names_end
            self._events.times.set()

    def _tell_observation(self) -> None:
        """What is seen of others, and what is wrong here."""
        self._findings = self._find_problems()
        seen = replace(
            self._heard.observation(self._cluster),
            findings=self._findings,
            believed=self._believed,
        )
        if self.reports.observation(seen):
            self._tell_controller(codec.OBSERVATION, self._cluster)

    def _find_problems(self) -> tuple[Finding, ...]:
        parts = Parts(
            trouble=self._source.trouble,
            doubt=self._exports.doubt,
            files=self._source.problems,
            exports=self._exports.odd,
            entry=self._entry.troubles,
            tasks=tuple(filter(None, (self._addresses.trouble, *troubles(self._loops)))),
            silent=[p for p in self._silent if p.removeprefix("gateway ") not in self._away],
            away=self._away,
            strangers=self._strangers,
            tokens=self._audience.ending_tokens(wall_seconds()),
            turned_away=self._audience.turned_away(wall_seconds()),
        )
        return self._problems.find(parts, wall_seconds())

    async def _look_around(self) -> None:
        """Who is missing, or is there and should not be, of which nobody else tells."""
        if self._has_met_proxies:
            away = self._heard.away(self._audience.connected(Kind.GATEWAY))
            self._away = {name: why for name, why in away.items() if name in self._missed}
            self._missed = frozenset(away)
        if self._source.synced:
            there = self._audience.connected(Kind.SIDECAR)
            self._strangers = tuple(sorted(w for w in there if self.account_of(w) is None))
        if self._find_problems() != self._findings:
            self._tell_observation()

    def _set_clusters(self) -> None:
        clusters = self._facts.clusters.values()
        self._tell_proxies(self.proxies.set_clusters(clusters, self._heard.reachability))

    def _mark(self, services: set[ServiceName] | frozenset[ServiceName]) -> None:
        if services:
            self._dirty |= services
            self._events.dirty.set()

    # -- questions of the workload server --------------------------------------------------------

    async def source_read(self) -> None:
        """Wait until the source was read as a whole, for `SOURCE_WAIT_SECONDS` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SOURCE_WAIT_SECONDS):
                await self._events.source.wait()

    def account_of(self, workload: str) -> str | None:
        """The service account a Pod runs as."""
        return account_of_workload(workload, self._source.objects)

    def zone_of(self, workload: str) -> str:
        """The zone a Pod runs in."""
        return zone_of_workload(workload, self._source.objects)

    # -- loops -----------------------------------------------------------------------------------

    def loops(self) -> tuple[Loop, ...]:
        """What the agent does for ever, next to its source and its links."""
        return (
            Loop("planning", self._plan),
            Loop("times", self._pass_times),
            Loop("gateways", self._look_at_gateways),
            Loop("missing", self._look_around, rest=LOOK_AROUND_SECONDS),
            Loop("status", self._show_status, says="status cannot be written"),
            self._hold.loop,
            self.disk.loop,
        )

    def watch(self, loops: Iterable[Loop]) -> None:
        """Tell the controller when one of these fails, and when it works again."""
        self._loops = tuple(loops)
        for loop in self._loops:
            loop.on_change = self._tell_observation

    async def _plan(self) -> None:
        """Turn dirty services into reports and configuration."""
        await self._events.dirty.wait()
        self._events.dirty.clear()
        try:
            await self.turn()
        except BaseException:
            self._events.dirty.set()  # what was not done is still dirty
            raise

    async def turn(self) -> None:
        """One turn: all services that are dirty now.

        One that cannot be looked at holds up no other; it stays dirty, and its error is raised.
        """
        self._dirty |= self._exports.take_unknown()
        await self._look_at_dirty()
        is_whole = self._exports.declare()
        if unknown := self._exports.take_unknown():
            self._dirty |= unknown
            await self._look_at_dirty()
        if (self._exports.has_waiting or self._entry.has_waiting) and self._audience.is_quiet():
            self.on_quiet()
        if is_whole:
            self._declare()
        if self._find_problems() != self._findings:
            self._tell_observation()
        self._events.status.set()
        self._events.times.set()

    async def _look_at_dirty(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        touched: list[Touch] = []
        failed: dict[ServiceName, Exception] = {}
        while self._dirty:
            name = self._dirty.pop()
            try:
                touched += self._look_at(name, loop.time())
            except Exception as error:  # noqa: BLE001 - raised when the others had their turn
                failed[name] = error
            if loop.time() - started > TURN_SECONDS:
                self._tell_proxies(touched)
                touched = []
                await asyncio.sleep(0)
                started = loop.time()
        self._dirty |= failed.keys()
        self._tell_proxies(touched + self.proxies.finish())
        for service, reason in failed.items():
            reason.add_note(f"while looking at service {service}")
            raise reason

    def _look_at(self, name: ServiceName, now: float) -> list[Touch]:
        local_health = self._heard.local_health
        observed = self._exports.look(name, local_health, now, may_wait=self._is_synced)
        if observed is None:
            return []  # proxies go on with what they have
        facts = self._facts.of(name, self._cluster)
        reachability = self._heard.reachability
        shares = self._recovery.look(facts, observed.local, name, now, reachability)
        if shares:
            self._events.times.set()
        coming_back = tuple(sorted(shares.items()))
        state = ServiceState(facts, observed.local, observed.export, coming_back, reachability)
        return self.proxies.set_service(name, state)

    def on_quiet(self) -> None:
        """Every supervisor has acknowledged all it was sent."""
        now = asyncio.get_running_loop().time()
        self._exports.settle(now)
        if self._names_due is not None:
            self._names_due = min(self._names_due, now + SETTLE_SECONDS)
        if self._exports.has_waiting or self._names_due is not None:
            self._events.times.set()

    def _declare(self) -> None:
        """Source and facts are known as wholes: let proxies hear what does not exist."""
        if not self._is_synced and all(self.receiver.is_complete(t) for t in codec.FACTS):
            self._is_synced = True
            self._tell_proxies(self.proxies.set_synced())
            self._audience.wake_all()
            log.info(event("synced", services=len(self._exports)))

    async def _look_at_gateways(self) -> None:
        """Declare the gateways known after a while; forget those that are long silent."""
        if not self._knows_gateways:
            await self._meet_gateways()
            return
        await asyncio.sleep(GATEWAYS_LOOK_SECONDS)
        connected = self._audience.connected(Kind.GATEWAY)
        news = self._heard.forget(connected, wall_seconds())
        for name, _ in news.gateways:
            log.warning(event("gateway forgotten", gateway=name))
            self._tell_proxies(self.proxies.lose_gateway(name))
        self._take(news)
        self._tell_proxies(self.proxies.lose_gone_gateways())

    async def _meet_gateways(self) -> None:
        """A cluster that never had one has nothing to withdraw, so its first ends the waiting."""
        if self._heard.never_had_a_gateway:
            await wait_for_event(self._events.gateways, GATEWAYS_WAIT_SECONDS)
        else:
            await asyncio.sleep(GATEWAYS_WAIT_SECONDS)
        self._has_met_proxies = True
        self._show_gateways()
        self.on_believed()
        self.reports.table.mark_complete(codec.GATEWAY)
        self._tell_controller(codec.GATEWAY, "")
        self._knows_gateways = True

    def on_silent(self, proxies: tuple[str, ...]) -> None:
        """These proxies say nothing any more. They may well go on serving without us."""
        self._silent = proxies
        self._tell_observation()

    def on_gone(self, kind: Kind, proxy_id: str) -> None:
        """Both streams of a proxy have ended. It may well go on serving without us."""
        self.proxies.forget(kind, proxy_id)
        is_known = bool(self.proxies.services_behind(proxy_id))
        self._take(self._heard.lose(kind, proxy_id, is_known=is_known))
        self._show_gateways()

    async def _pass_times(self) -> None:
        """What happens by time alone: counts that waited, exports no proxy confirmed, recovery."""
        now = asyncio.get_running_loop().time()
        due = self.pass_time(now if self._looked is None else self._looked, now)
        self._looked = now
        await wait_for_event(self._events.times, None if due is None else due - now)

    def pass_time(self, since: float, now: float) -> float | None:
        """One turn of it, from the last one until now; returns when the next is due."""
        self._mark(self._recovery.changing(since, now))
        self._exports.tick(now)
        if self._names_due is not None and self._names_due <= now:
            if now < self._names_end and not self._audience.is_quiet():
                self._names_due = self._names_end  # another listener has been sent meanwhile
            else:
                self._names_due = None
                self._tell_proxies(self.proxies.release_names())
        times = (self._exports.due(), self._recovery.due(now), self._names_due)
        return min((at for at in times if at is not None), default=None)

    async def _show_status(self) -> None:
        """Show people what has become of their exports, a moment after it changed."""
        await self._events.status.wait()
        await asyncio.sleep(STATUS_AFTER_SECONDS)
        self._source.write_conditions(self.conditions())
        self._events.status.clear()

    def conditions(self) -> dict[Key, tuple[Condition, ...]]:
        """The conditions of every ServiceExport here."""
        return self._exports.conditions(self._facts.services)
