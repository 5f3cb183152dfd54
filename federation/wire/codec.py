"""Values to messages and back: the border where bytes of a peer become trusted values.

Decoding parses names and numbers once (`federation.model`) and raises InvalidInput; inside nobody
re-checks. What proxies say and see is in `federation.wire.codec_proxies`, what DNS servers are told
in `federation.wire.codec_zones`.
"""

from collections.abc import Callable, Sequence

from federation.model.exports import (
    MAX_PORTS,
    Backend,
    Export,
    Gateway,
    Group,
    ServiceType,
    Tombstone,
)
from federation.model.imports import Bundle, Cluster, Disagreement, Service
from federation.model.names import (
    parse_cluster_id,
    parse_object_name,
    parse_port,
    parse_service_name,
    parse_subdomain,
)
from federation.wire import federation_pb2 as pb
from federation.wire.border import (
    few,
    ip_text,
    one_of,
    parse_message,
    printable,
    read_pairs,
    read_ports,
    word,
    write_ports,
)
from federation.wire.codec_headless import decode_headless
from federation.wire.codec_proxies import decode_observation, decode_proxy
from federation.wire.codec_zones import decode_gateway_names, decode_service_names
from federation.xds.sender import Rule

_PREFIX = "type.googleapis.com/fedmesh.v1."
EXPORT = _PREFIX + "Export"
BACKEND = _PREFIX + "Backend"
HEADLESS = _PREFIX + "Headless"
GATEWAY = _PREFIX + "Gateway"
SERVICE = _PREFIX + "Service"
CLUSTER = _PREFIX + "Cluster"
BUNDLE = _PREFIX + "Bundle"
OBSERVATION = _PREFIX + "Observation"
PROXY = _PREFIX + "Proxy"
TOMBSTONE = _PREFIX + "Tombstone"
SERVICE_NAMES = _PREFIX + "ServiceNames"
GATEWAY_NAMES = _PREFIX + "GatewayNames"

REPORTS = (TOMBSTONE, OBSERVATION, GATEWAY, HEADLESS, BACKEND, EXPORT)
"""What goes up, in this order: a service is told when what is behind it is known."""

PASSING = frozenset({TOMBSTONE, OBSERVATION})
"""Reports that are not worth keeping: they are told again."""

FACTS = (BUNDLE, CLUSTER, HEADLESS, BACKEND, SERVICE)
"""What comes down, in this order."""

NAMES = (GATEWAY_NAMES, SERVICE_NAMES)
"""What a DNS server is told by its agent."""


def in_order(types: Sequence[str]) -> tuple[Rule, ...]:
    """Rules by which the last type, which makes a service exist, comes last and goes first."""
    *others, last = types
    first = tuple(Rule(type_url, removals_after=(last,)) for type_url in others)
    return (*first, Rule(last, after=tuple(others)))


MAX_GROUPS = 64
MAX_ACCOUNTS = 256
MAX_GATEWAYS = 64
MAX_EXPORTERS = 1_000
MAX_CONFLICTS = 64
MAX_ZONES = 32
MAX_ANCHORS = 8
MAX_READY = 10_000
"""Ready endpoints that count, in one zone and in a whole cluster: who claims more gets no more."""
_MAX_CREATED = 253_402_300_799  # the end of the year 9999


def encode_export(export: Export) -> bytes:
    """An Export as bytes; equal values give equal bytes."""
    return pb.Export(
        service=str(export.service),
        cluster=export.cluster,
        created=export.created,
        type=export.type,
        ports=write_ports(export.ports),
        session_affinity=export.session_affinity,
        session_seconds=export.session_seconds,
        internal_traffic_policy=export.internal_traffic_policy,
        traffic_distribution=export.traffic_distribution,
        labels=dict(export.labels),
        annotations=dict(export.annotations),
        ip_families=export.ip_families,
    ).SerializeToString(deterministic=True)


def encode_service(service: Service) -> bytes:
    """A Service fact as bytes."""
    return pb.Service(
        name=str(service.name),
        type=service.type,
        ports=write_ports(service.ports),
        exporters=service.exporters,
        conflicts=[pb.Disagreement(reason=c.reason, message=c.message) for c in service.conflicts],
        default_port=service.default_port,
        session_affinity=service.session_affinity,
        session_seconds=service.session_seconds,
        internal_traffic_policy=service.internal_traffic_policy,
        traffic_distribution=service.traffic_distribution,
        labels=dict(service.labels),
        annotations=dict(service.annotations),
        ip_families=service.ip_families,
        unserved=[pb.Unserved(cluster=c, ports=ports) for c, ports in service.unserved],
    ).SerializeToString(deterministic=True)


def encode_backend(backend: Backend) -> bytes:
    """A Backend as bytes; the controller passes them on untouched."""
    return pb.Backend(
        service=str(backend.service),
        cluster=backend.cluster,
        ports=backend.ports,
        groups=[pb.Group(zone=g.zone, ready=g.ready, total=g.total) for g in backend.groups],
        accounts=backend.accounts,
        terminated=backend.terminated,
    ).SerializeToString(deterministic=True)


def encode_gateway(gateway: Gateway) -> bytes:
    """A Gateway as bytes."""
    return _gateway(gateway).SerializeToString(deterministic=True)


def _gateway(gateway: Gateway) -> pb.Gateway:
    return pb.Gateway(
        name=gateway.name, address=gateway.address, port=gateway.port, zone=gateway.zone
    )


def encode_tombstone(tombstone: Tombstone) -> bytes:
    """A Tombstone as bytes."""
    return pb.Tombstone(
        service=str(tombstone.service),
        cluster=tombstone.cluster,
        export=tombstone.export,
        endpoints=tombstone.endpoints,
    ).SerializeToString(deterministic=True)


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


def decode_export(body: bytes) -> Export:
    """The Export in `body`; raises InvalidInput."""
    message = parse_message(pb.Export(), body)
    return Export(
        service=parse_service_name(message.service),
        cluster=parse_cluster_id(message.cluster),
        created=min(max(0, message.created), _MAX_CREATED),
        type=one_of(ServiceType, message.type, "type"),
        ports=read_ports(message.ports),
        session_affinity=word(message.session_affinity, "session affinity"),
        session_seconds=message.session_seconds,
        internal_traffic_policy=word(message.internal_traffic_policy, "traffic policy"),
        traffic_distribution=printable(message.traffic_distribution, "traffic distribution"),
        labels=read_pairs(message.labels),
        annotations=read_pairs(message.annotations),
        ip_families=_read_families(message.ip_families),
    )


def decode_service(body: bytes) -> Service:
    """The Service fact in `body`; raises InvalidInput."""
    message = parse_message(pb.Service(), body)
    return Service(
        name=parse_service_name(message.name),
        type=one_of(ServiceType, message.type, "type"),
        ports=read_ports(message.ports),
        exporters=tuple(
            parse_cluster_id(c) for c in few(message.exporters, MAX_EXPORTERS, "exporters")
        ),
        conflicts=tuple(
            Disagreement(printable(c.reason, "reason"), printable(c.message, "message"))
            for c in few(message.conflicts, MAX_CONFLICTS, "conflicts")
        ),
        default_port=parse_port(message.default_port, "port") if message.default_port else 0,
        session_affinity=word(message.session_affinity, "session affinity"),
        session_seconds=message.session_seconds,
        internal_traffic_policy=word(message.internal_traffic_policy, "traffic policy"),
        traffic_distribution=printable(message.traffic_distribution, "traffic distribution"),
        labels=read_pairs(message.labels),
        annotations=read_pairs(message.annotations),
        ip_families=_read_families(message.ip_families),
        unserved=tuple(
            (parse_cluster_id(u.cluster), _read_numbers(u.ports))
            for u in few(message.unserved, MAX_EXPORTERS, "exporters")
        ),
    )


def _read_numbers(ports: Sequence[int]) -> tuple[int, ...]:
    return tuple(parse_port(port, "port") for port in few(ports, MAX_PORTS, "ports"))


def _read_families(families: Sequence[str]) -> tuple[str, ...]:
    return tuple(word(family, "ip family") for family in few(families, 2, "ip families"))


def decode_backend(body: bytes) -> Backend:
    """The Backend in `body`; raises InvalidInput."""
    message = parse_message(pb.Backend(), body)
    return Backend(
        service=parse_service_name(message.service),
        cluster=parse_cluster_id(message.cluster),
        ports=_read_numbers(message.ports),
        groups=_read_groups(few(message.groups, MAX_GROUPS, "groups")),
        accounts=tuple(
            parse_object_name(a, "service account")
            for a in few(message.accounts, MAX_ACCOUNTS, "accounts")
        ),
        terminated=message.terminated,
    )


def _read_groups(groups: Sequence[pb.Group]) -> tuple[Group, ...]:
    """The groups with their counts capped, each one and all together."""
    found = []
    left = MAX_READY
    for group in groups:
        ready = min(group.ready, left)
        left -= ready
        total = min(max(group.total, ready), MAX_READY)
        found.append(Group(word(group.zone, "zone"), ready, total))
    return tuple(found)


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


def decode_tombstone(body: bytes) -> Tombstone:
    """The Tombstone in `body`; raises InvalidInput."""
    message = parse_message(pb.Tombstone(), body)
    return Tombstone(
        parse_service_name(message.service),
        parse_cluster_id(message.cluster),
        message.export,
        message.endpoints,
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


DECODERS: dict[str, Callable[[bytes], object]] = {
    EXPORT: decode_export,
    BACKEND: decode_backend,
    HEADLESS: decode_headless,
    GATEWAY: decode_gateway,
    SERVICE: decode_service,
    CLUSTER: decode_cluster,
    BUNDLE: decode_bundle,
    OBSERVATION: decode_observation,
    PROXY: decode_proxy,
    TOMBSTONE: decode_tombstone,
    SERVICE_NAMES: decode_service_names,
    GATEWAY_NAMES: decode_gateway_names,
}
