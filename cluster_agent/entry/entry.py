"""How clients without a sidecar reach services: listeners at gateways, and names for DNS.

In: the plan of a service, the gateways that offer entry and which of them are there. Out: for each
gateway the listeners at the service's address, and for DNS servers what to answer. Which clusters
and endpoints lie behind the listeners, `cluster_agent.snapshot.snapshots` compiles from the same
plans.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cluster_agent.entry.allocation import Addresses
from cluster_agent.observe.service import named_endpoints
from federation.envoy.build import Resource
from federation.model.exports import NamedEndpoint, ServiceType
from federation.model.facts import Cluster, LocalService, Service, ServiceFacts
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import Plan
from federation.model.proxies import Kind, Upstream
from federation.model.zones import Choice, GatewayNames, ServiceNames
from federation.planning.share_cap import fair
from federation.planning.steering import clusters_of, nearest, only, prefer, wants_steering
from federation.wire import codec
from federation.wire.codec.zones import MAX_ENDPOINTS, encode_gateway_names, encode_service_names
from sidecar.upstreams import Way, compile_upstream, ways

NAMES = "names"
"""The table that DNS servers read."""

Made = tuple[str, str, tuple[Resource, ...]]
"""A table, an owner in it, and all resources it has from now on."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A service here: its plan and the variants of it that have addresses of their own."""

    service: Service
    endpoints: tuple[NamedEndpoint, ...]
    plan: Plan
    numbers: tuple[tuple[str, int], ...]
    ways: tuple[tuple[str, tuple[Way, ...]], ...]


def variants(service: Service, plan: Plan | None) -> dict[str, Plan]:
    """The plan, and one for each cluster to prefer or to hold on to when the service asks."""
    if plan is None:
        return {}
    found = {"": plan}
    if wants_steering(service.annotations):
        for cluster in clusters_of(plan):
            found[f" prefer {cluster}"] = prefer(plan, cluster)
            found[f" only {cluster}"] = only(plan, cluster)
    return found


class Entry:
    """Services with addresses, gateways that listen there."""

    def __init__(self, here: ClusterId, addresses: Addresses, now: Callable[[], float]) -> None:
        self._here = here
        self._addresses = addresses
        self._now = now
        self._services: dict[ServiceName, _Known] = {}
        self._numbers: dict[ServiceName, dict[str, int]] = {}
        self._nearest: dict[ServiceName, tuple[tuple[ClusterId, int], ...]] = {}
        self._met: set[str] = set()
        self._listening: dict[ServiceName, frozenset[str]] = {}
        self._waiting: set[ServiceName] = set()
        self._may_wait = False

    @property
    def is_used(self) -> bool:
        """Whether any gateway offers services at addresses of their own."""
        return bool(self._addresses.gateways)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What people must know of the addresses, one sentence each."""
        return self._addresses.troubles(self._met)

    # -- gateways ----------------------------------------------------------------------------------

    def meet(self, gateway: str, entry: str) -> list[Made]:
        """A gateway said which range it has; a listener for every service when it is new."""
        is_news = self._addresses.set_range(gateway, entry)
        if gateway in self._met and not is_news:
            return []
        self._met.add(gateway)
        made = [self._listeners(name, gateway) for name in self._services] if entry else []
        if is_news:
            for name, known in self._services.items():
                self._number(name, [suffix for suffix, _ in known.ways])
            made = [m for name in self._services for m in self._made(name)]
            made += [self._listeners(name, gateway) for name in self._services]
        return made

    def forget(self, gateway: str) -> list[str]:
        """A gateway's table is gone; returns the owners it had there."""
        self._met.discard(gateway)
        return [_owner(name) for name in self._services]

    def leave(self, gateway: str) -> None:
        """A gateway said that it goes; when it does not come back, `lose_gone` takes it away."""
        self._addresses.leave(gateway, self._now())

    def lose_gone(self) -> list[Made]:
        """Take away the gateways that went in order, ten minutes after."""
        gone = self._addresses.gone(self._now())
        return [made for gateway in gone for made in self.lose(gateway)]

    def lose(self, gateway: str) -> list[Made]:
        """A gateway is gone for good, and its addresses with it."""
        if not self._addresses.set_range(gateway, ""):
            return []
        return self._all_names()

    def show(self, alive: frozenset[str]) -> list[Made]:
        """Which gateways are there now: DNS leads to these, while there is one.

        It is kept: an agent that starts leads nobody to those that were not there before.
        """
        before = self._shown()
        self._addresses.show(alive)
        return [] if before == self._shown() else self._all_names()

    def _shown(self) -> tuple[str, ...]:
        shown = self._addresses.shown
        there = tuple(g for g in self._addresses.gateways if shown is None or g in shown)
        return there or self._addresses.staying

    # -- names wait for listeners ------------------------------------------------------------------

    def set_synced(self) -> None:
        """All services are known: from now on a new address waits until somebody listens there."""
        self._may_wait = True

    @property
    def has_waiting(self) -> bool:
        """Whether there are addresses that nobody is told of yet."""
        return bool(self._waiting)

    def release(self) -> list[Made]:
        """The gateways listen at all addresses that they were told of."""
        waiting, self._waiting = self._waiting, set()
        for name in waiting & self._services.keys():
            self._listening[name] = self._every(name)
        return [made for name in sorted(waiting) for made in self._names(name)]

    def _every(self, name: ServiceName) -> frozenset[str]:
        """All addresses of a service at all gateways, whether somebody is told of them or not."""
        numbers = self._numbers.get(name, {}).values()
        found = (self._addresses.at(g, n) for g in self._addresses.gateways for n in numbers)
        return frozenset(address for address in found if address)

    # -- services ----------------------------------------------------------------------------------

    def learn(
        self,
        name: ServiceName,
        facts: ServiceFacts | None,
        local: LocalService | None,
        plans: dict[str, Plan],
    ) -> list[Made]:
        """A service and its plans (`variants`); none at all: it has gone."""
        self._number(name, plans)
        if facts is None or not plans:
            if self._services.pop(name, None) is None:
                return []
            self._nearest.pop(name, None)
            self._listening.pop(name, None)
            self._waiting.discard(name)
            return self._made(name)
        found = tuple((suffix, ways(plan)) for suffix, plan in plans.items())
        numbers = tuple(sorted(self._numbers.get(name, {}).items()))
        endpoints = _endpoints(self._here, facts, local)
        known = _Known(facts.service, endpoints, plans[""], numbers, found)
        before = self._services.get(name)
        if known == before:
            return []
        self._services[name] = known
        self._nearest[name] = nearest(plans[""]) or self._nearest.get(name, ())
        if before is not None and (before.ways, before.numbers) == (known.ways, known.numbers):
            return self._names(name)
        return self._made(name)

    def _number(self, name: ServiceName, suffixes: Iterable[str]) -> None:
        """Give the variants of a service their numbers, and take back others'."""
        before = self._numbers.pop(name, {})
        wanted = set(suffixes)
        for suffix in before.keys() - wanted:
            self._addresses.give_up(f"{name}{suffix}", self._now())
        found = {s: self._addresses.give(f"{name}{s}", self._now()) for s in sorted(wanted)}
        numbers = {suffix: number for suffix, number in found.items() if number is not None}
        if numbers:
            self._numbers[name] = numbers

    def _made(self, name: ServiceName) -> list[Made]:
        gateways = [g for g in self._addresses.gateways if g in self._met]
        return [*self._names(name), *(self._listeners(name, gateway) for gateway in gateways)]

    def _listeners(self, name: ServiceName, gateway: str) -> Made:
        table = f"{Kind.GATEWAY}/{gateway}"
        known = self._services.get(name)
        made: list[Resource] = []
        for suffix, found in known.ways if known else ():
            address = self._address(name, suffix, gateway)
            for way in found if address else ():
                upstream = Upstream(str(address), way.port, name, way.port)
                made += compile_upstream(upstream, way, strangers=True)
        return table, _owner(name), tuple(made)

    def _address(self, name: ServiceName, suffix: str, gateway: str) -> str | None:
        number = self._numbers.get(name, {}).get(suffix)
        return self._addresses.at(gateway, number) if number is not None else None

    # -- names -------------------------------------------------------------------------------------

    def gateways_of(self, clusters: Iterable[Cluster]) -> tuple[Resource, ...]:
        """The names of all clusters' gateways."""
        return tuple(
            Resource(
                codec.GATEWAY_NAMES,
                cluster.id,
                encode_gateway_names(
                    GatewayNames(cluster.id, tuple(sorted({g.address for g in cluster.gateways})))
                ),
            )
            for cluster in clusters
        )

    def _all_names(self) -> list[Made]:
        return [made for name in self._services for made in self._names(name)]

    def _names(self, name: ServiceName) -> list[Made]:
        """What DNS is told of a service; nothing yet when somebody would be led to a new address.

        Its listener is on its way to the gateway, and who asked in between would be refused.
        """
        known = self._services.get(name)
        if known is None:
            return [(NAMES, str(name), ())]
        names = self._describe(name, known)
        every, listening = self._every(name), self._listening.get(name, frozenset())
        if self._may_wait and not every <= listening:
            self._waiting.add(name)
            if not _addresses_in(names) <= listening:
                return []
        else:
            self._waiting.discard(name)
            self._listening[name] = every
        body = encode_service_names(names)
        return [(NAMES, str(name), (Resource(codec.SERVICE_NAMES, str(name), body),))]

    def _describe(self, name: ServiceName, known: _Known) -> ServiceNames:
        service = known.service
        plain = self._all(name, "")
        is_headless = service.type is ServiceType.HEADLESS
        return ServiceNames(
            name,
            service.type,
            service.ports,
            () if is_headless else plain,
            known.endpoints,
            nearest=self._choices(name, plain),
            only=tuple(
                (ClusterId(suffix.removeprefix(" only ")), found)
                for suffix, _ in known.ways
                if suffix.startswith(" only ") and (found := self._all(name, suffix))
            ),
        )

    def _choices(self, name: ServiceName, plain: tuple[str, ...]) -> tuple[Choice, ...]:
        steered = tuple(
            Choice(share, found)
            for cluster, share in self._nearest.get(name, ())
            if (found := self._all(name, f" prefer {cluster}"))
        )
        return steered or ((Choice(1, plain),) if plain else ())

    def _all(self, name: ServiceName, suffix: str) -> tuple[str, ...]:
        """The addresses at all gateways that are there; gateways may share a range."""
        found = (self._address(name, suffix, gateway) for gateway in self._shown())
        return tuple(dict.fromkeys(address for address in found if address))


def _owner(name: ServiceName) -> str:
    return f"entry {name}"


def _addresses_in(names: ServiceNames) -> set[str]:
    """The addresses that lead to gateways."""
    found = set(names.addresses)
    for choice in names.nearest:
        found.update(choice.addresses)
    for _, addresses in names.only:
        found.update(addresses)
    return found


def _endpoints(
    here: ClusterId, facts: ServiceFacts, local: LocalService | None
) -> tuple[NamedEndpoint, ...]:
    """The ready endpoints of a headless service that clients here can dial, or a fair part."""
    service = facts.service
    if service.type is not ServiceType.HEADLESS:
        return ()
    own = named_endpoints(local, here) if local is not None and here in service.exporters else ()
    known = {cluster.id for cluster in facts.clusters}
    others = {
        h.cluster: h.endpoints
        for h in facts.headless
        if h.cluster in known and h.cluster in service.exporters
    }
    every = {here: own} | others
    parts = fair({cluster: [1] * len(found) for cluster, found in every.items()}, MAX_ENDPOINTS)
    return tuple(e for cluster, found in every.items() for e in found[: parts[cluster]])
