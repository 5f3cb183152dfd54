"""EndpointSlice (discovery.k8s.io/v1): the addresses behind a Service."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from pydantic import Field, model_validator

from federation.model.exports import Transport
from federation.model.names import ServiceName
from federation.resources.document import Document, Key, Lenient, Metadata
from federation.resources.fields import (
    LabelValue,
    Misfit,
    OptionalLabel,
    OptionalSubdomain,
    Port,
)

ENDPOINT_SLICE = "EndpointSlice"
SERVICE_LABEL = "kubernetes.io/service-name"
_VERSIONS = {"IPv4": 4, "IPv6": 6}


@dataclass(frozen=True, slots=True)
class SlicePort:
    """A port at the addresses; no `number` stands for every port."""

    name: str
    transport: Transport
    number: int | None


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """One endpoint: its first address (the others lead to the same), `pod` is its name or empty."""

    address: str
    ready: bool = True
    terminating: bool = False
    hostname: str = ""
    node: str = ""
    zone: str = ""
    pod: str = ""


@dataclass(frozen=True, slots=True)
class EndpointSliceResource:
    """An EndpointSlice; `service` is None when it belongs to none, `dialable` false for names."""

    key: Key
    service: ServiceName | None
    dialable: bool
    ports: tuple[SlicePort, ...]
    endpoints: tuple[SliceEndpoint, ...]


class ConditionsDocument(Lenient):
    """endpoints[].conditions; an unset `ready` counts as ready (reference: standards 1.7)."""

    ready: bool = True
    terminating: bool = False


class TargetDocument(Lenient):
    """endpoints[].targetRef."""

    kind: str = ""
    name: OptionalSubdomain = ""


class EndpointDocument(Lenient):
    """An entry of endpoints."""

    addresses: list[str] = Field(min_length=1, max_length=100)
    conditions: ConditionsDocument = ConditionsDocument()
    hostname: OptionalLabel = ""
    node_name: OptionalSubdomain = ""
    zone: LabelValue = ""
    target_ref: TargetDocument = TargetDocument()


class SlicePortDocument(Lenient):
    """An entry of ports."""

    name: OptionalLabel = ""
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: Port | None = None


class EndpointSliceDocument(Document):
    """An EndpointSlice as controllers and people write it."""

    metadata: Metadata
    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: list[EndpointDocument] = Field(default_factory=list, max_length=1000)
    ports: list[SlicePortDocument] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _addresses_fit_their_type(self) -> "EndpointSliceDocument":
        version = _VERSIONS.get(self.address_type)
        for index, endpoint in enumerate(self.endpoints):
            if version is not None and not _is_of(version, endpoint.addresses[0]):
                where = f"endpoints[{index}].addresses[0]"
                must = f"must be an {self.address_type} address, since that is the addressType"
                raise Misfit(where, endpoint.addresses[0], must)
        return self

    def resource(self) -> EndpointSliceResource:
        """The slice's value."""
        meta = self.metadata
        service = meta.labels.get(SERVICE_LABEL, "")
        return EndpointSliceResource(
            key=Key(ENDPOINT_SLICE, meta.space, meta.name),
            service=ServiceName(meta.space, service) if service else None,
            dialable=self.address_type in _VERSIONS,
            ports=tuple(SlicePort(p.name, Transport(p.protocol), p.port) for p in self.ports),
            endpoints=tuple(_endpoint(e) for e in self.endpoints),
        )


def _is_of(version: int, text: str) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False


def _endpoint(found: EndpointDocument) -> SliceEndpoint:
    target = found.target_ref
    return SliceEndpoint(
        address=found.addresses[0],
        ready=found.conditions.ready,
        terminating=found.conditions.terminating,
        hostname=found.hostname,
        node=found.node_name,
        zone=found.zone,
        pod=target.name if target.kind == "Pod" else "",
    )
