"""The agent's main flow, both directions: objects up as reports, facts down into proxies.

Level, not edge: changes only mark services as dirty; a turn looks at each dirty service as a whole
(`observe_service`, then `Proxies.set_service`).
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cluster_agent.audience import Audience, Nobody
from cluster_agent.conditions import conditions
from cluster_agent.facts import Facts
from cluster_agent.firstseen import FirstSeen
from cluster_agent.gateways import Gateways
from cluster_agent.observe import (
    Index,
    Observed,
    account_of_workload,
    observe_service,
    zone_of_workload,
)
from cluster_agent.proxies import Proxies, ServiceState, Touch
from cluster_agent.reports import Reports
from cluster_agent.seen import Checks, Recovery
from cluster_agent.sources.source import Condition, Key, Source
from federation.model.names import ClusterId, ServiceName
from federation.model.proxies import Kind, Proxy, State
from federation.planning.recovery import DAMPING, Damping
from federation.runtime.clock import wall_seconds
from federation.runtime.logs import event
from federation.runtime.tasks import wait_for_event
from federation.wire import codec, hold
from federation.xds.receiver import Change, Received, Receiver
from federation.xds.resources import Resource
from federation.xds.session import Refused

log = logging.getLogger(__name__)

TURN_SECONDS = 0.02
"""Planning yields to the loop after this long, so streams stay alive while 2,000 services load."""
SAVE_AFTER_SECONDS = 0.2
STATUS_AFTER_SECONDS = 0.2
FRESH_SECONDS = 0.2
"""How long a new export waits at most until this cluster's proxies have acknowledged it."""
SETTLE_SECONDS = 0.03
GATEWAYS_LOOK_SECONDS = 60.0
GATEWAYS_WAIT_SECONDS = 3.0
"""After its start the agent waits this long for its gateways before it says it knows them all."""


@dataclass(slots=True)
class _Events:
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    facts: asyncio.Event = field(default_factory=asyncio.Event)
    status: asyncio.Event = field(default_factory=asyncio.Event)
    gateways: asyncio.Event = field(default_factory=asyncio.Event)
    times: asyncio.Event = field(default_factory=asyncio.Event)


class Agent:
    """State of one cluster and the flow through it."""

    def __init__(
        self, cluster: ClusterId, source: Source, state: Path, damping: Damping = DAMPING
    ) -> None:
        self._cluster = cluster
        self._source = source
        self._state = state
        self.receiver = Receiver(f"agent/{cluster}", codec.FACTS, _check_fact)
        self.proxies = Proxies(cluster)
        self.reports = Reports()
        self._facts = Facts()
        self._index = Index()
        self._gateways = Gateways(state / "gateways.json")
        self._observed: dict[ServiceName, Observed] = {}
        self._leaving: set[str] = set()
        self._checks = Checks()
        self._recovery = Recovery(cluster, damping)
        self._first_seen = FirstSeen(state / "first-seen.json")
        self._refused: dict[tuple[str, str], str] = {}
        self._dirty: set[ServiceName] = set()
        self._fresh: dict[ServiceName, float] = {}
        self._events = _Events()
        self._unsaved: set[str] = set()
        self._is_synced = False
        self._audience: Audience = Nobody()
        self._tell_controller: Callable[[str, str], None] = lambda _type, _name: None

    def connect(self, audience: Audience, tell_controller: Callable[[str, str], None]) -> None:
        """Say who hears of changes. Agent and servers need each other; this closes the ring."""
        self._audience = audience
        self._tell_controller = tell_controller

    def load(self) -> None:
        """Take back the last good facts, the gateways, and when exports were first seen."""
        hold.load(self._state, self.receiver, codec.FACTS)
        for type_url in codec.FACTS:
            held = self.receiver.held(type_url).values()
            self._take_facts(tuple(Change(type_url, r.name, r) for r in held))
        for gateway in self._gateways.load():
            self.reports.gateway(gateway.name, gateway)
        self._first_seen.load()

    # -- what comes in ---------------------------------------------------------------------------

    def on_source(self, changed: set[Key]) -> None:
        """Objects of this cluster changed (or were all read for the first time)."""
        self._mark(self._index.affected(changed, self._source.objects))
        if self._source.synced:
            self._events.dirty.set()
        self._events.status.set()

    def on_facts(self, received: Received) -> None:
        """The controller told something."""
        self._take_facts(received.changes)
        if received.changes or received.completed:
            self._unsaved.add(received.reply.type_url)
            self._events.facts.set()
            self._events.dirty.set()

    def _take_facts(self, changes: tuple[Change, ...]) -> None:
        concerned = self._facts.apply(changes)
        self._mark(concerned.services)
        if concerned.bundles:
            self._audience.touch(self.proxies.set_bundles(self._facts.bundles.values()))
        here = self._facts.clusters.get(self._cluster)
        if here is not None:
            self._audience.touch(self.proxies.set_region(here.region))

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
        for refusal in proxy.refused:
            log.warning(
                event("proxy refused", proxy=proxy.id, resource=refusal.name, reason=refusal.reason)
            )
        if proxy.kind is Kind.GATEWAY:
            self._mark(self._index_of(self._checks.hear(proxy)))
            for name, gateway in self._gateways.hear(proxy, wall_seconds()):
                if self.reports.gateway(name, gateway):
                    self._tell_controller(codec.GATEWAY, name)
                self._events.gateways.set()
        elif self._note_leaving(proxy):
            behind = self.proxies.services_behind(proxy.id)
            self._mark(behind)
        self._audience.touch(self.proxies.meet(proxy))

    def _index_of(self, addresses: frozenset[str]) -> set[ServiceName]:
        """The services that have one of these addresses among their endpoints."""
        if not addresses:
            return set()
        return {
            name
            for name, seen in self._observed.items()
            if seen.local and any(e.address in addresses for e in seen.local.endpoints)
        }

    def _note_leaving(self, proxy: Proxy) -> bool:
        """Whether a sidecar just said that it goes, or that it is back."""
        was_leaving = proxy.id in self._leaving
        if proxy.state in (State.DRAINING, State.STOPPED):
            self._leaving.add(proxy.id)
        elif proxy.state is State.SERVING:
            self._leaving.discard(proxy.id)
        return was_leaving != (proxy.id in self._leaving)

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
                self._audience.touch(touched)
                touched = []
                await asyncio.sleep(0)
                started = loop.time()
        self._audience.touch(touched + self.proxies.finish())
        if self._fresh and self._audience.is_quiet():
            self.on_quiet()
        if self._source.synced:
            self._first_seen.keep({n for n, o in self._observed.items() if o.valid is not None})
        self._declare()
        self._events.status.set()
        self._events.times.set()

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
            leaving=self._leaving,
            failing=self._checks.failing,
        )
        self._observed[name] = observed
        if observed.local is None and observed.valid is None:
            del self._observed[name]
        self._report(name, observed, now)
        facts = self._facts.of(name, self._cluster)
        shares = self._recovery.look(facts, observed.local, name, now)
        if shares:
            self._events.times.set()
        state = ServiceState(facts, observed.local, observed.export, tuple(sorted(shares.items())))
        return self.proxies.set_service(name, state)

    def _report(self, name: ServiceName, observed: Observed, now: float) -> None:
        """Report a service; one that is new waits until our own proxies can answer for it."""
        is_new = observed.export is not None and not self.reports.has_export(name)
        if is_new and self._is_synced:
            self._fresh.setdefault(name, now + FRESH_SECONDS)
            self._events.times.set()
            return
        self._fresh.pop(name, None)
        self._say(name, observed, now)

    def on_quiet(self) -> None:
        """Every supervisor has acknowledged all it was sent; its Envoy takes it a moment later."""
        settled = asyncio.get_running_loop().time() + SETTLE_SECONDS
        self._fresh = {name: min(due, settled) for name, due in self._fresh.items()}
        if self._fresh:
            self._events.times.set()

    def report_fresh(self) -> None:
        """Report the exports that waited for our own proxies."""
        now = asyncio.get_running_loop().time()
        fresh, self._fresh = self._fresh, {}
        for name in fresh:
            if name in self._observed:
                self._say(name, self._observed[name], now)

    def _say(self, name: ServiceName, observed: Observed, now: float) -> None:
        if self.reports.export(name, observed.export):
            self._tell_controller(codec.EXPORT, str(name))
        if self.reports.backend(name, observed.backend, now):
            self._tell_controller(codec.BACKEND, str(name))

    def _declare(self) -> None:
        """Say what is known as a whole: reports once the source is, tables once facts are too."""
        if not self._source.synced:
            return
        if not self.reports.table.is_complete(codec.EXPORT):
            self.reports.table.mark_complete(codec.EXPORT, codec.BACKEND)
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
        if self._gateways.is_new:
            await wait_for_event(self._events.gateways, GATEWAYS_WAIT_SECONDS)
        else:
            await asyncio.sleep(GATEWAYS_WAIT_SECONDS)
        self.reports.table.mark_complete(codec.GATEWAY)
        self._tell_controller(codec.GATEWAY, "")
        while True:
            await asyncio.sleep(GATEWAYS_LOOK_SECONDS)
            connected = self._audience.connected(Kind.GATEWAY)
            for name in self._gateways.forget(connected, wall_seconds()):
                log.warning(event("gateway forgotten", gateway=name))
                self._checks.forget(name)
                if self.reports.gateway(name, None):
                    self._tell_controller(codec.GATEWAY, name)

    def on_gone(self, kind: Kind, proxy_id: str) -> None:
        """Both streams of a proxy have ended. It may well go on serving without us."""
        self.proxies.forget(kind, proxy_id)
        if not self.proxies.services_behind(proxy_id):
            self._leaving.discard(proxy_id)

    async def run_times(self) -> None:
        """What happens by time alone: counts that waited, exports no proxy confirmed, recovery."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            now = loop.time()
            self._mark(self._recovery.changing(looked, now))
            looked = now
            for name in self.reports.tick(now):
                self._tell_controller(codec.BACKEND, str(name))
            if any(now >= due for due in self._fresh.values()):
                self.report_fresh()
            own = (self.reports.due(), self._recovery.due(now), *self._fresh.values())
            dues = [due for due in own if due is not None]
            await wait_for_event(self._events.times, min(dues) - now if dues else None)

    async def run_saving(self) -> None:
        """Keep the facts on disk, a moment after they changed."""
        while True:
            await self._events.facts.wait()
            await asyncio.sleep(SAVE_AFTER_SECONDS)
            self._events.facts.clear()
            types, self._unsaved = self._unsaved, set()
            try:
                hold.save(self._state, self.receiver, types)
            except OSError as error:
                self._unsaved |= types
                log.warning(event("facts cannot be written", reason=error.strerror))

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


def _check_fact(type_url: str, found: Resource) -> None:
    codec.DECODERS[type_url](found.body)
