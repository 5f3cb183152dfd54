"""The plan of one service for one importer: the one place that composes merging and failover.

In: the facts about a service, the importer's own endpoints of it. Out: a `Plan` that holds every
tier, weight and identity, so that proxies fail over without asking anybody. Next:
`sidecar.compile`, `gateway.compile`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from federation.model.exports import Transport
from federation.model.facts import Cluster, Endpoint, LocalService, ServiceFacts
from federation.model.names import ClusterId, gateway_identity, sni, workload_identity
from federation.model.plans import ALL_REACHABLE, Importer, Part, Plan, PortPlan, Reachability, Tier
from federation.planning.damping import damped
from federation.planning.protocols import served_ports
from federation.planning.tiers import tiers

_ALL_TRUSTED: Mapping[ClusterId, int] = MappingProxyType({})


def plan_service(
    facts: ServiceFacts,
    local: LocalService | None,
    importer: Importer,
    shares: Mapping[ClusterId, int] = _ALL_TRUSTED,
    reachability: Reachability = ALL_REACHABLE,
) -> Plan:
    """Plan every TCP port of a service.

    `shares` holds clusters that were lost and are coming back, with what they may have of their
    traffic in percent (`federation.planning.damping`); `reachability` is what the importer's
    gateways measured.

    `local` is the service in the importer's cluster, whose endpoints count only while that
    cluster exports the service (KEP-1645: a request reaches endpoints of exporting clusters).
    """
    service = facts.service
    backends = tuple(b for b in facts.backends if b.cluster in service.exporters)
    exported_here = local is not None and importer.cluster in service.exporters
    endpoints = local.endpoints if local and exported_here else ()
    own = {p.number: p for p in served_ports(local.ports, service.ports)} if local else {}

    def best_first(port: int) -> tuple[Tier, ...]:
        able = tuple(b for b in backends if service.serves(b.cluster, port))
        there = endpoints if service.serves(importer.cluster, port) else ()
        return tiers(port, able, facts.clusters, there, importer, reachability=reachability)

    ports = tuple(
        PortPlan(
            port=port,
            sni=sni(service.name, port.number),
            parts=(
                Part(
                    name="default",
                    weight=1,
                    tiers=damped(best_first(port.number), shares),
                ),
            ),
            own=own.get(port.number),
        )
        for port in service.ports
        if port.transport is Transport.TCP
    )
    identities = _identities(facts, endpoints, importer.cluster)
    return Plan(service.name, ports, identities, service.default_port)


def _identities(
    facts: ServiceFacts, endpoints: tuple[Endpoint, ...], home: ClusterId
) -> tuple[str, ...]:
    """The exact SPIFFE ids that may answer for the service, sorted.

    The trust domain is that of the cluster's fact, never of its report: a cluster vouches for
    its own accounts only.
    """
    known: dict[ClusterId, Cluster] = {cluster.id: cluster for cluster in facts.clusters}
    accounts = {
        (backend.cluster, account)
        for backend in facts.backends
        if backend.cluster in facts.service.exporters
        for account in backend.accounts
    }
    accounts |= {(home, endpoint.account) for endpoint in endpoints if endpoint.account}
    namespace = facts.service.name.namespace
    found = {
        workload_identity(known[cluster].trust_domain, namespace, account)
        for cluster, account in accounts
        if cluster in known
    }
    found |= {
        gateway_identity(known[backend.cluster].trust_domain)
        for backend in facts.backends
        if backend.terminated and backend.cluster in facts.service.exporters
        if backend.cluster in known and backend.cluster != home
    }
    return tuple(sorted(found))
