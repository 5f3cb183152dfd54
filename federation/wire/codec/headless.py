"""Endpoints of headless services, to messages and back (`federation.wire.codec`).

Decoding parses once and raises InvalidInput.
"""

from collections.abc import Iterable, Sequence

from federation.model.exports import MAX_NAMED, Headless, NamedEndpoint
from federation.model.names import parse_cluster_id, parse_label, parse_service_name
from federation.wire import federation_pb2 as pb
from federation.wire.codec.checks import few, ip_text, parse_message, read_ports, write_ports

_MAX_ADDRESSES = 2
"""One of each family."""


def encode_headless(found: Headless) -> bytes:
    """A Headless as bytes; the controller passes them on untouched."""
    return pb.Headless(
        service=str(found.service),
        cluster=found.cluster,
        endpoints=write_endpoints(found.endpoints),
    ).SerializeToString(deterministic=True)


def decode_headless(body: bytes) -> Headless:
    """The Headless in `body`; raises InvalidInput."""
    message = parse_message(pb.Headless(), body)
    return Headless(
        parse_service_name(message.service),
        parse_cluster_id(message.cluster),
        read_endpoints(few(message.endpoints, MAX_NAMED, "endpoints")),
    )


def write_endpoints(endpoints: Iterable[NamedEndpoint]) -> list[pb.NamedEndpoint]:
    """Endpoints with names as messages."""
    return [
        pb.NamedEndpoint(
            cluster=e.cluster,
            hostname=e.hostname,
            addresses=e.addresses,
            ports=write_ports(e.ports),
        )
        for e in endpoints
    ]


def read_endpoints(messages: Sequence[pb.NamedEndpoint]) -> tuple[NamedEndpoint, ...]:
    """The endpoints in messages; raises InvalidInput."""
    return tuple(map(_endpoint, messages))


def _endpoint(message: pb.NamedEndpoint) -> NamedEndpoint:
    return NamedEndpoint(
        parse_cluster_id(message.cluster),
        parse_label(message.hostname, "hostname of an endpoint"),
        tuple(ip_text(a, "address") for a in few(message.addresses, _MAX_ADDRESSES, "addresses")),
        read_ports(message.ports),
    )
