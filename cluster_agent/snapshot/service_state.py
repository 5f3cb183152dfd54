"""One service as this cluster knows it, and what gateways and sidecars are given because of it.

In: facts, local endpoints, export, what is coming back. Out: resources of gateways, ports of
sidecars, and how often gateways check. Used by the builders of snapshots beside it.
"""

from dataclasses import dataclass

from federation.envoy.build import Resource
from federation.model.exports import Export, ServicePort, app_protocol
from federation.model.facts import LocalService, ServiceFacts
from federation.model.names import ClusterId, sni
from federation.model.plans import ALL_REACHABLE, Reachability
from federation.planning.protocols import served_ports
from gateway.compile import CHECK_SECONDS, Checking, compile_service
from sidecar.compile import InboundPort

MAX_CHECKS_PER_SECOND = 1600
"""Of one gateway; each is a few bytes on a connection that stays open."""
MAX_REMOTE_CHECKS_PER_SECOND = 200
"""Of one gateway; each is a request on a connection that stays open."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """All that is known of one service here; each part is None when it does not exist.

    `shares`: clusters that are coming back, with their share of the traffic in percent.
    `reachability`: which gateways of the others ours reach.
    """

    facts: ServiceFacts | None
    local: LocalService | None
    export: Export | None
    shares: tuple[tuple[ClusterId, int], ...] = ()
    reachability: Reachability = ALL_REACHABLE


def gateway_resources(state: ServiceState, checking: Checking) -> tuple[Resource, ...]:
    """What gateways serve of it, when this cluster exports it."""
    if state.local is None or state.export is None:
        return ()
    return compile_service(state.local, _served(state, state.export), checking)


def _served(state: ServiceState, export: Export) -> tuple[ServicePort, ...]:
    """Its ports as those speak who call them: what the clusterset says of them decides."""
    return served_ports(export.ports, state.facts.service.ports if state.facts else ())


def count_checks(state: ServiceState | None) -> int:
    """How many addresses a gateway checks for one service."""
    if state is None or state.local is None or state.export is None:
        return 0
    ports = len(_served(state, state.export))
    return ports * sum(endpoint.sidecar for endpoint in state.local.endpoints)


def check_interval(checks: int) -> float:
    """Seconds between two checks of one address, so that a gateway's checks stay bounded."""
    return bounded(CHECK_SECONDS, checks, MAX_CHECKS_PER_SECOND)


def bounded(interval: float, checks: int, most_per_second: float) -> float:
    """The interval, doubled until no more than that many checks are made in a second.

    In such steps, since a changed interval replaces every cluster of the gateway.
    """
    while checks / interval > most_per_second:
        interval *= 2
    return interval


def inbound_ports(state: ServiceState, workload: str) -> list[InboundPort]:
    """By which names an exported service reaches this workload."""
    if state.local is None or state.export is None:
        return []
    by_number = {p.number: p for p in _served(state, state.export)}
    return [
        InboundPort(sni(state.local.name, number), target, app_protocol(by_number[number]))
        for endpoint in state.local.endpoints
        if endpoint.workload == workload
        for number, target in endpoint.targets
        if number in by_number
    ]
