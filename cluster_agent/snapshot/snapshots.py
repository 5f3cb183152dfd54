"""From facts and local endpoints to what each proxy of this cluster is sent.

In: one service (facts, local endpoints, export), the bundles, a proxy that introduced itself. Out:
tables of Envoy resources (`cluster_agent.snapshot.tables`), in layers: `secrets` for all,
`gateways` for all gateways, `zone/Z` for all sidecars of a zone, `entry` for gateways that serve
clients without a sidecar, `names` for DNS servers, `proxyless` for gRPC's own xDS clients, and one
of its own for each proxy. Calls return what was touched, so that `cluster_agent.serve.proxy_server`
wakes only the streams concerned. `finish` comes after them: routes are built there, and only then
goes what is gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cluster_agent.entry.entry import NAMES, Entry, variants
from cluster_agent.entry.entry import Made as EntryMade
from cluster_agent.observe.workload_services import Behind
from cluster_agent.snapshot.service_state import (
    MAX_REMOTE_CHECKS_PER_SECOND,
    ServiceState,
    bounded,
    check_interval,
    count_checks,
    gateway_resources,
    inbound_ports,
)
from cluster_agent.snapshot.sidecar_addresses import is_in_place
from cluster_agent.snapshot.tables import Tables, Touch
from cluster_agent.snapshot.upstreams import Made, Upstreams
from cluster_agent.snapshot.validation_secrets import Trusts
from federation.envoy.build import Resource, domains_of
from federation.envoy.http import Gate
from federation.envoy.identity import ENTRY_IDENTITY
from federation.model.facts import Bundle, Cluster
from federation.model.locality import Locality
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import ALL_REACHABLE, Importer, Reachability
from federation.model.proxies import Kind, Proxy
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET
from federation.planning.plan import plan_service
from federation.wire import codec
from federation.xds.snapshot import Layers
from gateway.compile import OFTEN, Checking, compile_listener, compile_terminated
from gateway.remotes import (
    REMOTE_CHECK_SECONDS,
    SIBLING_CHECK_SECONDS,
    compile_remotes,
    compile_siblings,
)
from sidecar.compile import Inbound, compile_inbound
from sidecar.outbound import OUTBOUND, compile_outbound, compile_routes, virtual_hosts
from sidecar.proxyless import compile_proxyless

TYPES = (SECRET, CLUSTER, ENDPOINTS, LISTENER, ROUTE)

SECRETS = "secrets"
GATEWAYS = "gateways"
ENTRY = "entry"
PROXYLESS = "proxyless"
SHARED = (SECRETS, GATEWAYS, ENTRY, NAMES, PROXYLESS)
PROXYLESS_TYPES = (LISTENER, CLUSTER, ENDPOINTS)


def zone_table(zone: str) -> str:
    """The table that sidecars of a zone share."""
    return f"zone/{zone}"


def own_table(kind: Kind, proxy_id: str) -> str:
    """The table of one proxy alone."""
    return f"{kind}/{proxy_id}"


class Proxies:
    """The tables of all proxies of one cluster."""

    def __init__(
        self,
        here: ClusterId,
        entry: Entry,
        tcp_connection_seconds: float = 0,
        *,
        serves_proxyless: bool = False,
    ) -> None:
        self._here = here
        self._entry = entry
        self._tcp_connection_seconds = tcp_connection_seconds
        self._serves_proxyless = serves_proxyless
        self._tables = Tables(SHARED)
        self._hosts: dict[str, dict[ServiceName, tuple[bytes, ...]]] = {}
        self._stale_routes: set[str] = set()
        self._services: dict[ServiceName, ServiceState] = {}
        self._behind = Behind()
        self._sidecars: dict[str, Proxy] = {}
        self._gateways: set[str] = set()
        self._own: Cluster | None = None
        self._upstreams = Upstreams()
        self._trusts = Trusts()
        self._region = ""
        self._synced = False
        self._checks = 0
        self._checking = OFTEN
        self._revoked: tuple[str, ...] = ()
        self._show_terminated()

    def set_region(self, region: str) -> list[Touch]:
        """Say in which region this cluster lies; plans of all services depend on it."""
        if region == self._region:
            return []
        self._region = region
        known = tuple(self._services.items())
        return [t for name, state in known for t in self.set_service(name, state)]

    def set_synced(self) -> list[Touch]:
        """Facts and source are known as wholes: what no table holds does not exist.

        Only now there are resources that say something about all services, such as the routes of a
        zone: a part of them would take the rest away.
        """
        self._synced = True
        self._entry.set_synced()
        touched = self.finish()
        for workload in sorted(self._sidecars):
            touched += self._compile_sidecar(workload)
        for table in (*SHARED, *map(zone_table, self._hosts)):
            self._tables.open(table).mark_complete(*TYPES)
        self._tables.open(NAMES).mark_complete(*codec.NAMES)
        return touched

    def admit(
        self, kind: Kind, proxy_id: str, zone: str, *, has_entry: bool = False
    ) -> tuple[tuple[str, ...], list[Touch]]:
        """The tables that one proxy is fed from, made when they are new, and what that touched.

        The first sidecar of a zone may need secrets that proxies of other tables need as well.
        """
        own = own_table(kind, proxy_id)
        self._tables.open(own)
        if kind is Kind.GATEWAY:
            entry = (ENTRY,) if has_entry else ()
            return (own, GATEWAYS, *entry, SECRETS), []
        touched = [] if zone_table(zone) in self._tables else self._add_zone(zone)
        touched += self._put_upstreams(proxy_id, self._upstreams.place(proxy_id, zone))
        return (own, zone_table(zone), SECRETS), touched

    def view(self, layers: Iterable[str]) -> Layers:
        """Those tables as one."""
        return self._tables.view(layers)

    def _add_zone(self, zone: str) -> list[Touch]:
        table = self._tables.open(zone_table(zone))
        self._hosts[zone] = {}
        known = self._services.items()
        touched = [t for name, state in known for t in self._plan(name, state, zone)]
        touched += self._build_routes(zone)
        if self._synced:
            table.mark_complete(*TYPES)
        return touched

    def set_bundles(self, bundles: Iterable[Bundle]) -> list[Touch]:
        """Whom proxies trust: one bundle per trust domain."""
        known = tuple(bundles)
        touched = self._show_trusts(self._trusts.set_bundles(known))
        revoked = tuple(sorted(b.trust_domain for b in known if not b.anchors))
        return touched + (self._revoke(revoked) if revoked != self._revoked else [])

    def _revoke(self, trust_domains: tuple[str, ...]) -> list[Touch]:
        """Refuse what identities of these ask over connections that are open, everywhere."""
        self._revoked = trust_domains
        touched = self._show_terminated()
        for workload in self._sidecars:
            touched += self._compile_sidecar(workload)
        return touched

    def _show_terminated(self) -> list[Touch]:
        """The routes that all gateways share."""
        made = compile_terminated(Gate(self._revoked, self._tcp_connection_seconds))
        return self._tables.put_one(GATEWAYS, ROUTE, made.name, made.body)

    def _show_trusts(self, changed: Mapping[str, bytes | None]) -> list[Touch]:
        touched = []
        for name, body in changed.items():
            if body is None:
                self._tables.leave(SECRETS, SECRET, name)
            else:
                touched += self._tables.put_one(SECRETS, SECRET, name, body)
        return touched

    def set_clusters(
        self, clusters: Iterable[Cluster], reachability: Reachability = ALL_REACHABLE
    ) -> list[Touch]:
        """Whose gateways our gateways check, with more patience when they are far."""
        known = tuple(clusters)
        others = [cluster for cluster in known if cluster.id != self._here]
        count = sum(len(cluster.gateways) for cluster in others)
        interval = bounded(REMOTE_CHECK_SECONDS, count, MAX_REMOTE_CHECKS_PER_SECOND)
        made = compile_remotes(self._here, others, dict(reachability.rtt), interval)
        asked = [(cluster.trust_domain,) for cluster in others if cluster.gateways]
        touched = self._show_trusts(self._trusts.want("remotes", asked))
        touched += self._tables.put(GATEWAYS, "remotes", made)
        touched += self._tables.put(NAMES, "gateways", self._entry.gateways_of(known))
        self._own = next((c for c in known if c.id == self._here), None)
        for gateway in sorted(self._gateways):
            touched += self._check_siblings(gateway)
        own = self._own.trust_domain if self._own else ""
        return touched + self._check_as(replace(self._checking, trust_domain=own))

    def _check_siblings(self, gateway: str) -> list[Touch]:
        """What a gateway checks of the others of its cluster."""
        if self._own is None:
            return []
        count = len(self._own.gateways)
        interval = bounded(SIBLING_CHECK_SECONDS, count, MAX_REMOTE_CHECKS_PER_SECOND)
        found = compile_siblings(self._own, gateway, interval)
        return self._tables.put(own_table(Kind.GATEWAY, gateway), "siblings", found)

    def _check_as(self, checking: Checking) -> list[Touch]:
        """Compile all services for the gateways anew when they must check otherwise."""
        if checking == self._checking:
            return []
        self._checking = checking
        own = [(checking.trust_domain,)] if checking.trust_domain else []
        touched = self._show_trusts(self._trusts.want("own", own))
        for name, state in self._services.items():
            touched += self._tables.put(GATEWAYS, str(name), gateway_resources(state, checking))
        return touched

    def set_service(self, name: ServiceName, state: ServiceState) -> list[Touch]:
        """Plan and compile one service anew, wherever it is used. Follow with `finish`."""
        before = self._services.pop(name, None)
        if state.facts is not None or state.local is not None:
            self._services[name] = state
        touched = self._serve_by_gateways(name, before, state)
        for zone in self._hosts:
            touched += self._plan(name, state, zone)
        touched += self._plan_entry(name, state)
        for workload in sorted(self._behind.note(name, state.local)):
            touched += self._compile_sidecar(workload)
        return touched

    def _serve_by_gateways(
        self, name: ServiceName, before: ServiceState | None, after: ServiceState
    ) -> list[Touch]:
        """Compile one service for the gateways, or all when they must check less often."""
        self._checks += count_checks(after) - count_checks(before)
        wanted = replace(self._checking, interval=check_interval(self._checks))
        touched = self._check_as(wanted)
        return touched + self._tables.put(GATEWAYS, str(name), gateway_resources(after, wanted))

    def _plan(self, name: ServiceName, state: ServiceState, zone: str) -> list[Touch]:
        found: tuple[Resource, ...] = ()
        hosts: tuple[bytes, ...] = ()
        plan = None
        if state.facts is not None:
            importer = Importer(self._here, Locality(self._region, zone))
            plan = plan_service(
                state.facts, state.local, importer, dict(state.shares), state.reachability
            )
            found, hosts = compile_outbound(plan), virtual_hosts(plan)
        answering = [domains_of(plan.identities)] if plan is not None else []
        touched = self._show_trusts(self._trusts.want((zone, name), answering))
        if hosts != self._hosts[zone].get(name, ()):
            self._stale_routes.add(zone)
            self._hosts[zone][name] = hosts
        if not hosts:
            self._hosts[zone].pop(name, None)
        touched += self._tables.put(zone_table(zone), str(name), found)
        for workload, made in self._upstreams.learn(zone, name, plan):
            touched += self._put_upstreams(workload, (made,))
        return touched

    def _plan_entry(self, name: ServiceName, state: ServiceState) -> list[Touch]:
        """The same for clients without a sidecar, who are in no zone."""
        plans = {}
        proxyless: tuple[Resource, ...] = ()
        if state.facts is not None:
            importer = Importer(self._here, Locality(self._region, ""))
            shares = dict(state.shares)
            plan = plan_service(state.facts, state.local, importer, shares, state.reachability)
            plans = variants(state.facts.service, plan)
            proxyless = compile_proxyless(plan) if self._serves_proxyless else ()
        touched = self._put_entry(self._entry.learn(name, state.facts, state.local, plans))
        used = plans if self._entry.is_used else {}
        answering = [domains_of(plan.identities) for plan in used.values()]
        found = [r for plan in used.values() for r in compile_outbound(plan, ENTRY_IDENTITY)]
        touched += self._show_trusts(self._trusts.want((ENTRY, name), answering))
        touched += self._tables.put(PROXYLESS, str(name), proxyless)
        return touched + self._tables.put(ENTRY, str(name), tuple(found))

    def _put_entry(self, made: Iterable[EntryMade]) -> list[Touch]:
        return [t for table, owner, found in made for t in self._tables.put(table, owner, found)]

    def release_names(self) -> list[Touch]:
        """Gateways listen at what they were told of: DNS may lead there."""
        return self._put_entry(self._entry.release())

    def lose_gone_gateways(self) -> list[Touch]:
        """Gateways that went in order long ago take their addresses along."""
        return self._put_entry(self._entry.lose_gone())

    def lose_gateway(self, name: str) -> list[Touch]:
        """A gateway is gone for good."""
        return self._put_entry(self._entry.lose(name))

    def show_gateways(self, alive: frozenset[str]) -> list[Touch]:
        """Which gateways are there: DNS leads clients without a sidecar to these."""
        return self._put_entry(self._entry.show(alive))

    def _put_upstreams(self, workload: str, made: Iterable[Made]) -> list[Touch]:
        table = own_table(Kind.SIDECAR, workload)
        return [t for name, found in made for t in self._tables.put(table, name, found)]

    @property
    def is_unfinished(self) -> bool:
        """Whether `finish` has something to do."""
        return (self._synced and bool(self._stale_routes)) or self._tables.has_left

    def finish(self) -> list[Touch]:
        """Build the routes of zones in which virtual hosts changed, and drop what is gone."""
        touched = [t for zone in sorted(self._stale_routes) for t in self._build_routes(zone)]
        return touched + self._tables.drop_left()

    def _build_routes(self, zone: str) -> list[Touch]:
        if not self._synced:
            self._stale_routes.add(zone)
            return []
        self._stale_routes.discard(zone)
        hosts = self._hosts[zone]
        body = compile_routes(host for name in sorted(hosts) for host in hosts[name])
        return self._tables.put_one(zone_table(zone), ROUTE, OUTBOUND, body)

    def addresses_of(self, workload: str) -> frozenset[str]:
        """Where the services that a workload stands behind have it."""
        return self._behind.addresses(workload)

    def misplaced(self, sidecar: Proxy) -> frozenset[ServiceName]:
        """The services that dial a workload at an address at which its sidecar is not."""
        return self._behind.misplaced(sidecar.id, sidecar.address)

    def services_behind(self, workload: str) -> frozenset[ServiceName]:
        """The services that have this workload among their endpoints."""
        return self._behind.services(workload)

    def meet(self, proxy: Proxy) -> list[Touch]:
        """A proxy has said who and where it is."""
        if proxy.kind is Kind.SIDECAR:
            self._sidecars[proxy.id] = proxy
            touched = self._compile_sidecar(proxy.id)
            made = self._upstreams.want(proxy.id, proxy.upstreams)
            return touched + self._put_upstreams(proxy.id, made)
        table = own_table(proxy.kind, proxy.id)
        self._tables.open(table).mark_complete(*TYPES)
        self._gateways.add(proxy.id)
        touched = self._meet_entry(proxy) + self._check_siblings(proxy.id)
        host, port = proxy.listen_address, proxy.listen_port
        if not host:
            host, port = proxy.address, proxy.port
        seconds = self._tcp_connection_seconds
        listener = compile_listener(host, port, self._here, proxy.id, tcp_seconds=seconds)
        return touched + self._tables.put(table, "listener", (listener,))

    def _meet_entry(self, gateway: Proxy) -> list[Touch]:
        """A gateway may offer entry; the first that does makes all services compiled for it."""
        was_used = self._entry.is_used
        touched = self._put_entry(self._entry.meet(gateway.id, gateway.entry))
        if self._entry.is_used != was_used:
            for name, state in tuple(self._services.items()):
                touched += self._plan_entry(name, state)
        return touched

    def forget(self, kind: Kind, proxy_id: str) -> None:
        """A proxy has gone; when it comes back it says again who it is."""
        if kind is Kind.SIDECAR:
            self._sidecars.pop(proxy_id, None)
            owners = self._upstreams.forget(proxy_id)
        else:
            self._gateways.discard(proxy_id)
            owners = ("siblings", *self._entry.forget(proxy_id))
        self._tables.close(own_table(kind, proxy_id), ("listener", "inbound", *owners))

    def _compile_sidecar(self, workload: str) -> list[Touch]:
        proxy = self._sidecars.get(workload)
        if proxy is None or not self._synced:
            return []
        if not is_in_place(proxy, self.addresses_of(workload)):
            return []  # what it had stays: somebody else may have said this
        behind = self._behind.services(workload)
        ports = [p for name in behind for p in inbound_ports(self._services[name], workload)]
        inbound = Inbound(
            workload,
            proxy.address,
            proxy.app_address,
            tuple(sorted(ports)),
            proxy.outbound_address,
            proxy.outbound_port,
            proxy.port,
            self._tcp_connection_seconds,
            self._revoked,
            proxy.closing_ports,
        )
        table = own_table(proxy.kind, workload)
        self._tables.open(table).mark_complete(*TYPES)
        return self._tables.put(table, "inbound", compile_inbound(inbound))
