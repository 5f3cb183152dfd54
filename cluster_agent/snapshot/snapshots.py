"""From facts and local endpoints to what each proxy of this cluster is sent.

In: one service (facts, local endpoints, export), the bundles, a proxy that introduced itself. Out:
tables of Envoy resources (`tables`), each built by one module: `zones`, `gateways`, `sidecars`,
`entry`, `validation_secrets`. A proxy reads several of them as one. Calls return what changed, so
that `cluster_agent.serve` wakes only the streams concerned. `finish` comes after them: only then
goes what is gone.
"""

from collections.abc import Iterable

from cluster_agent.entry.entry import Entry
from cluster_agent.snapshot.entry import EntrySnapshots
from cluster_agent.snapshot.gateways import GatewaySnapshots
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.sidecars import SidecarSnapshots
from cluster_agent.snapshot.tables import (
    ENTRY,
    GATEWAYS,
    SECRETS,
    SHARED,
    TYPES,
    Changed,
    TableKey,
    Tables,
)
from cluster_agent.snapshot.validation_secrets import SecretsTable
from cluster_agent.snapshot.zones import ZoneSnapshots
from federation.model.facts import Bundle, Cluster
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import ALL_REACHABLE, Importer, Plan, Reachability, Scope
from federation.model.proxies import Kind, Node, Proxy
from federation.model.types import IMPORT
from federation.planning.plan import plan_service
from federation.wire.codec.imports import brought_by
from federation.xds.on_demand import OnDemand
from federation.xds.snapshot import Layers


class Snapshots:
    """The tables of all proxies of one cluster, kept consistent with each other."""

    def __init__(
        self,
        here: ClusterId,
        entry: Entry,
        tcp_connection_seconds: float = 0,
        *,
        serves_proxyless: bool = False,
    ) -> None:
        self._here = here
        self._region = ""
        self._revoked: tuple[str, ...] = ()
        self._services: dict[ServiceName, ServiceState] = {}
        services, seconds = self._services, tcp_connection_seconds
        tables = self._tables = Tables(SHARED)
        secrets = self._secrets = SecretsTable(tables)
        self.sidecars = SidecarSnapshots(tables, services, seconds)
        self._zones = ZoneSnapshots(tables, secrets, self.sidecars, services, self._plan)
        self._gateways = GatewaySnapshots(here, tables, secrets, services, seconds)
        self.entry = EntrySnapshots(
            entry, tables, secrets, services, self._plan, serves_proxyless=serves_proxyless
        )

    def _plan(self, scope: Scope, state: ServiceState) -> Plan | None:
        """How consumers of a scope reach a service; None when nobody exports it."""
        if state.facts is None:
            return None
        importer = Importer(self._here, self._region, scope)
        return plan_service(
            state.facts, state.local, importer, dict(state.shares), state.reachability
        )

    # -- what the clusterset is --------------------------------------------------------------------

    def set_region(self, region: str) -> list[Changed]:
        """Say in which region this cluster lies; plans of all services depend on it."""
        if region == self._region:
            return []
        self._region = region
        known = tuple(self._services.items())
        return [changed for name, state in known for changed in self.set_service(name, state)]

    def set_bundles(self, bundles: Iterable[Bundle]) -> list[Changed]:
        """Whom proxies trust: one bundle per trust domain; one without anchors is revoked."""
        known = tuple(bundles)
        changed = self._secrets.set_bundles(known)
        revoked = tuple(sorted(b.trust_domain for b in known if not b.anchors))
        if revoked != self._revoked:
            self._revoked = revoked
            changed += self._gateways.revoke(revoked) + self.sidecars.revoke(revoked)
        return changed

    def set_clusters(
        self, clusters: Iterable[Cluster], reachability: Reachability = ALL_REACHABLE
    ) -> list[Changed]:
        """Which clusters there are, with their gateways, and how ours reach them."""
        known = tuple(clusters)
        return self._gateways.set_clusters(known, reachability) + self.entry.set_clusters(known)

    def set_service(self, name: ServiceName, state: ServiceState) -> list[Changed]:
        """Plan and compile one service anew, wherever it is used. Follow with `finish`."""
        before = self._services.pop(name, None)
        if state.facts is not None or state.local is not None:
            self._services[name] = state
        changed = self._gateways.set_service(name, before, state)
        changed += self._zones.set_service(name, state)
        changed += self.entry.set_service(name, state)
        return changed + self.sidecars.set_service(name, state.local)

    def set_synced(self) -> list[Changed]:
        """Facts and source are known as wholes: what no table holds does not exist."""
        self._zones.set_synced()
        changed = self._tables.drop_left() + self.sidecars.set_synced()
        for table in SHARED:
            self._tables.open(table).mark_complete(*TYPES)
        self.entry.set_synced()
        return changed

    @property
    def is_unfinished(self) -> bool:
        """Whether `finish` has something to do."""
        return self._tables.has_left

    def finish(self) -> list[Changed]:
        """Drop what is gone: whoever named it names it no more."""
        return self._tables.drop_left()

    # -- who reads it ------------------------------------------------------------------------------

    def admit(self, node: Node, scope: Scope) -> tuple[tuple[TableKey, ...], list[Changed]]:
        """The tables that one proxy is fed from, made when they are new, and what that changed.

        The first sidecar of a scope may need secrets that proxies of other tables need as well.
        """
        self._tables.open(node)
        if node.kind is Kind.GATEWAY:
            entry = (ENTRY,) if node.has_entry else ()
            return (node, GATEWAYS, *entry, SECRETS), []
        changed = self._zones.add(scope) + self.sidecars.place(node.id, scope)
        return (node, scope, SECRETS), changed

    def view(self, tables: Iterable[TableKey]) -> Layers:
        """Those tables as one."""
        return self._tables.view(tables)

    def on_demand(self, tables: Iterable[TableKey]) -> OnDemand | None:
        """Those tables as one, of which a scope is shown as far as it is asked for.

        None when there is no scope among them.
        """
        shown = tuple(key for key in tables if not isinstance(key, Scope))
        pool = tuple(key for key in tables if isinstance(key, Scope))
        if not pool:
            return None
        return OnDemand(IMPORT, self.view(shown), self.view(pool), brought_by)

    def set_proxy(self, proxy: Proxy) -> list[Changed]:
        """A proxy reports who and where it is."""
        if proxy.kind is Kind.SIDECAR:
            return self.sidecars.set_proxy(proxy)
        self._tables.open(Node(proxy.kind, proxy.id))
        return self.entry.set_proxy(proxy) + self._gateways.set_proxy(proxy)

    def forget(self, node: Node) -> None:
        """A proxy has gone; when it comes back it reports again who it is."""
        if node.kind is Kind.SIDECAR:
            self.sidecars.forget(node.id)
        else:
            self._gateways.forget(node.id, self.entry.forget(node.id))
