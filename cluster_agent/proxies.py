"""From facts and local endpoints to what each proxy of this cluster is sent.

In: one service (facts, local endpoints, export), the bundles, a proxy that introduced itself. Out:
tables of Envoy resources, in layers: `secrets` for all, `gateways` for all gateways, `zone/Z` for
all sidecars of a zone, and one of its own for each proxy. Calls return what was touched, so that
`cluster_agent.workloads` wakes only the streams concerned.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from federation.envoy.build import CLUSTERSET, Resource, spiffe_validation
from federation.model.exports import Export, Transport, app_protocol
from federation.model.imports import Bundle, Importer, LocalService, ServiceFacts
from federation.model.locality import Locality
from federation.model.names import ClusterId, ServiceName, sni
from federation.model.proxies import Kind, Proxy
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET
from federation.planning.plan import plan_service
from federation.xds.resources import resource
from federation.xds.snapshot import Layers, Table
from gateway.compile import CHECK_SECONDS, compile_listener, compile_service
from sidecar.compile import (
    OUTBOUND,
    Inbound,
    InboundPort,
    compile_inbound,
    compile_outbound,
    compile_routes,
    virtual_hosts,
)

TYPES = (SECRET, CLUSTER, ENDPOINTS, LISTENER, ROUTE)
MAX_CHECKS_PER_SECOND = 400
"""Of one gateway; each is a TLS handshake of about half a millisecond of one core."""

SECRETS = "secrets"
GATEWAYS = "gateways"


@dataclass(frozen=True, slots=True)
class Touch:
    """A resource of a table that changed."""

    table: str
    type_url: str
    name: str


@dataclass(frozen=True, slots=True)
class ServiceState:
    """All that is known of one service here; each part is None when it does not exist.

    `shares`: clusters that are coming back, with their share of the traffic in percent.
    """

    facts: ServiceFacts | None
    local: LocalService | None
    export: Export | None
    shares: tuple[tuple[ClusterId, int], ...] = ()


def zone_table(zone: str) -> str:
    """The table that sidecars of a zone share."""
    return f"zone/{zone}"


def own_table(kind: Kind, proxy_id: str) -> str:
    """The table of one proxy alone."""
    return f"{kind}/{proxy_id}"


class Proxies:
    """The tables of all proxies of one cluster."""

    def __init__(self, here: ClusterId) -> None:
        self._here = here
        self._tables: dict[str, Table] = {SECRETS: Table(), GATEWAYS: Table()}
        self._made: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self._hosts: dict[str, dict[ServiceName, tuple[bytes, ...]]] = {}
        self._stale_routes: set[str] = set()
        self._services: dict[ServiceName, ServiceState] = {}
        self._behind: dict[str, set[ServiceName]] = {}
        self._sidecars: dict[str, Proxy] = {}
        self._region = ""
        self._synced = False
        self._checks = 0
        self._check_interval = CHECK_SECONDS

    def set_region(self, region: str) -> list[Touch]:
        """Say in which region this cluster lies; plans of all services depend on it."""
        if region == self._region:
            return []
        self._region = region
        known = tuple(self._services.items())
        return [t for name, state in known for t in self.set_service(name, state)]

    def set_synced(self) -> tuple[str, ...]:
        """Facts and source are known as wholes: what no table holds does not exist.

        Returns the tables whose streams may now speak.
        """
        self._synced = True
        for table in self._tables.values():
            table.mark_complete(*TYPES)
        return tuple(self._tables)

    def layers(self, kind: Kind, proxy_id: str, zone: str) -> tuple[str, ...]:
        """The tables that one proxy is fed from, made when they are new."""
        common = GATEWAYS if kind is Kind.GATEWAY else zone_table(zone)
        if common not in self._tables:
            self._add_zone(zone)
        self._tables.setdefault(own_table(kind, proxy_id), Table())
        return own_table(kind, proxy_id), common, SECRETS

    def view(self, layers: Iterable[str]) -> Layers:
        """Those tables as one."""
        return Layers(*(self._tables[name] for name in layers))

    def _add_zone(self, zone: str) -> None:
        table = self._tables[zone_table(zone)] = Table()
        self._hosts[zone] = {}
        for name, state in self._services.items():
            self._plan(name, state, zone)
        self._stale_routes.add(zone)
        self.finish()
        if self._synced:
            table.mark_complete(*TYPES)

    def set_bundles(self, bundles: Iterable[Bundle]) -> list[Touch]:
        """Whom proxies trust: one bundle per trust domain."""
        body = spiffe_validation(sorted(bundles, key=lambda bundle: bundle.trust_domain))
        changed = self._tables[SECRETS].put(SECRET, resource(CLUSTERSET, body))
        return [Touch(SECRETS, SECRET, CLUSTERSET)] if changed else []

    def set_service(self, name: ServiceName, state: ServiceState) -> list[Touch]:
        """Plan and compile one service anew, wherever it is used. Follow with `finish`."""
        before = self._services.pop(name, None)
        if state.facts is not None or state.local is not None:
            self._services[name] = state
        touched = self._serve_by_gateways(name, before, state)
        for zone in self._hosts:
            touched += self._plan(name, state, zone)
        for workload in sorted(self._index(name, before, state)):
            touched += self._compile_sidecar(workload)
        return touched

    def _serve_by_gateways(
        self, name: ServiceName, before: ServiceState | None, after: ServiceState
    ) -> list[Touch]:
        """Compile one service for the gateways, or all when they must check less often."""
        self._checks += _count_checks(after) - _count_checks(before)
        interval = check_interval(self._checks)
        if interval == self._check_interval:
            return self._put(GATEWAYS, str(name), _gateway_resources(after, interval))
        self._check_interval = interval
        everyone = {**self._services, name: after}
        return [
            touch
            for other, state in everyone.items()
            for touch in self._put(GATEWAYS, str(other), _gateway_resources(state, interval))
        ]

    def _index(
        self, name: ServiceName, before: ServiceState | None, after: ServiceState
    ) -> set[str]:
        """Note which workloads stand behind a service; returns those it did or does concern."""
        for workload in _workloads(before):
            self._behind[workload].discard(name)
            if not self._behind[workload]:
                del self._behind[workload]
        for workload in _workloads(after):
            self._behind.setdefault(workload, set()).add(name)
        return _workloads(before) | _workloads(after)

    def _plan(self, name: ServiceName, state: ServiceState, zone: str) -> list[Touch]:
        found: tuple[Resource, ...] = ()
        hosts: tuple[bytes, ...] = ()
        if state.facts is not None:
            importer = Importer(self._here, Locality(self._region, zone))
            plan = plan_service(state.facts, state.local, importer, dict(state.shares))
            found, hosts = compile_outbound(plan), virtual_hosts(plan)
        if hosts != self._hosts[zone].get(name, ()):
            self._stale_routes.add(zone)
            self._hosts[zone][name] = hosts
        if not hosts:
            self._hosts[zone].pop(name, None)
        return self._put(zone_table(zone), str(name), found)

    def finish(self) -> list[Touch]:
        """Rebuild the route tables of zones in which virtual hosts changed."""
        touched = []
        for zone in sorted(self._stale_routes):
            hosts = self._hosts[zone]
            body = compile_routes(host for name in sorted(hosts) for host in hosts[name])
            if self._tables[zone_table(zone)].put(ROUTE, resource(OUTBOUND, body)):
                touched.append(Touch(zone_table(zone), ROUTE, OUTBOUND))
        self._stale_routes.clear()
        return touched

    def services_behind(self, workload: str) -> frozenset[ServiceName]:
        """The services that have this workload among their endpoints."""
        return frozenset(self._behind.get(workload, ()))

    def meet(self, proxy: Proxy) -> list[Touch]:
        """A proxy has said who and where it is."""
        if proxy.kind is Kind.SIDECAR:
            self._sidecars[proxy.id] = proxy
            return self._compile_sidecar(proxy.id)
        table = own_table(proxy.kind, proxy.id)
        self._tables.setdefault(table, Table()).mark_complete(*TYPES)
        return self._put(table, "listener", (compile_listener(proxy.address, proxy.port),))

    def forget(self, kind: Kind, proxy_id: str) -> None:
        """A proxy has gone; when it comes back it says again who it is."""
        if kind is Kind.SIDECAR:
            self._sidecars.pop(proxy_id, None)
        table = own_table(kind, proxy_id)
        self._tables.pop(table, None)
        for owner in ("listener", "inbound"):
            self._made.pop((table, owner), None)

    def _compile_sidecar(self, workload: str) -> list[Touch]:
        proxy = self._sidecars.get(workload)
        if proxy is None:
            return []
        behind = self._behind.get(workload, set())
        ports = [p for name in behind for p in _inbound_ports(self._services[name], workload)]
        inbound = Inbound(
            workload,
            proxy.address,
            proxy.app_address,
            tuple(sorted(ports)),
            proxy.outbound_address,
            proxy.outbound_port,
            proxy.port,
        )
        table = own_table(proxy.kind, workload)
        self._tables.setdefault(table, Table()).mark_complete(*TYPES)
        return self._put(table, "inbound", compile_inbound(inbound))

    def _put(self, table: str, owner: str, wanted: tuple[Resource, ...]) -> list[Touch]:
        """Make `wanted` the resources that `owner` has in a table; returns what changed."""
        made = self._made.pop((table, owner), set())
        now = {(found.type_url, found.name) for found in wanted}
        if now:
            self._made[table, owner] = now
        target = self._tables[table]
        touched = [
            Touch(table, found.type_url, found.name)
            for found in wanted
            if target.put(found.type_url, resource(found.name, found.body))
        ]
        for type_url, name in sorted(made - now):
            if target.drop(type_url, name):
                touched.append(Touch(table, type_url, name))
        return touched


def _gateway_resources(state: ServiceState, interval: float) -> tuple[Resource, ...]:
    if state.local is None or state.export is None:
        return ()
    return compile_service(state.local, state.export.ports, interval)


def _count_checks(state: ServiceState | None) -> int:
    """How many addresses a gateway checks for one service."""
    if state is None or state.local is None or state.export is None:
        return 0
    ports = sum(port.transport is Transport.TCP for port in state.export.ports)
    return ports * sum(endpoint.sidecar for endpoint in state.local.endpoints)


def check_interval(checks: int) -> float:
    """Seconds between two checks of one address, so that a gateway's checks stay bounded.

    Doubles in steps, since a changed interval replaces every cluster of the gateway.
    """
    interval = CHECK_SECONDS
    while checks / interval > MAX_CHECKS_PER_SECOND:
        interval *= 2
    return interval


def _workloads(state: ServiceState | None) -> set[str]:
    if state is None or state.local is None:
        return set()
    return {e.workload for e in state.local.endpoints if e.workload}


def _inbound_ports(state: ServiceState, workload: str) -> list[InboundPort]:
    """By which names an exported service reaches this workload."""
    if state.local is None or state.export is None:
        return []
    by_number = {p.number: p for p in state.export.ports if p.transport is Transport.TCP}
    return [
        InboundPort(sni(state.local.name, number), target, app_protocol(by_number[number]))
        for endpoint in state.local.endpoints
        if endpoint.workload == workload
        for number, target in endpoint.targets
        if number in by_number
    ]
