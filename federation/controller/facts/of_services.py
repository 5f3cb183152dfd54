"""Small questions about exports and backends. Pure."""

from dataclasses import replace

from federation.model.exports import Backend, Export
from federation.model.names import ClusterId, ServiceName

Counts = tuple[ClusterId, int, int]


def counts(cluster: ClusterId, backend: Backend | None) -> Counts:
    """Ready and all endpoints of a service in one cluster."""
    if backend is None:
        return cluster, 0, 0
    return cluster, backend.ready, sum(group.total for group in backend.groups)


def service_of(name: str) -> ServiceName:
    """The service in the name of an Export or Backend resource, which was checked before."""
    namespace, _, service = name.partition("/")
    return ServiceName(namespace, service)


def not_older(export: Export, floor: int) -> Export:
    return export if export.created >= floor else replace(export, created=floor)
