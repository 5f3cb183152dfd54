"""Facts as they come down, grouped by service: what `plan_service` is given.

In: changes of the Facts stream. Out: which services they concern. Decoded once, here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from federation.model.errors import InvalidInput
from federation.model.exports import Backend, Headless
from federation.model.facts import Bundle, Cluster, Service, ServiceFacts
from federation.model.names import ClusterId, ServiceName, parse_service_name
from federation.wire import codec
from federation.wire.codec.headless import decode_headless
from federation.wire.codec.services import decode_backend
from federation.xds.receiver import Change
from federation.xds.resources import Resource

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Concerned:
    """What a batch of changes makes dirty."""

    services: frozenset[ServiceName]
    bundles: bool
    clusters: bool = False


def check_fact(type_url: str, fact: Resource) -> None:
    """Raise InvalidInput for a fact that cannot be read, or is not what its name says."""
    match codec.KINDS[type_url].decode(fact.body):
        case Service() as service:
            name = str(service.name)
        case Backend() | Headless() as behind:
            name = f"{behind.service}@{behind.cluster}"
        case Cluster() as cluster:
            name = cluster.id
        case Bundle() as bundle:
            name = bundle.trust_domain
        case _:
            raise InvalidInput(f"{type_url} is no fact")
    if name != fact.name:
        raise InvalidInput(f"it describes {name}")


class Facts:
    """The facts that this agent holds."""

    def __init__(self) -> None:
        self.services: dict[ServiceName, Service] = {}
        self.backends: dict[ServiceName, dict[ClusterId, Backend]] = {}
        self.headless: dict[ServiceName, dict[ClusterId, Headless]] = {}
        self.clusters: dict[str, Cluster] = {}
        self.bundles: dict[str, Bundle] = {}

    def apply(self, changes: Iterable[Change]) -> Concerned:
        """Take changes that were checked before."""
        services: set[ServiceName] = set()
        bundles = clusters = False
        for change in changes:
            body = change.resource.body if change.resource is not None else None
            match change.type_url:
                case codec.SERVICE:
                    services.add(self._set_service(change.name, body))
                case codec.BACKEND:
                    services.add(_set_backend(self.backends, change.name, body, decode_backend))
                case codec.HEADLESS:
                    services.add(_set_backend(self.headless, change.name, body, decode_headless))
                case codec.CLUSTER:
                    services |= self._set_cluster(change.name, body)
                    clusters = True
                case codec.BUNDLE:
                    self._set_bundle(change.name, body)
                    bundles = True
                case _:
                    pass
        return Concerned(frozenset(services), bundles, clusters)

    def _set_service(self, name: str, body: bytes | None) -> ServiceName:
        service = parse_service_name(name)
        if body is None:
            self.services.pop(service, None)
        else:
            self.services[service] = codec.decode(Service, body)
        return service

    def _set_cluster(self, name: str, body: bytes | None) -> set[ServiceName]:
        if body is None:
            self.clusters.pop(name, None)
        else:
            self.clusters[name] = codec.decode(Cluster, body)
        return self.services_of(ClusterId(name))

    def services_of(self, cluster: ClusterId) -> set[ServiceName]:
        """The services that have backends in a cluster."""
        return {s for s, backends in self.backends.items() if cluster in backends}

    def _set_bundle(self, name: str, body: bytes | None) -> None:
        if body is None:
            self.bundles.pop(name, None)
        else:
            self.bundles[name] = codec.decode(Bundle, body)

    def of(self, service: ServiceName, here: ClusterId) -> ServiceFacts | None:
        """All facts about one service, None when nobody exports it."""
        found = self.services.get(service)
        if found is None:
            return None
        backends = self.backends.get(service, {})
        known = sorted({*backends, here})
        return ServiceFacts(
            found,
            tuple(backends[cluster] for cluster in sorted(backends)),
            tuple(self.clusters[cluster] for cluster in known if cluster in self.clusters),
            tuple(h for c, h in sorted(self.headless.get(service, {}).items()) if c != here),
        )


def _set_backend(
    found: dict[ServiceName, dict[ClusterId, _T]],
    name: str,
    body: bytes | None,
    decode: Callable[[bytes], _T],
) -> ServiceName:
    """Note what one cluster has behind a service; returns the service."""
    full, _, cluster = name.partition("@")
    service = parse_service_name(full)
    by_cluster = found.setdefault(service, {})
    by_cluster.pop(ClusterId(cluster), None)
    if body is not None:
        by_cluster[ClusterId(cluster)] = decode(body)
    if not by_cluster:
        del found[service]
    return service
