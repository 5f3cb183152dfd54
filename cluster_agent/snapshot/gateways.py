"""What the gateways of this cluster are sent, all of them or each alone.

In: services with their local endpoints, the clusters and their gateways, gateways of our own as
they describe themselves. Out: clusters of services, routes that end mutual TLS, checks of the
gateways of other clusters, in the table `gateways`; a listener and checks of its siblings in the
table of each gateway. All checks of one gateway stay below a rate, however much there is to check.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cluster_agent.snapshot.service_state import (
    MAX_REMOTE_CHECKS_PER_SECOND,
    ServiceState,
    bounded,
    check_interval,
    count_checks,
    gateway_resources,
)
from cluster_agent.snapshot.tables import GATEWAYS, TYPES, Changed, Tables
from cluster_agent.snapshot.validation_secrets import SecretsTable
from federation.envoy.http import Gate
from federation.model.facts import Cluster
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import Reachability
from federation.model.proxies import Kind, Node, Proxy
from federation.model.types import ROUTE
from gateway.compile import OFTEN, Checking, compile_listener, compile_terminated
from gateway.remotes import (
    REMOTE_CHECK_SECONDS,
    SIBLING_CHECK_SECONDS,
    compile_remotes,
    compile_siblings,
)


class GatewaySnapshots:
    """The tables of gateways. `tcp_seconds`: how long a TCP connection may last, 0: ever."""

    def __init__(
        self,
        here: ClusterId,
        tables: Tables,
        secrets: SecretsTable,
        services: Mapping[ServiceName, ServiceState],
        tcp_seconds: float,
    ) -> None:
        self._here = here
        self._tables = tables
        self._secrets = secrets
        self._services = services
        self._tcp_seconds = tcp_seconds
        self._connected: set[str] = set()
        self._own: Cluster | None = None
        self._checks = 0
        self._checking = OFTEN
        self.revoke(())

    def set_proxy(self, proxy: Proxy) -> list[Changed]:
        """A gateway reports who and where it is."""
        table = _table(proxy.id)
        self._tables.open(table).mark_complete(*TYPES)
        self._connected.add(proxy.id)
        changed = self._check_siblings(proxy.id)
        host, port = proxy.listen_address, proxy.listen_port
        if not host:
            host, port = proxy.address, proxy.port
        listener = compile_listener(host, port, self._here, proxy.id, tcp_seconds=self._tcp_seconds)
        return changed + self._tables.put(table, "listener", (listener,))

    def forget(self, gateway: str, owners: Iterable[str]) -> None:
        """A gateway has gone; `owners`: who else had something in its table."""
        self._connected.discard(gateway)
        self._tables.close(_table(gateway), ("listener", "siblings", *owners))

    def revoke(self, trust_domains: tuple[str, ...]) -> list[Changed]:
        """Refuse what identities of these ask over connections that are open: by routes."""
        routes = compile_terminated(Gate(trust_domains, self._tcp_seconds))
        return self._tables.put_one(GATEWAYS, ROUTE, routes.name, routes.body)

    def set_clusters(
        self, clusters: tuple[Cluster, ...], reachability: Reachability
    ) -> list[Changed]:
        """Whose gateways our gateways check, with more patience when they are far."""
        others = [cluster for cluster in clusters if cluster.id != self._here]
        count = sum(len(cluster.gateways) for cluster in others)
        interval = bounded(REMOTE_CHECK_SECONDS, count, MAX_REMOTE_CHECKS_PER_SECOND)
        remotes = compile_remotes(self._here, others, dict(reachability.rtt), interval)
        checked = [(cluster.trust_domain,) for cluster in others if cluster.gateways]
        changed = self._secrets.require("remotes", checked)
        changed += self._tables.put(GATEWAYS, "remotes", remotes)
        self._own = next((c for c in clusters if c.id == self._here), None)
        for gateway in sorted(self._connected):
            changed += self._check_siblings(gateway)
        own = self._own.trust_domain if self._own else ""
        return changed + self._check_as(replace(self._checking, trust_domain=own))

    def set_service(
        self, name: ServiceName, before: ServiceState | None, after: ServiceState
    ) -> list[Changed]:
        """Compile one service anew, or all when they must be checked less often."""
        self._checks += count_checks(after) - count_checks(before)
        checking = replace(self._checking, interval=check_interval(self._checks))
        changed = self._check_as(checking)
        return changed + self._tables.put(GATEWAYS, str(name), gateway_resources(after, checking))

    def _check_siblings(self, gateway: str) -> list[Changed]:
        """What a gateway checks of the others of its cluster."""
        if self._own is None:
            return []
        count = len(self._own.gateways)
        interval = bounded(SIBLING_CHECK_SECONDS, count, MAX_REMOTE_CHECKS_PER_SECOND)
        siblings = compile_siblings(self._own, gateway, interval)
        return self._tables.put(_table(gateway), "siblings", siblings)

    def _check_as(self, checking: Checking) -> list[Changed]:
        """Compile all services anew when they must be checked otherwise."""
        if checking == self._checking:
            return []
        self._checking = checking
        own = [(checking.trust_domain,)] if checking.trust_domain else []
        changed = self._secrets.require("own", own)
        for name, state in self._services.items():
            changed += self._tables.put(GATEWAYS, str(name), gateway_resources(state, checking))
        return changed


def _table(gateway: str) -> Node:
    return Node(Kind.GATEWAY, gateway)
