"""From the objects of a cluster to what it says about one service.

In: the objects of a source. Out: the export and backend to report, the local endpoints to plan
with, and whether the export is valid (KEP-1645). Next: `cluster_agent.reports` and
`cluster_agent.proxies`.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from cluster_agent.sources.source import Condition, Key, Objects
from federation.model.exports import (
    MAX_NAMED,
    Backend,
    Export,
    Group,
    Headless,
    NamedEndpoint,
    ServicePort,
    ServiceType,
    Transport,
)
from federation.model.imports import Endpoint, LocalService
from federation.model.names import ClusterId, ServiceName
from federation.resources.kubernetes import (
    EndpointDocument,
    EndpointSliceDocument,
    NodeDocument,
    PodDocument,
    ServiceDocument,
    ServicePortDocument,
)
from federation.resources.serviceexport import ServiceExportDocument

_MOST_NAMED_PORTS = 1_000
"""Of a headless service in one cluster: endpoints times ports, so that they fit into a report."""
VALID = Condition("Valid", "True", "Valid", "the service can be exported")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the cluster's own proxies know better than its objects.

    `leaving`: workloads whose sidecar says that it goes. `failing`: addresses whose sidecar does
    not answer this cluster's gateways. `dead`: ports of workloads at which nothing listens now.
    """

    leaving: AbstractSet[str] = frozenset()
    failing: AbstractSet[str] = frozenset()
    dead: Mapping[str, AbstractSet[int]] = field(default_factory=dict)


ALL_WELL = Verdicts()


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen of one service; `valid` is None without a ServiceExport.

    `headless`: its endpoints by name, when it is exported without an address of its own.
    """

    export: Export | None
    backend: Backend | None
    local: LocalService | None
    valid: Condition | None
    headless: Headless | None = None


def observe_service(
    name: ServiceName,
    slices: Iterable[EndpointSliceDocument],
    objects: Objects,
    cluster: ClusterId,
    *,
    first_seen: int,
    verdicts: Verdicts = ALL_WELL,
) -> Observed:
    """What the objects say about a service; `slices` are its EndpointSlices.

    `first_seen` (seconds since 1970) stands in for a creation time the document does not have.
    """
    service = objects.get(Key("Service", *name))
    wanted = objects.get(Key("ServiceExport", *name))
    local = None
    if isinstance(service, ServiceDocument):
        local = _judged(_local(name, service, slices, objects), verdicts)
    if not isinstance(wanted, ServiceExportDocument):
        return Observed(None, None, local, None)
    if not isinstance(service, ServiceDocument) or local is None:
        reason = f"there is no Service {name} in this cluster"
        return Observed(None, None, None, Condition("Valid", "False", "NoService", reason))
    if service.spec.type == "ExternalName":
        reason = f"Service {name} has type ExternalName, which cannot be exported"
        invalid = Condition("Valid", "False", "InvalidServiceType", reason)
        return Observed(None, None, local, invalid)
    export = _export(name, service, wanted, cluster, first_seen)
    headless = None
    if export.type is ServiceType.HEADLESS:
        most = min(MAX_NAMED, _MOST_NAMED_PORTS // max(1, len(local.ports)))
        headless = Headless(name, cluster, named_endpoints(local, cluster)[:most])
    return Observed(export, _backend(local, cluster), local, VALID, headless)


def _judged(local: LocalService, verdicts: Verdicts) -> LocalService:
    endpoints = tuple(
        replace(
            e,
            draining=e.draining or e.workload in verdicts.leaving,
            ready=e.ready and not (e.sidecar and _is_lost(e, verdicts)),
        )
        for e in local.endpoints
    )
    return replace(local, endpoints=endpoints)


def _is_lost(endpoint: Endpoint, verdicts: Verdicts) -> bool:
    """Whether its sidecar does not answer, or nothing answers behind it."""
    ports = {port for _, port in endpoint.targets}
    is_dead = bool(ports) and ports <= verdicts.dead.get(endpoint.workload, frozenset())
    return is_dead or endpoint.address in verdicts.failing


def _export(
    name: ServiceName,
    service: ServiceDocument,
    wanted: ServiceExportDocument,
    cluster: ClusterId,
    first_seen: int,
) -> Export:
    spec = service.spec
    has_affinity = spec.session_affinity == "ClientIP"
    created = wanted.metadata.created
    return Export(
        service=name,
        cluster=cluster,
        created=first_seen if created is None else created,
        type=ServiceType.HEADLESS if spec.cluster_ip == "None" else ServiceType.CLUSTERSET_IP,
        ports=_ports(spec.ports),
        session_affinity=spec.session_affinity,
        session_seconds=spec.affinity_config.client_ip.timeout_seconds if has_affinity else 0,
        internal_traffic_policy=spec.internal_traffic_policy,
        traffic_distribution=spec.traffic_distribution,
        labels=tuple(sorted(wanted.spec.labels.items())),
        annotations=tuple(sorted(wanted.spec.annotations.items())),
        ip_families=tuple(spec.ip_families),
    )


def _ports(ports: Iterable[ServicePortDocument]) -> tuple[ServicePort, ...]:
    found = (ServicePort(p.name, Transport(p.protocol), p.port, p.app_protocol) for p in ports)
    return tuple(sorted(found, key=lambda p: (p.number, p.transport, p.name)))


def _backend(local: LocalService, cluster: ClusterId) -> Backend:
    """Endpoints with a sidecar count; when none has one, all do, behind the gateway."""
    behind_sidecars = [e for e in local.endpoints if e.sidecar]
    counted = behind_sidecars or list(local.endpoints)
    zones = sorted({e.zone for e in counted})
    return Backend(
        local.name,
        cluster,
        tuple(p.number for p in local.ports if p.transport is Transport.TCP),
        tuple(
            Group(
                zone,
                sum(e.zone == zone and e.ready and not e.draining for e in counted),
                sum(e.zone == zone for e in counted),
            )
            for zone in zones
        ),
        tuple(sorted({e.account for e in behind_sidecars if e.account})),
        terminated=bool(counted) and not behind_sidecars,
    )


def named_endpoints(local: LocalService, cluster: ClusterId) -> tuple[NamedEndpoint, ...]:
    """The ready endpoints, sorted; their addresses stand in for missing hostnames (as CoreDNS)."""
    ready = (e for e in local.endpoints if e.ready and not e.draining)
    found = ((e, ip_address(e.address)) for e in ready)
    return tuple(
        NamedEndpoint(cluster, e.hostname or _label(str(address)), (str(address),), e.ports)
        for e, address in found
        if address.version == 4 or address.ipv4_mapped is None  # noqa: PLR2004
    )


def _label(address: str) -> str:
    """An address as a label: `.` and `:` become `-`, and an end that is one gets a 0."""
    text = address.replace(".", "-").replace(":", "-")
    return f"{'0' if text.startswith('-') else ''}{text}{'0' if text.endswith('-') else ''}"


def _local(
    name: ServiceName,
    service: ServiceDocument,
    slices: Iterable[EndpointSliceDocument],
    objects: Objects,
) -> LocalService:
    ports = _ports(service.spec.ports)
    found: dict[str, Endpoint] = {}
    for part in sorted(slices, key=lambda s: s.name):
        if part.address_type == "FQDN":
            continue
        targets = _targets(ports, part)
        named = _ports_there(ports, part) if service.spec.cluster_ip == "None" else ()
        for endpoint in part.endpoints:
            seen = replace(_endpoint(name, endpoint, targets, objects), ports=named)
            before = found.get(seen.address)
            found[seen.address] = seen if before is None else _both(before, seen)
    return LocalService(name, ports, tuple(found[address] for address in sorted(found)))


def _both(first: Endpoint, second: Endpoint) -> Endpoint:
    """An address in two slices has the ports of both; the ready one knows the rest better."""
    best = first if first.ready or not second.ready else second
    ports = {(p.name, p.transport): p for p in (*second.ports, *first.ports)}
    return replace(
        best,
        targets=tuple(sorted(dict(second.targets + first.targets).items())),
        ports=tuple(ports[key] for key in sorted(ports)),
    )


def _targets(
    ports: tuple[ServicePort, ...], part: EndpointSliceDocument
) -> tuple[tuple[int, int], ...]:
    """Service port number → port at the endpoint, by the port's name."""
    by_name = {p.name or "": p.port for p in part.ports if p.protocol == "TCP"}
    return tuple(
        # A slice port without a number stands for every port.
        (port.number, by_name[port.name] or port.number)
        for port in ports
        if port.transport is Transport.TCP and port.name in by_name
    )


def _ports_there(
    ports: tuple[ServicePort, ...], part: EndpointSliceDocument
) -> tuple[ServicePort, ...]:
    """The service's ports with the numbers that they have at the endpoints of a slice."""
    by_name = {(p.name or "", Transport(p.protocol)): p.port for p in part.ports}
    return tuple(
        ServicePort(port.name, port.transport, by_name[port.name, port.transport] or port.number)
        for port in ports
        if (port.name, port.transport) in by_name
    )


def _endpoint(
    name: ServiceName,
    endpoint: EndpointDocument,
    targets: tuple[tuple[int, int], ...],
    objects: Objects,
) -> Endpoint:
    pod = _pod(name, endpoint, objects)
    node = endpoint.node_name or (pod.spec.node_name if pod else "")
    is_leaving = endpoint.conditions.terminating is True or (
        pod is not None and pod.metadata.deleted is not None
    )
    return Endpoint(
        address=endpoint.addresses[0],
        workload=f"{pod.namespace}/{pod.name}" if pod else "",
        zone=endpoint.zone or _zone(node, objects),
        account=pod.spec.service_account if pod else "",
        ready=endpoint.conditions.ready is not False,
        sidecar=pod is not None and pod.has_sidecar,
        targets=targets,
        draining=is_leaving,
        hostname=endpoint.hostname or "",
    )


def _pod(name: ServiceName, endpoint: EndpointDocument, objects: Objects) -> PodDocument | None:
    target = endpoint.target
    if target is None or target.kind != "Pod":
        return None
    found = objects.get(Key("Pod", target.namespace or name.namespace, target.name))
    return found if isinstance(found, PodDocument) else None


def _zone(node: str, objects: Objects) -> str:
    found = objects.get(Key("Node", "default", node)) if node else None
    return found.zone if isinstance(found, NodeDocument) else ""


def backend_summary(observed: Observed) -> str:
    """What is behind a service of this cluster, in words for a person."""
    endpoints = observed.local.endpoints if observed.local else ()
    if not endpoints:
        return "no endpoints"
    ready = [e for e in endpoints if e.ready and not e.draining]
    reachable = [e for e in ready if e.sidecar]
    if ready and not reachable:
        return f"{len(ready)} ready, none with a sidecar: others reach them through the gateway"
    without = f", {len(ready) - len(reachable)} of them without a sidecar: not for other clusters"
    counts = f"{len(ready)} ready of {len(endpoints)}"
    return counts + (without if len(reachable) < len(ready) else "")


def zone_of_workload(workload: str, objects: Objects) -> str:
    """The zone of the Node that a Pod ("namespace/name") runs on, empty when not known."""
    namespace, _, name = workload.partition("/")
    pod = objects.get(Key("Pod", namespace, name))
    return _zone(pod.spec.node_name, objects) if isinstance(pod, PodDocument) else ""


def account_of_workload(workload: str, objects: Objects) -> str | None:
    """The service account of a Pod ("namespace/name"), None when there is no such Pod."""
    namespace, _, name = workload.partition("/")
    pod = objects.get(Key("Pod", namespace, name))
    return pod.spec.service_account if isinstance(pod, PodDocument) else None


class Index:
    """Which objects make up which service, so that one change costs one service."""

    def __init__(self) -> None:
        self._slices: dict[ServiceName, set[Key]] = {}
        self._of_slice: dict[Key, ServiceName] = {}
        self._users: dict[Key, set[ServiceName]] = {}
        self._used: dict[ServiceName, set[Key]] = {}

    def affected(self, changed: Iterable[Key], objects: Objects) -> set[ServiceName]:
        """The services that these changes concern; call it once with every change."""
        found: set[ServiceName] = set()
        for key in changed:
            match key.kind:
                case "Service" | "ServiceExport":
                    found.add(ServiceName(key.namespace, key.name))
                case "EndpointSlice":
                    found.update(self._move_slice(key, objects))
                case _:
                    found |= self._users.get(key, set())
        for name in found:
            self._note_uses(name, objects)
        return found

    def slices(self, name: ServiceName, objects: Objects) -> list[EndpointSliceDocument]:
        """The EndpointSlices of a service."""
        found = (objects.get(key) for key in self._slices.get(name, ()))
        return [part for part in found if isinstance(part, EndpointSliceDocument)]

    def _move_slice(self, key: Key, objects: Objects) -> Iterator[ServiceName]:
        before = self._of_slice.pop(key, None)
        if before is not None:
            self._slices[before].discard(key)
            yield before
        part = objects.get(key)
        if isinstance(part, EndpointSliceDocument) and part.service:
            name = ServiceName(key.namespace, part.service)
            self._of_slice[key] = name
            self._slices.setdefault(name, set()).add(key)
            yield name

    def _note_uses(self, name: ServiceName, objects: Objects) -> None:
        """Remember which Pods and Nodes a service's endpoints refer to."""
        for key in self._used.pop(name, set()):
            self._users[key].discard(name)
        used = set(_references(name, self.slices(name, objects), objects))
        self._used[name] = used
        for key in used:
            self._users.setdefault(key, set()).add(name)


def _references(
    name: ServiceName, slices: Iterable[EndpointSliceDocument], objects: Objects
) -> Iterator[Key]:
    for part in slices:
        for endpoint in part.endpoints:
            target = endpoint.target
            node = endpoint.node_name or ""
            if target is not None and target.kind == "Pod":
                pod_key = Key("Pod", target.namespace or name.namespace, target.name)
                yield pod_key
                pod = objects.get(pod_key)
                node = node or (pod.spec.node_name if isinstance(pod, PodDocument) else "")
            if node:
                yield Key("Node", "default", node)
