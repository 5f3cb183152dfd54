"""Facts as they come down, grouped by service: what `plan_service` is given.

In: changes of the Facts stream, read when they came. Out: which services they concern.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from federation.model.exports import Backend, Headless
from federation.model.facts import Bundle, Cluster, Service, ServiceFacts
from federation.model.names import ClusterId, ServiceName, parse_service_name
from federation.wire import codec
from federation.xds.held_type import Change

_K = TypeVar("_K")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Concerned:
    """What a batch of changes makes dirty."""

    services: frozenset[ServiceName]
    bundles: bool
    clusters: bool = False


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
            name, value = change.name, change.value
            match change.type_url:
                case codec.SERVICE:
                    service = parse_service_name(name)
                    _set(self.services, service, value)
                    services.add(service)
                case codec.BACKEND:
                    services.add(_set_backend(self.backends, name, value))
                case codec.HEADLESS:
                    services.add(_set_backend(self.headless, name, value))
                case codec.CLUSTER:
                    _set(self.clusters, name, value)
                    services |= self.services_of(ClusterId(name))
                    clusters = True
                case codec.BUNDLE:
                    _set(self.bundles, name, value)
                    bundles = True
                case _:
                    pass
        return Concerned(frozenset(services), bundles, clusters)

    def services_of(self, cluster: ClusterId) -> set[ServiceName]:
        """The services that have backends in a cluster."""
        return {s for s, backends in self.backends.items() if cluster in backends}

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


def _set(found: dict[_K, _T], key: _K, value: _T | None) -> None:
    if value is None:
        found.pop(key, None)
    else:
        found[key] = value


def _set_backend(
    found: dict[ServiceName, dict[ClusterId, _T]], name: str, value: _T | None
) -> ServiceName:
    """Note what one cluster has behind a service; returns the service."""
    full, _, cluster = name.partition("@")
    service = parse_service_name(full)
    by_cluster = found.setdefault(service, {})
    _set(by_cluster, ClusterId(cluster), value)
    if not by_cluster:
        del found[service]
    return service
