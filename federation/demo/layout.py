"""What the demo consists of: clusters, workloads, processes and their addresses.

In: a network of two numbers such as 127.10 and a count of clusters. Out: values, always the same
for the same input, so that every command can compute them again from the demo's marker file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from federation.model.errors import InvalidInput

NAMESPACE = "demo"
DOMAIN = "fedmesh.demo"
DEFAULT_NETWORK = "127.10"
DEFAULT_CLUSTERS = 3
SERVICE_PORT = 8080
SERVICE_GRPC_PORT = 9090
SERVICE_TCP_PORT = 7000

GRPC_PORT = 7443
API_PORT = 8443
AGENT_PORT = 15012
GATEWAY_PORT = 15443
INBOUND_PORT = 15006
OUTBOUND_PORT = 15001
READINESS_PORT = 15021
METRICS_PORT = 15090
DNS_PORT = 15053
LOCAL_TCP_PORT = 17000
"""Where the client's sidecar offers it the TCP port of `LOCAL_TCP_SERVICE`."""

_PLACES = (
    ("us-east", "us", "us-east-1"),
    ("us-west", "us", "us-west-1"),
    ("eu-west", "eu", "eu-west-1"),
    ("ap-south", "ap", "ap-south-1"),
    ("sa-east", "sa", "sa-east-1"),
)
MAX_CLUSTERS = len(_PLACES)
_WORKLOADS = (("web-1", "web"), ("api-1", "api"), ("api-2", "api"))
SERVICES = ("api", "orders", "web")
ONLY_ELSEWHERE = "orders"
"""A service of the same workloads as `api`; the first cluster has it not and calls the others."""
CLIENT = "web-1"
LOCAL_TCP_SERVICES = ("api", "orders")
_FIRST_WORKLOAD = 11


@dataclass(frozen=True, slots=True)
class Port:
    """A port of every service; its protocol is also the purpose of the application's address."""

    name: str
    number: int
    protocol: str


PORTS = (
    Port("http", SERVICE_PORT, "http"),
    Port("grpc", SERVICE_GRPC_PORT, "grpc"),
    Port("tcp-echo", SERVICE_TCP_PORT, "tcp"),
)


class Role(StrEnum):
    """What a process of the demo is; a link stands before a gateway that is far away."""

    CONTROLLER = "controller"
    AGENT = "agent"
    DNS = "dns"
    GATEWAY = "gateway"
    SIDECAR = "sidecar"
    APP = "app"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Workload:
    """A Pod of the demo: an application behind a sidecar; its account is its service's name."""

    name: str
    service: str
    address: str
    version: str = "v1"


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster of the demo.

    `rtt` is how far away it is in seconds; if it is, its gateway's Envoy listens at
    `gateway_inside` and a link with that delay at `gateway`. For clients without a sidecar its
    gateway listens in the range `entry`, a service at an address, which the server at `dns` tells.
    """

    id: str
    region: str
    zone: str
    agent: str
    gateway: str
    workloads: tuple[Workload, ...]
    services: tuple[str, ...] = SERVICES
    rtt: float = 0.0

    @property
    def dns(self) -> str:
        """Where the DNS server listens."""
        return f"{self.gateway.rpartition('.')[0]}.5"

    @property
    def entry(self) -> str:
        """The addresses of services at the gateway."""
        return f"{self.gateway.rpartition('.0.')[0]}.16.0/20"

    @property
    def gateway_inside(self) -> str:
        """Where the gateway's Envoy listens."""
        return f"{self.gateway.rpartition('.')[0]}.4" if self.rtt else self.gateway

    def client(self) -> Workload:
        """The workload that calls the others."""
        return next(w for w in self.workloads if w.name == CLIENT)

    def behind(self, service: str) -> tuple[Workload, ...]:
        """The workloads of a service, none where the cluster does not have it."""
        account = "api" if service == ONLY_ELSEWHERE else service
        return tuple(w for w in self.workloads if w.service == account and service in self.services)


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole demo; a cluster that comes back is held, then ramped (seconds).

    `leaf` and `intermediate` are the lives of certificates in seconds, as processes have them by
    themselves when nothing else is said.
    """

    network: str
    controller: str
    sites: tuple[Site, ...]
    hold: float = 10.0
    ramp: float = 30.0
    leaf: float = 3_600.0
    intermediate: float = 604_800.0


@dataclass(frozen=True, slots=True)
class Member:
    """A process to be; `addresses` are (what for, IP:PORT). `workload` is a sidecar's or app's."""

    name: str
    role: Role
    cluster: str
    addresses: tuple[tuple[str, str], ...]
    workload: str = ""

    def address(self, purpose: str) -> str:
        """The IP:PORT for a purpose."""
        return dict(self.addresses)[purpose]


def plan_layout(network: str = DEFAULT_NETWORK, clusters: int = DEFAULT_CLUSTERS) -> Layout:
    """Lay the demo out in the loopback network `127.A`: controller there, cluster i in 127.(A+i).

    Raises InvalidInput.
    """
    if not 1 <= clusters <= MAX_CLUSTERS:
        raise InvalidInput(f"--clusters is {clusters}, but must be between 1 and {MAX_CLUSTERS}")
    match = re.fullmatch(r"127\.(\d{1,3})", network)
    first = int(match[1]) if match else 0
    if not 1 <= first <= 255 - MAX_CLUSTERS:
        most = 255 - MAX_CLUSTERS
        raise InvalidInput(
            f"--network is {network[:40]!r}, but must be 127.N with N between 1 and {most}"
        )
    sites = tuple(_site(first + i, *_PLACES[i - 1]) for i in range(1, clusters + 1))
    home = replace(sites[0], services=tuple(s for s in SERVICES if s != ONLY_ELSEWHERE))
    sites = (home, *sites[1:])
    return Layout(network, f"127.{first}.0.1", sites)


def moved_away(layout: Layout, cluster: str, rtt: float) -> Layout:
    """The same with one cluster so many seconds away; raises InvalidInput."""
    far = find_site(layout, cluster)
    sites = tuple(replace(s, rtt=rtt) if s is far else s for s in layout.sites)
    return replace(layout, sites=sites)


def _site(second: int, cluster: str, region: str, zone: str) -> Site:
    prefix = f"127.{second}.0."
    workloads = tuple(
        Workload(name, service, f"{prefix}{_FIRST_WORKLOAD + i}")
        for i, (name, service) in enumerate(_WORKLOADS)
    )
    return Site(cluster, region, zone, f"{prefix}2", f"{prefix}3", workloads)


def members(layout: Layout) -> tuple[Member, ...]:
    """All processes, in the order in which they start."""
    host = layout.controller
    addresses = (("api", f"{host}:{API_PORT}"), ("grpc", f"{host}:{GRPC_PORT}"))
    found = [Member("controller", Role.CONTROLLER, "", addresses)]
    for site in layout.sites:
        found += _members_of(site)
    return tuple(found)


def _members_of(site: Site) -> list[Member]:
    agent = (("xds", f"{site.agent}:{AGENT_PORT}"),)
    gateway = (
        ("mtls", f"{site.gateway_inside}:{GATEWAY_PORT}"),
        ("readiness", f"{site.gateway_inside}:{READINESS_PORT}"),
    )
    found = [
        Member(f"{site.id}-agent", Role.AGENT, site.id, agent),
        Member(f"{site.id}-gateway", Role.GATEWAY, site.id, gateway),
    ]
    dns = {"dns": DNS_PORT, "health": READINESS_PORT, "metrics": METRICS_PORT}
    found.append(Member(f"{site.id}-dns", Role.DNS, site.id, tuple(_at(site.dns, dns))))
    if site.rtt:
        link = (("mtls", f"{site.gateway}:{GATEWAY_PORT}"),)
        found.append(Member(f"{site.id}-link", Role.LINK, site.id, link))
    for workload in site.workloads:
        app = tuple((port.protocol, f"{workload.address}:{port.number}") for port in PORTS)
        sidecar = _sidecar_addresses(workload)
        name = f"{site.id}-{workload.name}"
        found.append(Member(f"{name}-app", Role.APP, site.id, app, workload.name))
        found.append(Member(f"{name}-sidecar", Role.SIDECAR, site.id, sidecar, workload.name))
    return found


def local_tcp(service: str) -> tuple[str, int]:
    """What for, and at which port, the client's sidecar offers a service's TCP port."""
    return f"tcp-{service}", LOCAL_TCP_PORT + LOCAL_TCP_SERVICES.index(service)


def _sidecar_addresses(workload: Workload) -> tuple[tuple[str, str], ...]:
    ports = {"inbound": INBOUND_PORT, "outbound": OUTBOUND_PORT, "readiness": READINESS_PORT}
    if workload.name == CLIENT:
        ports |= {local_tcp(s)[0]: local_tcp(s)[1] for s in LOCAL_TCP_SERVICES}
    return tuple(_at(workload.address, ports))


def _at(host: str, ports: dict[str, int]) -> Iterator[tuple[str, str]]:
    return ((purpose, f"{host}:{port}") for purpose, port in ports.items())


def find_site(layout: Layout, cluster: str) -> Site:
    """The cluster of this id; raises InvalidInput."""
    for site in layout.sites:
        if site.id == cluster:
            return site
    raise InvalidInput(f"cluster {cluster!r} is not in the demo")


def backends_of(layout: Layout, cluster: str, service: str) -> tuple[Member, ...]:
    """The processes (application and sidecar) behind a service in one cluster."""
    names = {w.name for w in find_site(layout, cluster).behind(service)}
    return tuple(m for m in members(layout) if m.cluster == cluster and m.workload in names)


def service_host(service: str, port: int = SERVICE_PORT) -> str:
    """The Host header (gRPC: authority) under which a port of a service is called."""
    return f"{service}.{NAMESPACE}.svc.clusterset.local:{port}"
