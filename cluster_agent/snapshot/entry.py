"""What clients without a sidecar are served by: gateways with entry, DNS, gRPC's own xDS.

In: services as they change, gateways that offer entry. Out: clusters and endpoints behind the
listeners of `cluster_agent.entry` in the table `entry`, those listeners in the tables of gateways,
names for DNS servers, listeners by target in `proxyless`. Such clients are in no zone.
"""

from collections.abc import Callable, Iterable, Mapping

from cluster_agent.entry.dns_names import NAMES, gateway_names
from cluster_agent.entry.entry import Entry, EntryResources, variants
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.tables import ENTRY, PROXYLESS, Changed, Tables
from cluster_agent.snapshot.validation_secrets import SecretsTable
from federation.envoy.build import domains_of
from federation.envoy.identity import ENTRY_IDENTITY
from federation.model.facts import Cluster
from federation.model.names import ServiceName
from federation.model.plans import ANYWHERE, Plan, Scope
from federation.model.proxies import Proxy
from federation.wire import codec
from sidecar.outbound import compile_outbound
from sidecar.proxyless import compile_proxyless


class EntrySnapshots:
    """The tables that clients without a sidecar depend on."""

    def __init__(
        self,
        entry: Entry,
        tables: Tables,
        secrets: SecretsTable,
        services: Mapping[ServiceName, ServiceState],
        plan: Callable[[Scope, ServiceState], Plan | None],
        *,
        serves_proxyless: bool,
    ) -> None:
        self._entry = entry
        self._tables = tables
        self._secrets = secrets
        self._services = services
        self._plan = plan
        self._serves_proxyless = serves_proxyless

    def set_service(self, name: ServiceName, state: ServiceState) -> list[Changed]:
        """Plan and compile one service anew."""
        plan = self._plan(ANYWHERE, state)
        plans = variants(state.facts.service, plan) if state.facts and plan else {}
        changed = self._put(self._entry.set_plans(name, state.facts, state.local, plans))
        proxyless = compile_proxyless(plan) if plan and self._serves_proxyless else ()
        changed += self._tables.put(PROXYLESS, str(name), proxyless)
        used = plans.values() if self._entry.is_used else ()
        answering = [domains_of(plan.identities) for plan in used]
        changed += self._secrets.require((ENTRY, name), answering)
        behind = [r for plan in used for r in compile_outbound(plan, ENTRY_IDENTITY)]
        return changed + self._tables.put(ENTRY, str(name), behind)

    def set_synced(self) -> None:
        """All services are known: from now on names wait until somebody listens there."""
        self._entry.set_synced()
        self._tables.open(NAMES).mark_complete(*codec.NAMES)

    def set_proxy(self, gateway: Proxy) -> list[Changed]:
        """A gateway may offer entry; the first that does makes all services compiled for it."""
        was_used = self._entry.is_used
        changed = self._put(self._entry.add_gateway(gateway.id, gateway.entry))
        if self._entry.is_used != was_used:
            for name, state in tuple(self._services.items()):
                changed += self.set_service(name, state)
        return changed

    def forget(self, gateway: str) -> list[str]:
        """A gateway has gone; returns what owners it had in its table."""
        return self._entry.forget(gateway)

    def set_clusters(self, clusters: Iterable[Cluster]) -> list[Changed]:
        """DNS answers for the gateways of all clusters."""
        return self._tables.put(NAMES, "gateways", gateway_names(clusters))

    def set_serving_gateways(self, serving: frozenset[str]) -> list[Changed]:
        """Which gateways are there: DNS leads clients without a sidecar to these."""
        return self._put(self._entry.set_serving(serving))

    def remove_gateway(self, gateway: str) -> list[Changed]:
        """A gateway is gone for good."""
        return self._put(self._entry.remove_gateway(gateway))

    def remove_departed_gateways(self) -> list[Changed]:
        """Gateways that went in order long ago take their addresses along."""
        return self._put(self._entry.remove_departed())

    def release_names(self) -> list[Changed]:
        """Gateways have acknowledged their listeners: DNS may lead there."""
        return self._put(self._entry.release())

    def _put(self, resources: Iterable[EntryResources]) -> list[Changed]:
        return [
            changed
            for table, owner, wanted in resources
            for changed in self._tables.put(table, owner, wanted)
        ]
