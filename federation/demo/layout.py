"""What the demo consists of: clusters, workloads, processes and their addresses.

In: a network of two numbers such as 127.10 and a count of clusters. Out: values, always the same
for the same input, so that every command can compute them again from the demo's marker file.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from federation.model.errors import InvalidInput

NAMESPACE = "demo"
DOMAIN = "fedmesh.demo"
DEFAULT_NETWORK = "127.10"
DEFAULT_CLUSTERS = 3
SERVICE_PORT = 8080

GRPC_PORT = 7443
API_PORT = 8443
AGENT_PORT = 15012
GATEWAY_PORT = 15443
INBOUND_PORT = 15006
OUTBOUND_PORT = 15001
READINESS_PORT = 15021

_PLACES = (
    ("us-east", "us", "us-east-1"),
    ("us-west", "us", "us-west-1"),
    ("eu-west", "eu", "eu-west-1"),
    ("ap-south", "ap", "ap-south-1"),
    ("sa-east", "sa", "sa-east-1"),
)
MAX_CLUSTERS = len(_PLACES)
_WORKLOADS = (("web-1", "web"), ("api-1", "api"), ("api-2", "api"))
SERVICES = ("api", "web")
CLIENT = "web-1"
_FIRST_WORKLOAD = 11


class Role(StrEnum):
    """What a process of the demo is."""

    CONTROLLER = "controller"
    AGENT = "agent"
    GATEWAY = "gateway"
    SIDECAR = "sidecar"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Workload:
    """A Pod of the demo: an application behind a sidecar; its account is its service's name."""

    name: str
    service: str
    address: str
    version: str = "v1"


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster of the demo."""

    id: str
    region: str
    zone: str
    agent: str
    gateway: str
    workloads: tuple[Workload, ...]

    def client(self) -> Workload:
        """The workload that calls the others."""
        return next(w for w in self.workloads if w.name == CLIENT)

    def behind(self, service: str) -> tuple[Workload, ...]:
        """The workloads of a service."""
        return tuple(w for w in self.workloads if w.service == service)


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole demo; a cluster that comes back is held, then ramped (seconds)."""

    network: str
    controller: str
    sites: tuple[Site, ...]
    hold: float = 10.0
    ramp: float = 30.0


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
    return Layout(network, f"127.{first}.0.1", sites)


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
        ("mtls", f"{site.gateway}:{GATEWAY_PORT}"),
        ("readiness", f"{site.gateway}:{READINESS_PORT}"),
    )
    found = [
        Member(f"{site.id}-agent", Role.AGENT, site.id, agent),
        Member(f"{site.id}-gateway", Role.GATEWAY, site.id, gateway),
    ]
    for workload in site.workloads:
        address = workload.address
        app = (("http", f"{address}:{SERVICE_PORT}"),)
        sidecar = (
            ("inbound", f"{address}:{INBOUND_PORT}"),
            ("outbound", f"{address}:{OUTBOUND_PORT}"),
            ("readiness", f"{address}:{READINESS_PORT}"),
        )
        name = f"{site.id}-{workload.name}"
        found.append(Member(f"{name}-app", Role.APP, site.id, app, workload.name))
        found.append(Member(f"{name}-sidecar", Role.SIDECAR, site.id, sidecar, workload.name))
    return found


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


def service_host(service: str) -> str:
    """The Host header under which a service of the demo is called."""
    return f"{service}.{NAMESPACE}.svc.clusterset.local:{SERVICE_PORT}"
