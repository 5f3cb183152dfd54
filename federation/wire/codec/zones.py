"""What a DNS server is told by its agent, to messages and back (`federation.wire.codec`).

Decoding parses once and raises InvalidInput.
"""

from collections.abc import Sequence

from federation.model.exports import ServiceType
from federation.model.names import parse_cluster_id, parse_service_name
from federation.model.zones import Choice, GatewayNames, ServiceNames
from federation.wire import federation_pb2 as pb
from federation.wire.codec.checks import (
    few,
    ip_text,
    one_of,
    parse_message,
    read_ports,
    write_ports,
)
from federation.wire.codec.headless import read_endpoints, write_endpoints

MAX_ADDRESSES = 128
MAX_ENDPOINTS = 1_000
MAX_CLUSTERS = 1_000


def encode_service_names(names: ServiceNames) -> bytes:
    """A ServiceNames as bytes."""
    return pb.ServiceNames(
        service=str(names.service),
        type=names.type,
        ports=write_ports(names.ports),
        addresses=names.addresses,
        endpoints=write_endpoints(names.endpoints),
        nearest=[pb.Choice(share=c.share, addresses=c.addresses) for c in names.nearest],
        only=[pb.Only(cluster=cluster, addresses=found) for cluster, found in names.only],
    ).SerializeToString(deterministic=True)


def encode_gateway_names(names: GatewayNames) -> bytes:
    """A GatewayNames as bytes."""
    return pb.GatewayNames(cluster=names.cluster, addresses=names.addresses).SerializeToString(
        deterministic=True
    )


def decode_service_names(body: bytes) -> ServiceNames:
    """The ServiceNames in `body`; raises InvalidInput."""
    message = parse_message(pb.ServiceNames(), body)
    return ServiceNames(
        service=parse_service_name(message.service),
        type=one_of(ServiceType, message.type, "type"),
        ports=read_ports(message.ports),
        addresses=_addresses(message.addresses),
        endpoints=read_endpoints(few(message.endpoints, MAX_ENDPOINTS, "endpoints")),
        nearest=tuple(
            Choice(max(1, c.share), _addresses(c.addresses))
            for c in few(message.nearest, MAX_CLUSTERS, "choices")
        ),
        only=tuple(
            (parse_cluster_id(o.cluster), _addresses(o.addresses))
            for o in few(message.only, MAX_CLUSTERS, "clusters")
        ),
    )


def decode_gateway_names(body: bytes) -> GatewayNames:
    """The GatewayNames in `body`; raises InvalidInput."""
    message = parse_message(pb.GatewayNames(), body)
    return GatewayNames(parse_cluster_id(message.cluster), _addresses(message.addresses))


def _addresses(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(ip_text(a, "address") for a in few(found, MAX_ADDRESSES, "addresses"))
