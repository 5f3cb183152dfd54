"""From the objects of a cluster to what it says about one service.

In: the objects of a source. Out: the export and backend to report, the local endpoints to plan
with, and whether the export is valid (KEP-1645). Next: `cluster_agent.report.table` and
`cluster_agent.snapshot.snapshots`.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from cluster_agent.observe.endpoints import local_service, service_ports
from cluster_agent.observe.uncallable import hollow
from cluster_agent.observe.usable_endpoints import NamespacesAt, in_words, usable
from cluster_agent.source.objects import Condition, Key, Objects
from federation.api.base import Document
from federation.api.kubernetes import EndpointSliceDocument, ServiceDocument
from federation.api.mcs import ServiceExportDocument
from federation.model.addresses import Network, read_address
from federation.model.exports import (
    MAX_NAMED,
    Backend,
    Export,
    Group,
    Headless,
    NamedEndpoint,
    ServiceType,
    Transport,
)
from federation.model.facts import Endpoint, LocalService
from federation.model.names import ClusterId, ServiceName

_MOST_NAMED_PORTS = 1_000
"""Of a headless service in one cluster: endpoints times ports, so that they fit into a report."""
VALID = Condition("Valid", "True", "Valid", "the service can be exported")


@dataclass(frozen=True, slots=True)
class LocalHealth:
    """What the cluster's own proxies know better than its objects.

    `leaving`: workloads whose sidecar says that it goes. `failing`: addresses whose sidecar does
    not answer this cluster's gateways. `dead`: ports of workloads at which nothing listens now.
    `places`: at which of their addresses the sidecars of workloads are.
    """

    leaving: AbstractSet[str] = frozenset()
    failing: AbstractSet[str] = frozenset()
    dead: Mapping[str, AbstractSet[int]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


ALL_WELL = LocalHealth()


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen of one service; `valid` is None without a ServiceExport.

    `headless`: its endpoints by name, when it is exported without an address of its own.
    `left_out`: why endpoints are not used, one sentence each. `hollow`: why nobody can call it
    though it is valid. `remarks`: what its documents say that has no effect.
    """

    export: Export | None
    backend: Backend | None
    local: LocalService | None
    valid: Condition | None
    headless: Headless | None = None
    left_out: tuple[str, ...] = ()
    hollow: Condition | None = None
    remarks: tuple[str, ...] = ()


def observe_service(
    name: ServiceName,
    slices: Iterable[EndpointSliceDocument],
    objects: Objects,
    cluster: ClusterId,
    *,
    first_seen: int,
    local_health: LocalHealth = ALL_WELL,
    loopback: bool = False,
    offered: tuple[Network, ...] = (),
    namespaces_at: NamespacesAt = lambda _: frozenset(),
) -> Observed:
    """What the objects say about a service; `slices` are its EndpointSlices.

    `loopback`: endpoints may have loopback addresses. `offered`: where gateways offer services.
    `namespaces_at`: whose Pods have an address.
    `first_seen` (seconds since 1970) stands in for a creation time the document does not have.
    """
    service = objects.get(Key("Service", *name))
    wanted = objects.get(Key("ServiceExport", *name))
    local = None
    used: tuple[EndpointSliceDocument, ...] = ()
    left_out: tuple[str, ...] = ()
    if isinstance(service, ServiceDocument):
        used, left_out = usable(
            slices, loopback=loopback, offered=offered, namespaces_at=namespaces_at
        )
        seen = local_service(name, service, used, objects, local_health.places)
        local = _with_health(seen, local_health)
    if not isinstance(wanted, ServiceExportDocument):
        return Observed(None, None, local, None, left_out=left_out)
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
    return Observed(
        export,
        _backend(local, cluster),
        local,
        _valid(left_out),
        headless,
        left_out,
        hollow(service, used, local),
        _remarks([wanted, service, *used, *_pods(local, objects)]),
    )


def _pods(local: LocalService, objects: Objects) -> Iterable[Document | None]:
    names = dict.fromkeys(e.workload.partition("/")[::2] for e in local.endpoints if e.workload)
    return (objects.get(Key("Pod", *name)) for name in names)


def _remarks(documents: Iterable[Document | None]) -> tuple[str, ...]:
    """With the kind of the document, whose own name is said where there may be several."""
    return tuple(
        f"{type(found).__name__.removesuffix('Document')} {found.name}: {remark}"
        for found in documents
        if found is not None
        for remark in found.remarks
    )


def _valid(left_out: tuple[str, ...]) -> Condition:
    if not left_out:
        return VALID
    reasons = in_words(left_out)
    return replace(VALID, message=f"{VALID.message}, without {len(left_out)} endpoints: {reasons}")


def _with_health(local: LocalService, local_health: LocalHealth) -> LocalService:
    endpoints = tuple(
        replace(
            e,
            draining=e.draining or e.workload in local_health.leaving,
            ready=e.ready and not (e.sidecar and _is_lost(e, local_health)),
        )
        for e in local.endpoints
    )
    return replace(local, endpoints=endpoints)


def _is_lost(endpoint: Endpoint, local_health: LocalHealth) -> bool:
    """Whether its sidecar does not answer, or nothing answers behind it."""
    ports = {port for _, port in endpoint.targets}
    is_dead = bool(ports) and ports <= local_health.dead.get(endpoint.workload, frozenset())
    return is_dead or endpoint.address in local_health.failing


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
        ports=service_ports(spec.ports),
        session_affinity=spec.session_affinity,
        session_seconds=spec.affinity_config.client_ip.timeout_seconds if has_affinity else 0,
        internal_traffic_policy=spec.internal_traffic_policy,
        traffic_distribution=spec.traffic_distribution,
        labels=tuple(sorted(wanted.spec.labels.items())),
        annotations=tuple(sorted(wanted.spec.annotations.items())),
        ip_families=tuple(spec.ip_families),
    )


def _backend(local: LocalService, cluster: ClusterId) -> Backend:
    """Endpoints with a sidecar count; when none has one, all do, behind the gateway."""
    behind_sidecars = [e for e in local.endpoints if e.sidecar]
    counted = behind_sidecars or list(local.endpoints)
    zones = sorted({e.zone for e in counted})
    ports = tuple(p.number for p in local.ports if p.transport is Transport.TCP)
    return Backend(
        local.name,
        cluster,
        ports,
        tuple(
            Group(
                zone,
                sum(e.zone == zone and _can_be_dialled(e, ports) for e in counted),
                sum(e.zone == zone for e in counted),
            )
            for zone in zones
        ),
        tuple(sorted({e.account for e in behind_sidecars if e.account})),
        terminated=bool(counted) and not behind_sidecars,
    )


def _can_be_dialled(endpoint: Endpoint, ports: tuple[int, ...]) -> bool:
    return endpoint.ready and not endpoint.draining and bool(endpoint.targets or not ports)


def named_endpoints(local: LocalService, cluster: ClusterId) -> tuple[NamedEndpoint, ...]:
    """The ready endpoints, sorted; their addresses stand in for missing hostnames (as CoreDNS)."""
    ready = (e for e in local.endpoints if e.ready and not e.draining)
    found = ((e, _answered(e)) for e in ready)
    return tuple(
        NamedEndpoint(cluster, e.hostname or _label(addresses[0]), addresses, e.ports)
        for e, addresses in found
        if addresses
    )


def _answered(endpoint: Endpoint) -> tuple[str, ...]:
    """Its addresses as DNS may tell them, IPv4 first: an old address in a new dress is none."""
    known = sorted(map(read_address, (endpoint.address, *endpoint.others)), key=lambda a: a.version)
    return tuple(
        str(a)
        for a in known
        if a.version == 4 or a.ipv4_mapped is None  # noqa: PLR2004
    )


def _label(address: str) -> str:
    """An address as a label: `.` and `:` become `-`, and an end that is one gets a 0."""
    text = address.replace(".", "-").replace(":", "-")
    return f"{'0' if text.startswith('-') else ''}{text}{'0' if text.endswith('-') else ''}"
