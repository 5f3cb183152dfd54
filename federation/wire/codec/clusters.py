"""Clusters, their gateways, and whom to trust, to messages and back (`federation.wire.codec`).

Decoding parses once and raises InvalidInput.
"""

from federation.model.exports import Gateway
from federation.model.facts import Bundle, Cluster
from federation.model.names import parse_cluster_id, parse_port, parse_subdomain
from federation.wire import federation_pb2 as pb
from federation.wire.codec.checks import few, ip_text, parse_message, printable, word

MAX_GATEWAYS = 64
MAX_ZONES = 32
MAX_ANCHORS = 8


def encode_gateway(gateway: Gateway) -> bytes:
    """A Gateway as bytes."""
    return _gateway(gateway).SerializeToString(deterministic=True)


def _gateway(gateway: Gateway) -> pb.Gateway:
    return pb.Gateway(
        name=gateway.name, address=gateway.address, port=gateway.port, zone=gateway.zone
    )


def encode_cluster(cluster: Cluster) -> bytes:
    """A Cluster fact as bytes."""
    return pb.Cluster(
        id=cluster.id,
        region=cluster.region,
        zones=cluster.zones,
        network=cluster.network,
        trust_domain=cluster.trust_domain,
        gateways=[_gateway(g) for g in cluster.gateways],
        replace_key=cluster.replace_key,
    ).SerializeToString(deterministic=True)


def encode_bundle(bundle: Bundle) -> bytes:
    """A Bundle fact as bytes."""
    return pb.Bundle(trust_domain=bundle.trust_domain, anchors=bundle.anchors).SerializeToString(
        deterministic=True
    )


def decode_gateway(body: bytes) -> Gateway:
    """The Gateway in `body`; raises InvalidInput."""
    return _read_gateway(parse_message(pb.Gateway(), body))


def _read_gateway(message: pb.Gateway) -> Gateway:
    return Gateway(
        parse_subdomain(message.name, "gateway name"),
        ip_text(message.address, f"address of gateway {message.name!r}"),
        parse_port(message.port, f"port of gateway {message.name!r}"),
        word(message.zone, "zone"),
    )


def decode_cluster(body: bytes) -> Cluster:
    """The Cluster fact in `body`; raises InvalidInput."""
    message = parse_message(pb.Cluster(), body)
    return Cluster(
        id=parse_cluster_id(message.id),
        region=word(message.region, "region"),
        zones=tuple(word(z, "zone") for z in few(message.zones, MAX_ZONES, "zones")),
        network=word(message.network, "network"),
        trust_domain=parse_subdomain(message.trust_domain, "trust domain"),
        gateways=tuple(_read_gateway(g) for g in few(message.gateways, MAX_GATEWAYS, "gateways")),
        replace_key=printable(message.replace_key, "key to replace"),
    )


def decode_bundle(body: bytes) -> Bundle:
    """The Bundle fact in `body`; raises InvalidInput."""
    message = parse_message(pb.Bundle(), body)
    anchors = few(message.anchors, MAX_ANCHORS, "anchors")
    return Bundle(parse_subdomain(message.trust_domain, "trust domain"), tuple(anchors))
