"""What comes down: facts about the clusterset, and the plan an agent makes of them.

Facts are merged by `federation.planning.merge`, plans made by `federation.planning.plan`, and
compiled for Envoy by `sidecar.compile` and `gateway.compile`.
"""

from dataclasses import dataclass
from enum import StrEnum

from federation.model.exports import Backend, Gateway, Headless, Pairs, ServicePort, ServiceType
from federation.model.locality import Locality
from federation.model.names import ClusterId, ServiceName


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A merge conflict: `reason` is the MCS reason (PortConflict, ...), `message` for a person."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Service:
    """An exported service as the whole clusterset sees it (a ServiceImport to be).

    `ports` come in the order of their exports, the oldest export's first. `default_port` is the
    one that a call over HTTP without a port means, 0 when the oldest export has none. `unserved`:
    exporters and numbers of those of their ports that cannot serve those who call them.
    """

    name: ServiceName
    type: ServiceType
    ports: tuple[ServicePort, ...]
    exporters: tuple[ClusterId, ...]
    conflicts: tuple[Disagreement, ...] = ()
    default_port: int = 0
    session_affinity: str = "None"
    session_seconds: int = 0
    internal_traffic_policy: str = "Cluster"
    traffic_distribution: str = ""
    labels: Pairs = ()
    annotations: Pairs = ()
    ip_families: tuple[str, ...] = ()
    unserved: tuple[tuple[ClusterId, tuple[int, ...]], ...] = ()

    def serves(self, cluster: ClusterId, port: int) -> bool:
        """Whether that exporter can serve those who call this port, if it has it."""
        return port not in dict(self.unserved).get(cluster, ())


@dataclass(frozen=True, slots=True)
class Cluster:
    """A member of the clusterset: the operator's word, and the gateways it reported.

    `replace_key` is the SHA-256 of a key of its authority: it must make another one.
    """

    id: ClusterId
    region: str
    zones: tuple[str, ...]
    network: str
    trust_domain: str
    gateways: tuple[Gateway, ...] = ()
    replace_key: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The trust anchors of one cluster's trust domain: PEM of its twins.

    None at all means that the trust domain was revoked: its open connections are refused as well.
    """

    trust_domain: str
    anchors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pod or host of this cluster behind a service. Never leaves the cluster.

    `targets` maps a service port number to the port at `address`, sorted. `workload` is
    `namespace/pod`, empty without a Pod; `sidecar` says that its port 15006 speaks mTLS. `ports`
    are all ports of a headless service as they are here, whose clients dial them themselves.
    `others`: where else the same endpoint is, in the other family of IP. Two endpoints may have one
    address and different ports.
    """

    address: str
    workload: str
    zone: str
    account: str
    ready: bool
    sidecar: bool
    targets: tuple[tuple[int, int], ...]
    draining: bool = False
    hostname: str = ""
    ports: tuple[ServicePort, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalService:
    """A service of this cluster with its endpoints, exported or not."""

    name: ServiceName
    ports: tuple[ServicePort, ...]
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """All facts that concern one service; `clusters` are those of the backends and the importer.

    `headless` are the endpoints of other clusters that may be dialled from here.
    """

    service: Service
    backends: tuple[Backend, ...]
    clusters: tuple[Cluster, ...]
    headless: tuple[Headless, ...] = ()


@dataclass(frozen=True, slots=True)
class Importer:
    """For whom a plan is made."""

    cluster: ClusterId
    locality: Locality


@dataclass(frozen=True, slots=True)
class Sight:
    """How the importer's gateways see the other clusters.

    `unreachable`: gateways (cluster, name) that do not answer them. `rtt`: round-trip times in
    seconds as `federation.planning.rtt_class` rounds them, 0 for near; clusters nobody measured are
    missing.
    """

    unreachable: frozenset[tuple[ClusterId, str]] = frozenset()
    rtt: tuple[tuple[ClusterId, float], ...] = ()


class Health(StrEnum):
    """How Envoy is told to treat a target before it has seen anything itself.

    A degraded one is used when no tier has a healthy one, in the order of the tiers.
    """

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    UNHEALTHY = "UNHEALTHY"
    DRAINING = "DRAINING"


@dataclass(frozen=True, slots=True)
class Target:
    """An address to dial; `mtls` is False only for a local endpoint without a sidecar.

    `terminated`: the gateway at this address ends the mutual TLS itself.
    """

    address: str
    port: int
    health: Health = Health.HEALTHY
    mtls: bool = True
    terminated: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """Targets of one cluster and zone in one tier; `weight` counts the ready endpoints behind.

    `rtt` is the rounded round-trip time in seconds, 0 for near.
    """

    cluster: ClusterId
    locality: Locality
    weight: int
    targets: tuple[Target, ...]
    rtt: float = 0.0


@dataclass(frozen=True, slots=True)
class Tier:
    """Destinations that share the load; the next tier is used when this one fails."""

    destinations: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the traffic with its own tiers; parts of one plan have weights of their own."""

    name: str
    weight: int
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class PortPlan:
    """Where requests to one port of a service go, best tier first.

    `label` tells plans of one port from each other where a proxy has several. `own` is how the
    importer's cluster serves it: applications without a sidecar there are spoken to like that.
    """

    port: ServicePort
    sni: str
    parts: tuple[Part, ...]
    label: str = ""
    own: ServicePort | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a sidecar must know to reach one service, failover included.

    `ports` come in the service's order. `identities` are the exact SPIFFE ids that may answer,
    sorted. `default_port` is the service's.
    """

    service: ServiceName
    ports: tuple[PortPlan, ...]
    identities: tuple[str, ...]
    default_port: int = 0
