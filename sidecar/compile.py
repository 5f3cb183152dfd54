"""A sidecar's Envoy resources: outbound from plans, inbound from what the workload serves.

In: `Plan`s (from `federation.planning.plan`) and an `Inbound`. Out: named bytes, which
`cluster_agent.workloads` serves to the sidecar's supervisor. Pure: equal input, equal bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any as Message

from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2

from federation.envoy import http
from federation.envoy.build import (
    Resource,
    address,
    downstream_tls,
    extension,
    packed,
    plain_match,
    resource,
    upstream_tls,
)
from federation.envoy.clusters import (
    application_cluster,
    eds_cluster,
    load_assignment,
    sender_http,
)
from federation.model.exports import AppProtocol, app_protocol
from federation.model.imports import Plan, PortPlan, Tier
from federation.model.names import ServiceName, host_name

OUTBOUND = "outbound"
INBOUND = "inbound"

NO_SUCH_SERVICE = "fedmesh: no such service in the clusterset\n"

_DEFAULT_HTTP_PORT = 80
_ALPN = ("h2", "http/1.1")


@dataclass(frozen=True, slots=True, order=True)
class InboundPort:
    """A service port of the workload: by which server name it is called, and where it listens."""

    sni: str
    port: int
    protocol: AppProtocol


@dataclass(frozen=True, slots=True)
class Inbound:
    """One workload and its sidecar's addresses (IP literals).

    `address` is where others dial (port `inbound_port`), `app_address` where the application
    listens, `outbound_address` where the application sends its requests to other services.
    """

    workload: str
    address: str
    app_address: str
    ports: tuple[InboundPort, ...]
    outbound_address: str
    outbound_port: int = 15001
    inbound_port: int = 15006


def compile_outbound(plan: Plan) -> tuple[Resource, ...]:
    """Clusters and endpoints by which a sidecar reaches one service, all tiers included."""
    return tuple(found for port in plan.ports for found in _outbound_port(port, plan.identities))


def virtual_hosts(plan: Plan) -> tuple[bytes, ...]:
    """The serialized virtual hosts of a plan, one per HTTP port, for `compile_routes`."""
    numbers = [port.port.number for port in plan.ports if _is_http(port)]
    if not numbers:
        return ()
    default = _DEFAULT_HTTP_PORT if _DEFAULT_HTTP_PORT in numbers else min(numbers)
    return tuple(
        http.virtual_host(
            _outbound_name(port.sni),
            _domains(plan.service, port.port.number, port.port.number == default),
            _outbound_name(port.sni),
        ).SerializeToString(deterministic=True)
        for port in plan.ports
        if _is_http(port)
    )


def compile_routes(hosts: Iterable[bytes]) -> bytes:
    """The route configuration `outbound` out of the virtual hosts of all plans."""
    parsed = [route_components_pb2.VirtualHost.FromString(host) for host in hosts]
    return packed(http.outbound_routes(OUTBOUND, parsed, NO_SUCH_SERVICE))


def compile_inbound(workload: Inbound) -> tuple[Resource, ...]:
    """Listeners of one workload, and the clusters of its application.

    Without a service there is no inbound listener: Envoy refuses one without filter chains.
    """
    ports = sorted(set(workload.ports))
    applications = sorted({(port.port, port.protocol) for port in ports})
    clusters = tuple(
        resource(name, application_cluster(name, workload.app_address, number, protocol))
        for number, protocol in applications
        for name in (_application_name(number, protocol),)
    )
    inbound = (_inbound_listener(workload, ports),) if ports else ()
    return (*clusters, *inbound, _outbound_listener(workload))


def _outbound_name(sni: str) -> str:
    return f"out~{sni}"


def _is_http(port: PortPlan) -> bool:
    return app_protocol(port.port) is not AppProtocol.TCP


def _outbound_port(port: PortPlan, identities: tuple[str, ...]) -> tuple[Resource, ...]:
    name = _outbound_name(port.sni)
    tiers = tuple(tier for part in port.parts for tier in part.tiers)
    plain = _has_plain(tiers)
    settings: dict[str, Message] = {}
    protocol = app_protocol(port.port)
    if protocol is AppProtocol.TCP:
        settings["transport_socket"] = upstream_tls(identities)
    else:
        # An endpoint without a sidecar is the application itself: it gets what it understands.
        spoken = protocol if plain else AppProtocol.HTTP2
        alpn = "http/1.1" if spoken is AppProtocol.HTTP1 else "h2"
        settings["typed_extension_protocol_options"] = sender_http(spoken)
        settings["transport_socket"] = upstream_tls(identities, alpn=(alpn,))
    if plain:
        settings["transport_socket_matches"] = plain_match()
    return (
        resource(name, eds_cluster(name, **settings)),
        resource(name, load_assignment(name, tiers, hostname=port.sni)),
    )


def _has_plain(tiers: Iterable[Tier]) -> bool:
    return any(
        not target.mtls
        for tier in tiers
        for destination in tier.destinations
        for target in destination.targets
    )


def _domains(service: ServiceName, port: int, is_default: bool) -> list[str]:
    """Names by which an application may call a port: full and short, with and without port."""
    hosts = (
        host_name(service),
        f"{service.name}.{service.namespace}.svc",
        f"{service.name}.{service.namespace}",
    )
    return [f"{host}:{port}" for host in hosts] + (list(hosts) if is_default else [])


def _application_name(port: int, protocol: AppProtocol) -> str:
    return f"app~{port}~{protocol.value}"


def _inbound_listener(workload: Inbound, ports: list[InboundPort]) -> Resource:
    inspector = extension("envoy.filters.listener.tls_inspector", tls_inspector_pb2.TlsInspector())
    listener = listener_pb2.Listener(
        name=INBOUND,
        address=address(workload.address, workload.inbound_port),
        traffic_direction="INBOUND",
        listener_filters=[inspector],
        filter_chains=[_inbound_chain(port) for port in ports],
    )
    return resource(INBOUND, listener)


def _inbound_chain(port: InboundPort) -> listener_components_pb2.FilterChain:
    """One chain per service port: changing one cuts its connections, adding one cuts none."""
    cluster = _application_name(port.port, port.protocol)
    if port.protocol is AppProtocol.TCP:
        tcp = tcp_proxy_pb2.TcpProxy(stat_prefix=INBOUND, cluster=cluster)
        filters = [extension("envoy.filters.network.tcp_proxy", tcp)]
        socket = downstream_tls()
    else:
        filters = [_inbound_http(cluster)]
        socket = downstream_tls(_ALPN)
    return listener_components_pb2.FilterChain(
        name=port.sni,
        filter_chain_match={"server_names": [port.sni]},
        filters=filters,
        transport_socket=socket,
    )


def _inbound_http(cluster: str) -> dict[str, Message]:
    return http.connection_manager(
        INBOUND,
        filters=[http.draining_when_unreached()],
        http2_protocol_options=http.receiving_http2(),
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
        local_reply_config=http.marking(),
        route_config=http.last_hop_routes(INBOUND, {"cluster": cluster}),
    )


def _outbound_listener(workload: Inbound) -> Resource:
    manager = http.connection_manager(
        OUTBOUND,
        rds=http.discovered_routes(OUTBOUND),
        http_protocol_options={"allow_absolute_url": {"value": True}, "accept_http_10": True},
        http2_protocol_options={"allow_connect": True},
        strip_trailing_host_dot=True,
    )
    listener = listener_pb2.Listener(
        name=OUTBOUND,
        address=address(workload.outbound_address, workload.outbound_port),
        traffic_direction="OUTBOUND",
        filter_chains=[{"filters": [manager]}],
    )
    return resource(OUTBOUND, listener)
