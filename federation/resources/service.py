"""Service (v1): what a cluster offers under one name."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, field_validator

from federation.model.exports import ServicePort, Transport
from federation.model.names import ServiceName
from federation.resources.document import Document, Key, LabelMetadata, Lenient
from federation.resources.fields import Misfit, OptionalLabel, Port, Text

SERVICE = "Service"
MAX_PORTS = 100
"""Ports of one Service; an EndpointSlice has no more either (reference: standards 1.7)."""

Type = Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]
DEFAULT_AFFINITY_SECONDS = 10_800
MAX_AFFINITY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class ServiceResource:
    """A Service; `ports` are sorted, `session_seconds` is 0 without affinity."""

    name: ServiceName
    type: Type
    headless: bool
    ports: tuple[ServicePort, ...]
    session_affinity: str = "None"
    session_seconds: int = 0
    internal_traffic_policy: str = "Cluster"
    traffic_distribution: str = ""
    ip_families: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Which object this is."""
        return Key(SERVICE, *self.name)


class PortDocument(Lenient):
    """An entry of spec.ports; the target port is read from the EndpointSlices instead."""

    name: OptionalLabel = ""
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: Port
    app_protocol: Text = ""


class ClientIpDocument(Lenient):
    """spec.sessionAffinityConfig.clientIP."""

    timeout_seconds: int = DEFAULT_AFFINITY_SECONDS

    @field_validator("timeout_seconds")
    @classmethod
    def _within_a_day(cls, seconds: int) -> int:
        if not 1 <= seconds <= MAX_AFFINITY_SECONDS:
            raise ValueError(f"must be between 1 and {MAX_AFFINITY_SECONDS} seconds")
        return seconds


class AffinityDocument(Lenient):
    """spec.sessionAffinityConfig."""

    client_ip: ClientIpDocument = Field(default=ClientIpDocument(), alias="clientIP")


class ServiceSpec(Lenient):
    """spec of a Service."""

    type: Type = "ClusterIP"
    cluster_ip: str = Field(default="", alias="clusterIP")
    ports: list[PortDocument] = Field(default_factory=list)
    session_affinity: Literal["None", "ClientIP"] = "None"
    session_affinity_config: AffinityDocument = AffinityDocument()
    internal_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    traffic_distribution: Text = ""
    ip_families: list[Literal["IPv4", "IPv6"]] = Field(default_factory=list)

    @field_validator("ports")
    @classmethod
    def _distinct(cls, ports: list[PortDocument]) -> list[PortDocument]:
        if len(ports) > MAX_PORTS:
            raise ValueError(f"must be at most {MAX_PORTS} ports")
        names: set[str] = set()
        numbers: set[tuple[str, int]] = set()
        for index, port in enumerate(ports):
            if len(ports) > 1 and not port.name:
                raise Misfit(f"[{index}].name", "", "must be set, since there are several ports")
            if port.name in names:
                raise Misfit(f"[{index}].name", port.name, "must differ from the other ports'")
            if (port.protocol, port.port) in numbers:
                must = f"must differ from the other {port.protocol} ports"
                raise Misfit(f"[{index}].port", port.port, must)
            names.add(port.name)
            numbers.add((port.protocol, port.port))
        return ports

    @field_validator("ip_families")
    @classmethod
    def _each_once(cls, families: list[str]) -> list[str]:
        if len(set(families)) < len(families):
            raise ValueError("must name each family once")
        return families


class ServiceDocument(Document):
    """A Service as people write it."""

    metadata: LabelMetadata
    spec: ServiceSpec = ServiceSpec()

    def resource(self) -> ServiceResource:
        """The Service's value."""
        spec = self.spec
        has_affinity = spec.session_affinity == "ClientIP"
        seconds = spec.session_affinity_config.client_ip.timeout_seconds
        return ServiceResource(
            name=ServiceName(self.metadata.space, self.metadata.name),
            type=spec.type,
            headless=spec.cluster_ip == "None",
            ports=tuple(sorted(map(_port, spec.ports), key=lambda p: (p.number, p.transport))),
            session_affinity=spec.session_affinity,
            session_seconds=seconds if has_affinity else 0,
            internal_traffic_policy=spec.internal_traffic_policy,
            traffic_distribution=spec.traffic_distribution,
            ip_families=tuple(spec.ip_families),
        )


def _port(port: PortDocument) -> ServicePort:
    return ServicePort(port.name, Transport(port.protocol), port.port, port.app_protocol)
