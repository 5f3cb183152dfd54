"""What the controller knows, as a session without I/O: members and reports in, facts out.

Reports come from `federation.xds.receiver` (one per cluster), are judged by the operator's word
about that cluster (`checker`), merged per service (`federation.planning.merge`) and shown as facts
in `table`, from which every agent's stream is fed. Backends pass through byte for byte.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from federation.model.errors import InvalidInput
from federation.model.exports import Backend, Export, Gateway
from federation.model.imports import Bundle, Cluster, Service
from federation.model.names import ClusterId, ServiceName
from federation.planning.merge import merge
from federation.wire import codec
from federation.xds.receiver import Change, Check
from federation.xds.resources import Resource, resource
from federation.xds.snapshot import Table

Touched = set[tuple[str, str]]

MAX_EXPORTS = 10_000
"""Exports of one cluster; more is a mistake or an attack."""


@dataclass(frozen=True, slots=True)
class Member:
    """The operator's word about one cluster; `anchors` (PEM) is empty until it has joined."""

    id: ClusterId
    trust_domain: str
    region: str
    zones: tuple[str, ...] = ()
    network: str = "default"
    gateway_cidrs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()


class Registry:
    """Members and their reports, and the facts made of them."""

    def __init__(self) -> None:
        self.table = Table()
        self.members: dict[ClusterId, Member] = {}
        self._exports: dict[ServiceName, dict[ClusterId, Export]] = {}
        self._backends: dict[ServiceName, dict[ClusterId, Backend]] = {}
        self._gateways: dict[ClusterId, dict[str, Gateway]] = {}
        self._reported: set[ClusterId] = set()
        self._counts: dict[ClusterId, int] = {}

    def set_member(self, member: Member) -> Touched:
        """Take the operator's word about a cluster."""
        self.members[member.id] = member
        return self._show_cluster(member.id) | self._show_bundle(member)

    def has_all_reported(self) -> bool:
        """Whether every cluster that has joined has reported completely since the start."""
        return all(m.id in self._reported for m in self.members.values() if m.anchors)

    def mark_reported(self, cluster: ClusterId) -> None:
        """That cluster has said everything it has."""
        self._reported.add(cluster)

    def checker(self, cluster: ClusterId) -> Check:
        """The judge of single resources reported by `cluster`: raises InvalidInput."""

        def check(type_url: str, found: Resource) -> None:
            value = codec.DECODERS[type_url](found.body)
            match value:
                case Export() | Backend():
                    self._check_service(cluster, found.name, value)
                case Gateway():
                    self._check_gateway(cluster, value)
                case _:
                    raise InvalidInput(f"{type_url} is not something a cluster reports")

        return check

    def _check_service(self, cluster: ClusterId, name: str, value: Export | Backend) -> None:
        if value.cluster != cluster:
            raise InvalidInput(f"{name} names cluster {value.cluster}, but {cluster} reports it")
        if str(value.service) != name:
            raise InvalidInput(f"{name} describes service {value.service}")
        allowed = self.members[cluster].namespaces
        if allowed and value.service.namespace not in allowed:
            raise InvalidInput(
                f"namespace {value.service.namespace} may not be exported by cluster {cluster}, "
                f"only {', '.join(allowed)}"
            )
        if isinstance(value, Export) and self._is_one_too_many(cluster, value.service):
            raise InvalidInput(f"cluster {cluster} already exports {MAX_EXPORTS} services")

    def _is_one_too_many(self, cluster: ClusterId, service: ServiceName) -> bool:
        if cluster in self._exports.get(service, {}):
            return False
        return self.count_exports(cluster) >= MAX_EXPORTS

    def count_exports(self, cluster: ClusterId) -> int:
        """How many services the cluster exports."""
        return self._counts.get(cluster, 0)

    def _check_gateway(self, cluster: ClusterId, gateway: Gateway) -> None:
        allowed = self.members[cluster].gateway_cidrs
        address = ip_address(gateway.address)
        if allowed and not any(address in ip_network(cidr) for cidr in allowed):
            raise InvalidInput(
                f"gateway {gateway.name} of cluster {cluster} has address {gateway.address}, "
                f"but must lie within {', '.join(allowed)}"
            )

    def apply(self, cluster: ClusterId, changes: Iterable[Change], first_seen: int) -> Touched:
        """Take what a cluster reported (already judged); returns the facts that changed.

        An export that appears after the cluster had reported completely counts as no older than
        `first_seen` (seconds since 1970), so that nobody takes over a running service by
        backdating; 0 leaves the reported time as it is.
        """
        touched: Touched = set()
        dirty: set[ServiceName] = set()
        for change in changes:
            body = change.resource.body if change.resource is not None else None
            match change.type_url:
                case codec.EXPORT:
                    dirty.add(self._take_export(cluster, change.name, body, first_seen))
                case codec.BACKEND:
                    touched |= self._take_backend(cluster, change.name, body)
                case codec.GATEWAY:
                    self._take_gateway(cluster, change.name, body)
                    touched |= self._show_cluster(cluster)
                case _:
                    raise InvalidInput(f"{change.type_url} is not something a cluster reports")
        for name in dirty:
            touched |= self._show_service(name)
        return touched

    def _take_export(
        self, cluster: ClusterId, name: str, body: bytes | None, first_seen: int
    ) -> ServiceName:
        service = service_of(name)
        exports = self._exports.setdefault(service, {})
        before = exports.pop(cluster, None)
        gained = (body is not None) - (before is not None)
        self._counts[cluster] = self._counts.get(cluster, 0) + gained
        if body is not None:
            exports[cluster] = _not_older(codec.decode_export(body), before, first_seen)
        if not exports:
            del self._exports[service]
        return service

    def _take_backend(self, cluster: ClusterId, name: str, body: bytes | None) -> Touched:
        service = service_of(name)
        backends = self._backends.setdefault(service, {})
        fact = f"{name}@{cluster}"
        if body is None:
            backends.pop(cluster, None)
            changed = self.table.drop(codec.BACKEND, fact)
        else:
            backends[cluster] = codec.decode_backend(body)
            changed = self.table.put(codec.BACKEND, resource(fact, body))
        if not backends:
            del self._backends[service]
        return {(codec.BACKEND, fact)} if changed else set()

    def _take_gateway(self, cluster: ClusterId, name: str, body: bytes | None) -> None:
        gateways = self._gateways.setdefault(cluster, {})
        gateways.pop(name, None)
        if body is not None:
            gateways[name] = codec.decode_gateway(body)

    def _show_service(self, name: ServiceName) -> Touched:
        exports = self._exports.get(name)
        if exports is None:
            changed = self.table.drop(codec.SERVICE, str(name))
        else:
            body = codec.encode_service(merge(exports.values()))
            changed = self.table.put(codec.SERVICE, resource(str(name), body))
        return {(codec.SERVICE, str(name))} if changed else set()

    def _show_cluster(self, cluster: ClusterId) -> Touched:
        member = self.members.get(cluster)
        if member is None:
            return set()
        fact = Cluster(
            member.id,
            member.region,
            member.zones,
            member.network,
            member.trust_domain,
            self.gateways(cluster),
        )
        changed = self.table.put(codec.CLUSTER, resource(cluster, codec.encode_cluster(fact)))
        return {(codec.CLUSTER, cluster)} if changed else set()

    def _show_bundle(self, member: Member) -> Touched:
        if not member.anchors:
            return set()
        body = codec.encode_bundle(Bundle(member.trust_domain, member.anchors))
        changed = self.table.put(codec.BUNDLE, resource(member.trust_domain, body))
        return {(codec.BUNDLE, member.trust_domain)} if changed else set()

    def gateways(self, cluster: ClusterId) -> tuple[Gateway, ...]:
        """The gateways a cluster has reported, by name."""
        found = self._gateways.get(cluster, {}).values()
        return tuple(sorted(found, key=lambda gateway: gateway.name))

    def services(self) -> tuple[tuple[Service, tuple[Backend, ...]], ...]:
        """All services of the clusterset with their backends, by name."""
        return tuple(
            (
                merge(exports.values()),
                tuple(b for _, b in sorted(self._backends.get(name, {}).items())),
            )
            for name, exports in sorted(self._exports.items())
        )


def service_of(name: str) -> ServiceName:
    """The service in the name of an Export or Backend resource, which was checked before."""
    namespace, _, service = name.partition("/")
    return ServiceName(namespace, service)


def _not_older(export: Export, before: Export | None, first_seen: int) -> Export:
    floor = before.created if before is not None else first_seen
    if export.created >= floor:
        return export
    values = {name: getattr(export, name) for name in Export.__slots__}
    return Export(**{**values, "created": floor})
