"""Values to messages and back: the border where bytes of a peer become trusted values.

Decoding parses names and numbers once (`federation.model`) and raises InvalidInput; inside nobody
re-checks.
"""

from collections.abc import Callable, Sequence

from federation.model.exports import (
    Backend,
    Export,
    Gateway,
    Group,
    ServicePort,
    ServiceType,
    Transport,
)
from federation.model.imports import Bundle, Cluster, Disagreement, Service
from federation.model.names import (
    parse_cluster_id,
    parse_port,
    parse_service_name,
    parse_subdomain,
)
from federation.model.proxies import Kind, Proxy, Refusal, State
from federation.wire import federation_pb2 as pb
from federation.wire.border import (
    MAX_TEXT,
    few,
    ip_text,
    one_of,
    parse_message,
    printable,
    read_pairs,
)
from federation.xds.session import Rule

_PREFIX = "type.googleapis.com/fedmesh.v1."
EXPORT = _PREFIX + "Export"
BACKEND = _PREFIX + "Backend"
GATEWAY = _PREFIX + "Gateway"
SERVICE = _PREFIX + "Service"
CLUSTER = _PREFIX + "Cluster"
BUNDLE = _PREFIX + "Bundle"
PROXY = _PREFIX + "Proxy"

REPORTS = (GATEWAY, BACKEND, EXPORT)
"""What goes up, in this order: a service is told when what is behind it is known."""

FACTS = (BUNDLE, CLUSTER, BACKEND, SERVICE)
"""What comes down, in this order."""


def in_order(types: Sequence[str]) -> tuple[Rule, ...]:
    """Rules by which the last type, which makes a service exist, comes last and goes first."""
    *others, last = types
    first = tuple(Rule(type_url, removals_after=(last,)) for type_url in others)
    return (*first, Rule(last, after=tuple(others)))


MAX_PORTS = 100
MAX_GROUPS = 64
MAX_ACCOUNTS = 256
MAX_GATEWAYS = 64
MAX_REFUSALS = 1_000
MAX_UNHEALTHY = 100_000
MAX_READY = 1_000_000


def _ports(ports: tuple[ServicePort, ...]) -> list[pb.Port]:
    return [
        pb.Port(name=p.name, transport=p.transport, number=p.number, app_protocol=p.app_protocol)
        for p in ports
    ]


def encode_export(export: Export) -> bytes:
    """An Export as bytes; equal values give equal bytes."""
    return pb.Export(
        service=str(export.service),
        cluster=export.cluster,
        created=export.created,
        type=export.type,
        ports=_ports(export.ports),
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
        ports=_ports(service.ports),
        exporters=service.exporters,
        conflicts=[pb.Disagreement(reason=c.reason, message=c.message) for c in service.conflicts],
        session_affinity=service.session_affinity,
        session_seconds=service.session_seconds,
        internal_traffic_policy=service.internal_traffic_policy,
        traffic_distribution=service.traffic_distribution,
        labels=dict(service.labels),
        annotations=dict(service.annotations),
        ip_families=service.ip_families,
    ).SerializeToString(deterministic=True)


def encode_backend(backend: Backend) -> bytes:
    """A Backend as bytes; the controller passes them on untouched."""
    return pb.Backend(
        service=str(backend.service),
        cluster=backend.cluster,
        ports=backend.ports,
        groups=[pb.Group(zone=g.zone, ready=g.ready, total=g.total) for g in backend.groups],
        accounts=backend.accounts,
    ).SerializeToString(deterministic=True)


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
        created=max(0, message.created),
        type=one_of(ServiceType, message.type, "type"),
        ports=_read_ports(message.ports),
        session_affinity=printable(message.session_affinity, "session affinity"),
        session_seconds=message.session_seconds,
        internal_traffic_policy=printable(message.internal_traffic_policy, "traffic policy"),
        traffic_distribution=printable(message.traffic_distribution, "traffic distribution"),
        labels=read_pairs(message.labels),
        annotations=read_pairs(message.annotations),
        ip_families=tuple(few(message.ip_families, 2, "ip families")),
    )


def decode_service(body: bytes) -> Service:
    """The Service fact in `body`; raises InvalidInput."""
    message = parse_message(pb.Service(), body)
    return Service(
        name=parse_service_name(message.name),
        type=one_of(ServiceType, message.type, "type"),
        ports=_read_ports(message.ports),
        exporters=tuple(parse_cluster_id(c) for c in message.exporters),
        conflicts=tuple(Disagreement(c.reason, c.message) for c in message.conflicts),
        session_affinity=printable(message.session_affinity, "session affinity"),
        session_seconds=message.session_seconds,
        internal_traffic_policy=printable(message.internal_traffic_policy, "traffic policy"),
        traffic_distribution=printable(message.traffic_distribution, "traffic distribution"),
        labels=read_pairs(message.labels),
        annotations=read_pairs(message.annotations),
        ip_families=tuple(message.ip_families),
    )


def decode_backend(body: bytes) -> Backend:
    """The Backend in `body`; raises InvalidInput."""
    message = parse_message(pb.Backend(), body)
    groups = few(message.groups, MAX_GROUPS, "groups")
    return Backend(
        service=parse_service_name(message.service),
        cluster=parse_cluster_id(message.cluster),
        ports=tuple(parse_port(p, "port") for p in few(message.ports, MAX_PORTS, "ports")),
        groups=tuple(
            Group(
                printable(g.zone, "zone"),
                min(g.ready, MAX_READY),
                min(max(g.total, g.ready), MAX_READY),
            )
            for g in groups
        ),
        accounts=tuple(
            parse_subdomain(a, "service account")
            for a in few(message.accounts, MAX_ACCOUNTS, "accounts")
        ),
    )


def decode_gateway(body: bytes) -> Gateway:
    """The Gateway in `body`; raises InvalidInput."""
    return _read_gateway(parse_message(pb.Gateway(), body))


def _read_gateway(message: pb.Gateway) -> Gateway:
    return Gateway(
        parse_subdomain(message.name, "gateway name"),
        ip_text(message.address, f"address of gateway {message.name!r}"),
        parse_port(message.port, f"port of gateway {message.name!r}"),
        printable(message.zone, "zone"),
    )


def decode_cluster(body: bytes) -> Cluster:
    """The Cluster fact in `body`; raises InvalidInput."""
    message = parse_message(pb.Cluster(), body)
    return Cluster(
        id=parse_cluster_id(message.id),
        region=printable(message.region, "region"),
        zones=tuple(message.zones),
        network=printable(message.network, "network"),
        trust_domain=parse_subdomain(message.trust_domain, "trust domain"),
        gateways=tuple(_read_gateway(g) for g in few(message.gateways, MAX_GATEWAYS, "gateways")),
    )


def decode_bundle(body: bytes) -> Bundle:
    """The Bundle fact in `body`; raises InvalidInput."""
    message = parse_message(pb.Bundle(), body)
    return Bundle(parse_subdomain(message.trust_domain, "trust domain"), tuple(message.anchors))


def encode_proxy(proxy: Proxy) -> bytes:
    """A Proxy as bytes."""
    return pb.Proxy(
        id=proxy.id,
        kind=proxy.kind,
        state=proxy.state,
        address=proxy.address,
        port=proxy.port,
        zone=proxy.zone,
        app_address=proxy.app_address,
        outbound_address=proxy.outbound_address,
        outbound_port=proxy.outbound_port,
        refused=[
            pb.Refusal(type_url=r.type_url, name=r.name, reason=r.reason) for r in proxy.refused
        ],
        unhealthy=proxy.unhealthy,
        sees_healthy=proxy.sees_healthy,
    ).SerializeToString(deterministic=True)


def decode_proxy(body: bytes) -> Proxy:
    """The Proxy in `body`; raises InvalidInput."""
    message = parse_message(pb.Proxy(), body)
    refused = few(message.refused, MAX_REFUSALS, "refusals")
    outbound = message.outbound_address
    return Proxy(
        id=printable(message.id, "id of the proxy"),
        kind=one_of(Kind, message.kind, "kind of the proxy"),
        state=one_of(State, message.state, "state of the proxy"),
        address=ip_text(message.address, "address of the proxy"),
        port=parse_port(message.port, "port of the proxy"),
        zone=printable(message.zone, "zone of the proxy"),
        app_address=ip_text(message.app_address, "app address") if message.app_address else "",
        outbound_address=ip_text(outbound, "outbound address") if outbound else "",
        outbound_port=parse_port(message.outbound_port, "outbound port") if outbound else 0,
        refused=tuple(Refusal(r.type_url, r.name, r.reason[:MAX_TEXT]) for r in refused),
        unhealthy=tuple(
            ip_text(a, "checked address")
            for a in few(message.unhealthy, MAX_UNHEALTHY, "unhealthy addresses")
        ),
        sees_healthy=message.sees_healthy,
    )


DECODERS: dict[str, Callable[[bytes], object]] = {
    EXPORT: decode_export,
    BACKEND: decode_backend,
    GATEWAY: decode_gateway,
    SERVICE: decode_service,
    CLUSTER: decode_cluster,
    BUNDLE: decode_bundle,
    PROXY: decode_proxy,
}


def _read_ports(ports: Sequence[pb.Port]) -> tuple[ServicePort, ...]:
    return tuple(
        ServicePort(
            printable(p.name, "port name"),
            one_of(Transport, p.transport, "protocol"),
            parse_port(p.number, "port"),
            printable(p.app_protocol, "appProtocol"),
        )
        for p in few(ports, MAX_PORTS, "ports")
    )
