"""What a cluster says upwards: exported services, their ready endpoints, its gateways.

Made by `cluster_agent.observe.service`, carried by `federation.wire.codec`, merged by
`federation.planning.merge`.
"""

from dataclasses import dataclass
from enum import StrEnum

from federation.model.names import ClusterId, ServiceName

Pairs = tuple[tuple[str, str], ...]

MAX_PORTS = 100
"""Ports of one service, in a report and when the exports of several clusters are united."""

MAX_NAMED = 250
"""Endpoints of one headless service in one cluster that have names: more are left out."""


class Transport(StrEnum):
    """The protocol field of a Kubernetes port."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class ServiceType(StrEnum):
    """The type of a ServiceImport (KEP-1645)."""

    CLUSTERSET_IP = "ClusterSetIP"
    HEADLESS = "Headless"


class AppProtocol(StrEnum):
    """How the last hop speaks to the application."""

    HTTP1 = "http/1.1"
    HTTP2 = "http/2"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; `app_protocol` is the text of the field, empty when absent."""

    name: str
    transport: Transport
    number: int
    app_protocol: str = ""


_BY_NAME = {
    "http": AppProtocol.HTTP1,
    "ws": AppProtocol.HTTP1,
    "kubernetes.io/ws": AppProtocol.HTTP1,
    "h2c": AppProtocol.HTTP2,
    "http2": AppProtocol.HTTP2,
    "grpc": AppProtocol.HTTP2,
    "kubernetes.io/h2c": AppProtocol.HTTP2,
}


def app_protocol(port: ServicePort) -> AppProtocol:
    """The application protocol by `appProtocol`, then the port name's prefix, else TCP."""
    stated = port.app_protocol.lower()
    prefix = port.name.partition("-")[0]
    if stated:
        return _BY_NAME.get(stated, AppProtocol.TCP)
    return _BY_NAME.get(prefix, AppProtocol.TCP)


@dataclass(frozen=True, slots=True)
class Export:
    """One cluster's ServiceExport together with the Service it names.

    `created` is the ServiceExport's creation time in whole seconds since 1970. `session_seconds`
    is 0 when there is no affinity. Labels and annotations are the *exported* ones, sorted by key.
    """

    service: ServiceName
    cluster: ClusterId
    created: int
    type: ServiceType
    ports: tuple[ServicePort, ...]
    session_affinity: str = "None"
    session_seconds: int = 0
    internal_traffic_policy: str = "Cluster"
    traffic_distribution: str = ""
    labels: Pairs = ()
    annotations: Pairs = ()
    ip_families: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints of one zone: all of them, and how many of those are ready.

    Counted are those with a sidecar; where none has one, all.
    """

    zone: str
    ready: int
    total: int


@dataclass(frozen=True, slots=True)
class Backend:
    """What one cluster has behind one service: no address of an endpoint leaves its cluster.

    `terminated`: no endpoint has a sidecar, so mutual TLS ends at the cluster's gateways.
    """

    service: ServiceName
    cluster: ClusterId
    ports: tuple[int, ...]
    groups: tuple[Group, ...]
    accounts: tuple[str, ...]
    terminated: bool = False

    @property
    def ready(self) -> int:
        """Ready endpoints in all zones."""
        return sum(group.ready for group in self.groups)


@dataclass(frozen=True, slots=True)
class NamedEndpoint:
    """A ready endpoint of a headless service; `hostname` is a DNS label.

    `ports` are those of the service at this endpoint, with the numbers that they have there.
    """

    cluster: ClusterId
    hostname: str
    addresses: tuple[str, ...]
    ports: tuple[ServicePort, ...]


@dataclass(frozen=True, slots=True)
class Headless:
    """The ready endpoints of one cluster behind a headless service, at most `MAX_NAMED` of them.

    Told only to clusters of the same network: what is in another cannot dial them.
    """

    service: ServiceName
    cluster: ClusterId
    endpoints: tuple[NamedEndpoint, ...]


@dataclass(frozen=True, slots=True)
class Gateway:
    """An east-west gateway of a cluster; `address` is an IP literal."""

    name: str
    address: str
    port: int
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The agent saw with its own eyes how something of a service went.

    `export`: the service is not exported any more; `endpoints`: its last ready endpoint went.
    """

    service: ServiceName
    cluster: ClusterId
    export: bool = False
    endpoints: bool = False
