"""What each sidecar has alone: its inbound listener with its ports, and its upstreams.

In: sidecars as they describe themselves, services with the endpoints behind them, plans. Out: a
table for each sidecar. Nothing is built for one that says that it is elsewhere than its workload.
"""

from collections.abc import Iterable, Mapping

from cluster_agent.observe.workload_services import WorkloadServices
from cluster_agent.snapshot.service_state import ServiceState, inbound_ports
from cluster_agent.snapshot.sidecar_addresses import is_in_place
from cluster_agent.snapshot.tables import TYPES, Changed, Tables
from cluster_agent.snapshot.upstreams import UpstreamResources, Upstreams
from federation.model.facts import LocalService
from federation.model.names import ServiceName
from federation.model.plans import Plan, Scope
from federation.model.proxies import Kind, Node, Proxy
from sidecar.compile import Inbound, compile_inbound


class SidecarSnapshots:
    """The tables of single sidecars. `tcp_seconds`: how long a TCP connection may last, 0: ever."""

    def __init__(
        self, tables: Tables, services: Mapping[ServiceName, ServiceState], tcp_seconds: float
    ) -> None:
        self._tables = tables
        self._services = services
        self._tcp_seconds = tcp_seconds
        self._workloads = WorkloadServices()
        self._upstreams = Upstreams()
        self._sidecars: dict[str, Proxy] = {}
        self._revoked: tuple[str, ...] = ()
        self._is_synced = False
        self.trust_domain = ""
        """That of this cluster, whose gateways check its workloads. To be set before the first."""

    def place(self, workload: str, scope: Scope) -> list[Changed]:
        """A sidecar is fed by the plans of a scope."""
        return self._put_upstreams(workload, self._upstreams.set_scope(workload, scope))

    def set_proxy(self, proxy: Proxy) -> list[Changed]:
        """A sidecar reports who and where it is, and its upstreams."""
        self._sidecars[proxy.id] = proxy
        changed = self._compile(proxy.id)
        upstreams = self._upstreams.set_upstreams(proxy.id, proxy.upstreams)
        return changed + self._put_upstreams(proxy.id, upstreams)

    def forget(self, workload: str) -> None:
        """A sidecar has gone; when it comes back it reports again who it is."""
        self._sidecars.pop(workload, None)
        owners = self._upstreams.forget(workload)
        self._tables.close(_table(workload), ("inbound", *owners))

    def set_service(self, name: ServiceName, local: LocalService | None) -> list[Changed]:
        """The endpoints of a service changed: so may the ports of the workloads behind it."""
        return self._compile_all(self._workloads.update(name, local))

    def set_plan(self, scope: Scope, name: ServiceName, plan: Plan | None) -> list[Changed]:
        """The plan of a service changed in a scope: so may upstreams."""
        upstreams = self._upstreams.set_plan(scope, name, plan)
        return [
            changed
            for workload, resources in upstreams
            for changed in self._put_upstreams(workload, (resources,))
        ]

    def revoke(self, trust_domains: tuple[str, ...]) -> list[Changed]:
        """Refuse what identities of these ask over connections that are open."""
        self._revoked = trust_domains
        return self._compile_all(self._sidecars)

    def set_synced(self) -> list[Changed]:
        """All services are known: from now on the ports of a workload are all there are."""
        self._is_synced = True
        return self._compile_all(self._sidecars)

    def addresses_of(self, workload: str) -> frozenset[str]:
        """Where the services that a workload stands behind have it."""
        return self._workloads.addresses(workload)

    def misplaced(self, sidecar: Proxy) -> frozenset[ServiceName]:
        """The services that dial a workload at an address at which its sidecar is not."""
        return self._workloads.misplaced(sidecar.id, sidecar.address)

    def services_behind(self, workload: str) -> frozenset[ServiceName]:
        """The services that have this workload among their endpoints."""
        return self._workloads.services(workload)

    def _put_upstreams(
        self, workload: str, upstreams: Iterable[UpstreamResources]
    ) -> list[Changed]:
        table = _table(workload)
        return [
            changed
            for owner, resources in upstreams
            for changed in self._tables.put(table, owner, resources)
        ]

    def _compile_all(self, workloads: Iterable[str]) -> list[Changed]:
        return [changed for workload in sorted(workloads) for changed in self._compile(workload)]

    def _compile(self, workload: str) -> list[Changed]:
        proxy = self._sidecars.get(workload)
        if proxy is None or not self._is_synced:
            return []
        if not is_in_place(proxy, self.addresses_of(workload)):
            return []  # what it had stays: somebody else may have said this
        names = self._workloads.services(workload)
        ports = [p for name in names for p in inbound_ports(self._services[name], workload)]
        inbound = Inbound(
            workload,
            proxy.address,
            proxy.app_address,
            tuple(sorted(ports)),
            proxy.outbound_address,
            proxy.outbound_port,
            proxy.port,
            self._tcp_seconds,
            self._revoked,
            proxy.closing_ports,
            self.trust_domain,
        )
        self._tables.open(_table(workload)).mark_complete(*TYPES)
        return self._tables.put(_table(workload), "inbound", compile_inbound(inbound))


def _table(workload: str) -> Node:
    return Node(Kind.SIDECAR, workload)
