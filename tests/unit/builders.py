"""Small constructors of model values: a test names only what it is about."""

from cluster_agent.entry.allocation import Addresses
from cluster_agent.entry.entry import Entry
from federation.model.exports import (
    Backend,
    Export,
    Gateway,
    Group,
    Headless,
    NamedEndpoint,
    Pairs,
    ServicePort,
    ServiceType,
    Transport,
)
from federation.model.facts import Cluster, Endpoint, LocalService, Service, ServiceFacts
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import Importer, Scope
from federation.planning.merge import default_port
from federation.wire import codec
from federation.xds.held_type import Change

DOMAIN = "mesh.test"
API = ServiceName("shop", "api")
HTTP = ServicePort("http", Transport.TCP, 80, "http")


def port(
    number: int = 80,
    name: str = "http",
    app: str = "http",
    transport: Transport = Transport.TCP,
) -> ServicePort:
    return ServicePort(name, transport, number, app)


def export(
    cluster: str = "east",
    *,
    created: int = 100,
    ports: tuple[ServicePort, ...] = (HTTP,),
    name: ServiceName = API,
    type: ServiceType = ServiceType.CLUSTERSET_IP,
    affinity: str = "None",
    seconds: int = 0,
    labels: Pairs = (),
    annotations: Pairs = (),
    families: tuple[str, ...] = ("IPv4",),
    traffic_policy: str = "Cluster",
    distribution: str = "",
) -> Export:
    return Export(
        service=name,
        cluster=ClusterId(cluster),
        created=created,
        type=type,
        ports=ports,
        session_affinity=affinity,
        session_seconds=seconds,
        internal_traffic_policy=traffic_policy,
        traffic_distribution=distribution,
        labels=labels,
        annotations=annotations,
        ip_families=families,
    )


def said(value: object) -> Change:
    """A value as the receiver of a report hands it on."""
    found = codec.resource_of(value)
    return Change(codec.kind_of(value).type_url, found.name, found, value)


def gateway(address: str = "10.1.0.1", zone: str = "", port: int = 15443) -> Gateway:
    return Gateway(f"gw-{address}", address, port, zone)


def cluster(
    id: str = "east",
    *,
    region: str = "eu",
    zones: tuple[str, ...] = ("a",),
    gateways: tuple[Gateway, ...] = (),
) -> Cluster:
    return Cluster(ClusterId(id), region, zones, "net", f"{id}.{DOMAIN}", gateways)


def backend(
    cluster: str = "west",
    *,
    ready: int = 1,
    ports: tuple[int, ...] = (80,),
    accounts: tuple[str, ...] = ("api",),
    zone: str = "a",
    name: ServiceName = API,
) -> Backend:
    return Backend(name, ClusterId(cluster), ports, (Group(zone, ready, max(ready, 1)),), accounts)


def headless(cluster: str = "west", *addresses: str, name: ServiceName = API) -> Headless:
    """What a cluster has behind a headless service: hostnames pod-0, pod-1, ... in order."""
    id = ClusterId(cluster)
    found = (
        NamedEndpoint(id, f"pod-{i}", (address,), (HTTP,)) for i, address in enumerate(addresses)
    )
    return Headless(name, id, tuple(found))


def endpoint(
    address: str = "10.0.0.1",
    *,
    zone: str = "a",
    ready: bool = True,
    sidecar: bool = True,
    draining: bool = False,
    account: str = "api",
    targets: tuple[tuple[int, int], ...] = ((80, 8080),),
) -> Endpoint:
    return Endpoint(
        address=address,
        workload=f"shop/api-{address}",
        zone=zone,
        account=account,
        ready=ready,
        sidecar=sidecar,
        targets=targets,
        draining=draining,
    )


def local_service(
    *endpoints: Endpoint, ports: tuple[ServicePort, ...] = (HTTP,), name: ServiceName = API
) -> LocalService:
    return LocalService(name, ports, endpoints)


def importer(cluster: str = "east", region: str = "eu", zone: str = "a") -> Importer:
    return Importer(ClusterId(cluster), region, Scope(zone))


def service(
    *exporters: str, ports: tuple[ServicePort, ...] = (HTTP,), name: ServiceName = API
) -> Service:
    ids = tuple(ClusterId(exporter) for exporter in exporters)
    return Service(name, ServiceType.CLUSTERSET_IP, ports, ids, default_port=default_port(ports))


def facts(
    of: Service,
    backends: tuple[Backend, ...] = (),
    clusters: tuple[Cluster, ...] = (),
    endpoints: tuple[Headless, ...] = (),
) -> ServiceFacts:
    return ServiceFacts(of, backends, clusters, endpoints)


def entry(cluster: str = "east") -> Entry:
    """Entry for clients without a sidecar, of a cluster whose gateways offer none yet."""
    return Entry(ClusterId(cluster), Addresses(), lambda: 0.0)
