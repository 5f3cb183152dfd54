"""Facts as they come down, grouped by service: what `plan_service` is given.

In: changes of the Facts stream. Out: which services they concern. Decoded once, here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from federation.model.exports import Backend
from federation.model.imports import Bundle, Cluster, Service, ServiceFacts
from federation.model.names import ClusterId, ServiceName, parse_service_name
from federation.wire import codec
from federation.xds.receiver import Change


@dataclass(frozen=True, slots=True)
class Concerned:
    """What a batch of changes makes dirty."""

    services: frozenset[ServiceName]
    bundles: bool


class Facts:
    """The facts that this agent holds."""

    def __init__(self) -> None:
        self.services: dict[ServiceName, Service] = {}
        self.backends: dict[ServiceName, dict[ClusterId, Backend]] = {}
        self.clusters: dict[str, Cluster] = {}
        self.bundles: dict[str, Bundle] = {}

    def apply(self, changes: Iterable[Change]) -> Concerned:
        """Take changes that were checked before."""
        services: set[ServiceName] = set()
        bundles = False
        for change in changes:
            body = change.resource.body if change.resource is not None else None
            match change.type_url:
                case codec.SERVICE:
                    services.add(self._take_service(change.name, body))
                case codec.BACKEND:
                    services.add(self._take_backend(change.name, body))
                case codec.CLUSTER:
                    services |= self._take_cluster(change.name, body)
                case codec.BUNDLE:
                    self._take_bundle(change.name, body)
                    bundles = True
                case _:
                    pass
        return Concerned(frozenset(services), bundles)

    def _take_service(self, name: str, body: bytes | None) -> ServiceName:
        service = parse_service_name(name)
        if body is None:
            self.services.pop(service, None)
        else:
            self.services[service] = codec.decode_service(body)
        return service

    def _take_backend(self, name: str, body: bytes | None) -> ServiceName:
        full, _, cluster = name.partition("@")
        service = parse_service_name(full)
        backends = self.backends.setdefault(service, {})
        if body is None:
            backends.pop(ClusterId(cluster), None)
        else:
            backends[ClusterId(cluster)] = codec.decode_backend(body)
        if not backends:
            del self.backends[service]
        return service

    def _take_cluster(self, name: str, body: bytes | None) -> set[ServiceName]:
        if body is None:
            self.clusters.pop(name, None)
        else:
            self.clusters[name] = codec.decode_cluster(body)
        return {s for s, backends in self.backends.items() if ClusterId(name) in backends}

    def _take_bundle(self, name: str, body: bytes | None) -> None:
        if body is None:
            self.bundles.pop(name, None)
        else:
            self.bundles[name] = codec.decode_bundle(body)

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
        )
