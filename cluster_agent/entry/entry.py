"""How clients without a sidecar reach services: listeners at gateways, and names for DNS.

In: the plan of a service, the gateways that offer entry and which of them are there. Out: for each
gateway the listeners at the service's address, and for DNS servers what to answer (`dns_names`).
Which clusters and endpoints lie behind the listeners, `cluster_agent.snapshot.entry` compiles from
the same plans.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cluster_agent.entry.allocation import Addresses
from cluster_agent.entry.dns_names import NAMES, DnsNames, Named, dialled_endpoints
from cluster_agent.entry.service_addresses import ServiceAddresses
from federation.envoy.build import Resource
from federation.model.exports import NamedEndpoint
from federation.model.facts import LocalService, Service, ServiceFacts
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import Plan
from federation.model.proxies import Kind, Node, Upstream
from federation.planning.steering import clusters_of, nearest, only, prefer, wants_steering
from sidecar.upstreams import Way, compile_upstream, ways

EntryResources = tuple[str | Node, str, tuple[Resource, ...]]
"""A table (`NAMES`, or that of a gateway), an owner in it, all resources it has from now on."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A service here: its plan and the variants of it that have addresses of their own."""

    service: Service
    endpoints: tuple[NamedEndpoint, ...]
    plan: Plan
    numbers: tuple[tuple[str, int], ...]
    ways: tuple[tuple[str, tuple[Way, ...]], ...]


def variants(service: Service, plan: Plan) -> dict[str, Plan]:
    """The plan, and one for each cluster to prefer or to hold on to when the service asks."""
    plans = {"": plan}
    if wants_steering(service.annotations):
        for cluster in clusters_of(plan):
            plans[f" prefer {cluster}"] = prefer(plan, cluster)
            plans[f" only {cluster}"] = only(plan, cluster)
    return plans


class Entry:
    """Services with addresses, gateways that listen there."""

    def __init__(self, here: ClusterId, addresses: Addresses, now: Callable[[], float]) -> None:
        self._here = here
        self._addresses = addresses
        self._now = now
        self._of_services = ServiceAddresses(addresses, now)
        self._names = DnsNames(self._of_services)
        self._services: dict[ServiceName, _Known] = {}
        self._nearest: dict[ServiceName, tuple[tuple[ClusterId, int], ...]] = {}
        self._connected: set[str] = set()

    @property
    def is_used(self) -> bool:
        """Whether any gateway offers services at addresses of their own."""
        return bool(self._addresses.gateways)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What people must know of the addresses, one sentence each."""
        return self._addresses.troubles(self._connected)

    # -- gateways ----------------------------------------------------------------------------------

    def add_gateway(self, gateway: str, entry: str) -> list[EntryResources]:
        """A gateway reports which range it has; a listener for every service when it is new."""
        is_news = self._addresses.set_range(gateway, entry)
        if gateway in self._connected and not is_news:
            return []
        self._connected.add(gateway)
        if not is_news:
            return [self._listeners(name, gateway) for name in self._services] if entry else []
        for name, known in self._services.items():
            self._of_services.assign(name, [suffix for suffix, _ in known.ways])
        resources = [r for name in self._services for r in self._resources(name)]
        return resources + [self._listeners(name, gateway) for name in self._services]

    def forget(self, gateway: str) -> list[str]:
        """A gateway's table is gone; returns the owners it had there."""
        self._connected.discard(gateway)
        return [_owner(name) for name in self._services]

    def leave(self, gateway: str) -> None:
        """A gateway says that it goes; if it does not come back, `remove_departed` removes it."""
        self._addresses.leave(gateway, self._now())

    def remove_departed(self) -> list[EntryResources]:
        """Take away the gateways that went in order, ten minutes after."""
        gone = self._addresses.gone(self._now())
        return [resources for gateway in gone for resources in self.remove_gateway(gateway)]

    def remove_gateway(self, gateway: str) -> list[EntryResources]:
        """A gateway is gone for good, and its addresses with it."""
        return self._all_names() if self._addresses.set_range(gateway, "") else []

    def set_serving(self, serving: frozenset[str]) -> list[EntryResources]:
        """Which gateways are there now: DNS leads to these, while there is one.

        It is kept: an agent that starts leads nobody to those that were not there before.
        """
        before = self._of_services.gateways_answered
        self._addresses.set_serving(serving)
        return [] if before == self._of_services.gateways_answered else self._all_names()

    # -- services ----------------------------------------------------------------------------------

    def set_plans(
        self,
        name: ServiceName,
        facts: ServiceFacts | None,
        local: LocalService | None,
        plans: dict[str, Plan],
    ) -> list[EntryResources]:
        """A service and its plans (`variants`); none at all: it has gone."""
        self._of_services.assign(name, plans)
        if facts is None or not plans:
            if self._services.pop(name, None) is None:
                return []
            self._nearest.pop(name, None)
            self._names.forget(name)
            return self._resources(name)
        found = tuple((suffix, ways(plan)) for suffix, plan in plans.items())
        numbers = self._of_services.numbers(name)
        endpoints = dialled_endpoints(self._here, facts, local)
        known = _Known(facts.service, endpoints, plans[""], numbers, found)
        before = self._services.get(name)
        if known == before:
            return []
        self._services[name] = known
        self._nearest[name] = nearest(plans[""]) or self._nearest.get(name, ())
        if before is not None and (before.ways, before.numbers) == (known.ways, known.numbers):
            return self._dns_names(name)
        return self._resources(name)

    def _resources(self, name: ServiceName) -> list[EntryResources]:
        gateways = [g for g in self._addresses.gateways if g in self._connected]
        return [*self._dns_names(name), *(self._listeners(name, gateway) for gateway in gateways)]

    def _listeners(self, name: ServiceName, gateway: str) -> EntryResources:
        known = self._services.get(name)
        resources: list[Resource] = []
        for suffix, found in known.ways if known else ():
            address = self._of_services.at(gateway, name, suffix)
            for way in found if address else ():
                upstream = Upstream(str(address), way.port, name, way.port)
                resources += compile_upstream(upstream, way, strangers=True)
        return Node(Kind.GATEWAY, gateway), _owner(name), tuple(resources)

    # -- names -------------------------------------------------------------------------------------

    def set_synced(self) -> None:
        """All services are known: from now on a new address waits until somebody listens there."""
        self._names.set_synced()

    @property
    def has_waiting(self) -> bool:
        """Whether there are addresses that nobody is told of yet."""
        return self._names.has_waiting

    def release(self) -> list[EntryResources]:
        """The gateways listen at all addresses that they were told of."""
        return [r for name in self._names.release() for r in self._dns_names(name)]

    def _all_names(self) -> list[EntryResources]:
        return [resources for name in self._services for resources in self._dns_names(name)]

    def _dns_names(self, name: ServiceName) -> list[EntryResources]:
        """What DNS is told of a service; nothing yet when its listeners are on their way."""
        known = self._services.get(name)
        if known is None:
            return [(NAMES, str(name), ())]
        held_to = tuple(
            ClusterId(suffix.removeprefix(" only "))
            for suffix, _ in known.ways
            if suffix.startswith(" only ")
        )
        named = Named(known.service, known.endpoints, self._nearest.get(name, ()), held_to)
        resource = self._names.resource(name, named)
        return [(NAMES, str(name), (resource,))] if resource is not None else []


def _owner(name: ServiceName) -> str:
    return f"entry {name}"
