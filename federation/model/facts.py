"""What comes down: facts about the clusterset, and the endpoints of the own cluster.

Facts are merged by `federation.planning.merge`. What an agent plans out of them:
`federation.model.plans`.
"""

from dataclasses import dataclass

from federation.model.exports import Backend, Gateway, Headless, Pairs, ServicePort, ServiceType
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
