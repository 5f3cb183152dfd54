"""A large mesh as values: how many of what there are, who exports what, and where it all is.

In: sizes. Out: facts, plans and local services, as an agent would have them. Nothing is measured
here. Addresses are loopback ones: 127.72 for gateways of other clusters, 127.73 for own workloads,
127.74 for the proxies that are measured.
"""

from dataclasses import dataclass
from enum import StrEnum

from federation.model.exports import AppProtocol, Backend, Gateway, Group, ServicePort, ServiceType
from federation.model.exports import Transport as Layer
from federation.model.facts import Cluster, Endpoint, LocalService, Service, ServiceFacts
from federation.model.names import ClusterId, ServiceName, sni
from federation.model.plans import Importer, Reachability, Scope
from federation.planning.merge import default_port
from federation.planning.rtt_class import NEAR, STEP
from federation.trust.spiffe import trust_domain
from sidecar.compile import Inbound, InboundPort

DOMAIN = "mesh.test"
HOME = ClusterId("home")
REGION, ZONE = "eu", "a"
ACCOUNT, NAMESPACE = "api", "shop"

GATEWAYS_PER_CLUSTER = 2
EXPORTERS = 2
WORKLOADS_PER_SERVICE = 5

MTLS, SERVICE, APPLICATION = 15443, 80, 8080
OUTBOUND_ADDRESS, APP_ADDRESS, GATEWAY_ADDRESS = "127.74.0.1", "127.74.0.2", "127.74.0.3"

FAR_RTT = STEP
"""The nearest that counts as far; what is farther away has longer time-outs."""

HTTP = ServicePort("http", Layer.TCP, SERVICE, "http")
TCP = ServicePort("tcp", Layer.TCP, SERVICE, "tcp")
IMPORTER = Importer(HOME, REGION, Scope(ZONE))


@dataclass(frozen=True, slots=True)
class Size:
    """How many services are imported, how many clusters there are, how many sidecars at home."""

    services: int
    clusters: int
    sidecars: int


class Kind(StrEnum):
    """What there is behind an imported service; each has two clusters with two gateways each."""

    NEAR = "http_near"
    NEAR_AND_FAR = "http_near_and_far"
    TCP = "tcp_near_and_far"


def remote_cluster(number: int, gateways: int = GATEWAYS_PER_CLUSTER) -> Cluster:
    """One of the other clusters; the odd ones are far away."""
    name = ClusterId(f"cluster-{number}")
    region = REGION if number % 2 == 0 else "us"
    found = tuple(
        Gateway(f"gateway-{i + 1}", _address(72, number * gateways + i), MTLS, ZONE)
        for i in range(gateways)
    )
    return Cluster(name, region, (ZONE,), str(name), trust_domain(name, DOMAIN), found)


def home_cluster() -> Cluster:
    """The cluster that imports."""
    return Cluster(HOME, REGION, (ZONE,), "home", trust_domain(HOME, DOMAIN))


def trust_domains(size: Size) -> tuple[str, ...]:
    """Those of all clusters."""
    others = (f"cluster-{number}" for number in range(size.clusters - 1))
    return tuple(trust_domain(ClusterId(name), DOMAIN) for name in ("home", *others))


def service_name(number: int) -> ServiceName:
    """The services have names of their own."""
    return ServiceName(NAMESPACE, f"service-{number:04}")


def imported(number: int, kind: Kind, size: Size) -> ServiceFacts:
    """The facts of one imported service."""
    name, port = service_name(number), TCP if kind is Kind.TCP else HTTP
    clusters = tuple(remote_cluster(n) for n in _exporters(number, kind, size))
    backends = tuple(
        Backend(name, c.id, (SERVICE,), (Group(ZONE, 3, 3),), (ACCOUNT,)) for c in clusters
    )
    exporters = tuple(c.id for c in clusters)
    default = default_port((port,))
    stated = Service(name, ServiceType.CLUSTERSET_IP, (port,), exporters, default_port=default)
    return ServiceFacts(stated, backends, (home_cluster(), *clusters))


def _exporters(number: int, kind: Kind, size: Size) -> tuple[int, ...]:
    pairs = max(1, (size.clusters - 1) // 2)
    first = 2 * (number % pairs)
    if kind is Kind.NEAR:
        return first, 2 * ((number + 1) % pairs) if pairs > 1 else first + 2
    return first, first + 1


def reachability(facts: ServiceFacts) -> Reachability:
    """Every cluster was measured: the far ones are a step away."""
    return Reachability(
        rtt=tuple((c.id, NEAR if c.region == REGION else FAR_RTT) for c in facts.clusters)
    )


def own_services(sidecars: int) -> tuple[LocalService, ...]:
    """Services of the own cluster, a few workloads behind each, one exported port."""
    endpoints = [_endpoint(number) for number in range(sidecars)]
    step = WORKLOADS_PER_SERVICE
    return tuple(
        LocalService(service_name(i // step), (HTTP,), tuple(endpoints[i : i + step]))
        for i in range(0, sidecars, step)
    )


def one_service(sidecars: int) -> LocalService:
    """One service with all of them behind it."""
    endpoints = tuple(_endpoint(number) for number in range(sidecars))
    return LocalService(service_name(0), (HTTP,), endpoints)


def _endpoint(number: int) -> Endpoint:
    return Endpoint(
        address=workload_address(number),
        workload=f"{NAMESPACE}/pod-{number}",
        zone=ZONE,
        account=ACCOUNT,
        ready=True,
        sidecar=True,
        targets=((SERVICE, APPLICATION),),
    )


def workload_address(number: int) -> str:
    """Where the sidecar of an own workload is."""
    return _address(73, number)


def inbound(number: int) -> Inbound:
    """The sidecar of an own workload; it answers for its service and for the first one."""
    services = {service_name(number // WORKLOADS_PER_SERVICE), service_name(0)}
    ports = tuple(
        InboundPort(sni(name, SERVICE), APPLICATION, AppProtocol.HTTP1) for name in sorted(services)
    )
    address = workload_address(number)
    return Inbound(
        f"{NAMESPACE}/pod-{number}",
        address,
        APP_ADDRESS,
        ports,
        OUTBOUND_ADDRESS,
        trust_domain=home_cluster().trust_domain,
    )


def _address(second: int, number: int) -> str:
    return f"127.{second}.{number // 250}.{number % 250 + 1}"
