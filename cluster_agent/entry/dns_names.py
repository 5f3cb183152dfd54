"""What DNS servers are told of services and gateways.

In: services, and their addresses at gateways. Out: resources for DNS servers. A name waits until
the gateways listen at its addresses: whoever asked in between would be refused there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cluster_agent.entry.service_addresses import ServiceAddresses
from cluster_agent.observe.service import named_endpoints
from federation.envoy.build import Resource
from federation.model.exports import NamedEndpoint, ServiceType
from federation.model.facts import Cluster, LocalService, Service, ServiceFacts
from federation.model.names import ClusterId, ServiceName
from federation.model.zones import Choice, GatewayNames, ServiceNames
from federation.planning.share_cap import fair
from federation.wire import codec
from federation.wire.codec.zones import MAX_ENDPOINTS, encode_gateway_names, encode_service_names

NAMES = "names"
"""The table that DNS servers read."""


@dataclass(frozen=True, slots=True)
class Named:
    """A service as DNS needs it.

    `nearest`: clusters with their share, when callers are to be steered to them. `held_to`: the
    clusters that callers may ask for by name.
    """

    service: Service
    endpoints: tuple[NamedEndpoint, ...]
    nearest: tuple[tuple[ClusterId, int], ...]
    held_to: tuple[ClusterId, ...]


class DnsNames:
    """The names of services, and which of them wait for listeners."""

    def __init__(self, addresses: ServiceAddresses) -> None:
        self._addresses = addresses
        self._listening: dict[ServiceName, frozenset[str]] = {}
        self._waiting: set[ServiceName] = set()
        self._may_wait = False

    def set_synced(self) -> None:
        """All services are known: from now on a new address waits until somebody listens there."""
        self._may_wait = True

    @property
    def has_waiting(self) -> bool:
        """Whether there are addresses that nobody is told of yet."""
        return bool(self._waiting)

    def forget(self, name: ServiceName) -> None:
        """A service has gone."""
        self._listening.pop(name, None)
        self._waiting.discard(name)

    def release(self) -> list[ServiceName]:
        """The gateways listen at all addresses that they were told of; returns who waited."""
        waiting, self._waiting = self._waiting, set()
        for name in waiting:
            self._listening[name] = self._addresses.everywhere(name)
        return sorted(waiting)

    def resource(self, name: ServiceName, named: Named) -> Resource | None:
        """What DNS is told of a service; None when it stays as it is, since the name waits."""
        names = self._describe(name, named)
        everywhere = self._addresses.everywhere(name)
        listening = self._listening.get(name, frozenset())
        if self._may_wait and not everywhere <= listening:
            self._waiting.add(name)
            if not _addresses_in(names) <= listening:
                return None
        else:
            self._waiting.discard(name)
            self._listening[name] = everywhere
        return Resource(codec.SERVICE_NAMES, str(name), encode_service_names(names))

    def _describe(self, name: ServiceName, named: Named) -> ServiceNames:
        service = named.service
        plain = self._addresses.answered(name, "")
        is_headless = service.type is ServiceType.HEADLESS
        only = ((c, self._addresses.answered(name, f" only {c}")) for c in named.held_to)
        return ServiceNames(
            name,
            service.type,
            service.ports,
            () if is_headless else plain,
            named.endpoints,
            nearest=self._choices(name, named, plain),
            only=tuple((cluster, addresses) for cluster, addresses in only if addresses),
        )

    def _choices(
        self, name: ServiceName, named: Named, plain: tuple[str, ...]
    ) -> tuple[Choice, ...]:
        steered = tuple(
            Choice(share, addresses)
            for cluster, share in named.nearest
            if (addresses := self._addresses.answered(name, f" prefer {cluster}"))
        )
        return steered or ((Choice(1, plain),) if plain else ())


def gateway_names(clusters: Iterable[Cluster]) -> tuple[Resource, ...]:
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


def dialled_endpoints(
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


def _addresses_in(names: ServiceNames) -> set[str]:
    """The addresses that lead to gateways."""
    found = set(names.addresses)
    for choice in names.nearest:
        found.update(choice.addresses)
    for _, addresses in names.only:
        found.update(addresses)
    return found
