"""The plan an agent makes of the facts for one importer, and what it needs for that.

Plans are made by `federation.planning.plan` and compiled for Envoy by `sidecar.outbound`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from federation.model.exports import ServicePort
from federation.model.locality import Locality
from federation.model.names import ClusterId, ServiceName


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Consumers of one cluster for whom the same plans hold, so that they share one snapshot.

    Those in a zone (empty: in none, or not known), of a namespace (empty: of any).
    """

    zone: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        return f"zone {self.zone}" + (f" namespace {self.namespace}" if self.namespace else "")


ANYWHERE = Scope()


@dataclass(frozen=True, slots=True)
class Importer:
    """For whom a plan is made: consumers of `scope` in a cluster that lies in `region`."""

    cluster: ClusterId
    region: str
    scope: Scope = ANYWHERE

    @property
    def locality(self) -> Locality:
        """Where the consumers are."""
        return Locality(self.region, self.scope.zone)


@dataclass(frozen=True, slots=True)
class Reachability:
    """Which gateways of other clusters the importer's gateways reach, and how far they are.

    `unreachable`: gateways (cluster, name) that do not answer them. `rtt`: round-trip times in
    seconds as `federation.planning.rtt_class` rounds them, 0 for near; clusters nobody measured are
    missing.
    """

    unreachable: frozenset[tuple[ClusterId, str]] = frozenset()
    rtt: tuple[tuple[ClusterId, float], ...] = ()


ALL_REACHABLE = Reachability()
"""What is assumed before anybody measured."""


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
    """A share of the traffic with its own tiers: what fails in a part fails over within it.

    Its share is `weight` out of the weights of all parts of the port; 0 gets nothing.
    """

    name: str
    weight: int
    tiers: tuple[Tier, ...]


WHOLE = "default"
"""The name of the only part of a service that nobody divided."""


@dataclass(frozen=True, slots=True)
class Division:
    """How one part of a service is meant: so much of the traffic, to these clusters alone."""

    name: str
    weight: int
    clusters: frozenset[ClusterId]


class Subject(NamedTuple):
    """What of a plan a reason is about; a part or cluster that is empty means all."""

    port: int
    part: str = ""
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """What one stage of planning did to a subject, and why it did."""

    stage: str
    subject: Subject
    what: str
    why: str


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
    sorted. `default_port` is the service's. `reasons` say what each stage of planning changed, in
    the order of the stages; plans that differ in nothing else are equal.
    """

    service: ServiceName
    ports: tuple[PortPlan, ...]
    identities: tuple[str, ...]
    default_port: int = 0
    reasons: tuple[Reason, ...] = field(default=(), compare=False)
