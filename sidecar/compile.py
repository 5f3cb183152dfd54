"""A sidecar's listeners: what its workload serves, and where its application sends requests.

In: an `Inbound`. Out: named bytes, which `cluster_agent.serve.proxy_server` serves to the sidecar's
supervisor. Where requests go from there: `sidecar.outbound`. Pure: equal input, equal bytes.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any as Message

from envoy.config.listener.v3 import listener_components_pb2, listener_pb2

from federation.envoy import checks, heads, http, http1, limits, on_demand, tcp
from federation.envoy.build import Resource, address, downstream_tls, resource
from federation.envoy.clusters import application_cluster
from federation.envoy.last_hop import last_hop_filters
from federation.envoy.rbac import obeying
from federation.envoy.routes import routes_on_demand
from federation.envoy.spoofing import UNREACHED, naming_who_marked
from federation.model.exports import AppProtocol

INBOUND = "inbound"
OUTBOUND = on_demand.ROUTES

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
    A TCP connection from another workload, and a single request, lives for
    `tcp_connection_seconds`, 0 for ever. Requests of `revoked` trust domains are refused. At the
    ports `closing` the application closes connections of HTTP/1.1 without saying so. Gateways of
    `trust_domain`, its cluster's, may check whether it serves; nobody may when that is empty.
    """

    workload: str
    address: str
    app_address: str
    ports: tuple[InboundPort, ...]
    outbound_address: str
    outbound_port: int = 15001
    inbound_port: int = 15006
    tcp_connection_seconds: float = 0
    revoked: tuple[str, ...] = ()
    closing: tuple[int, ...] = ()
    trust_domain: str = ""


def compile_inbound(workload: Inbound) -> tuple[Resource, ...]:
    """Listeners of one workload, clusters and routes of its application.

    The routes of open connections can be changed, which the chains of a listener cannot. Without a
    service there is no inbound listener: Envoy refuses one without filter chains.
    """
    ports = sorted(set(workload.ports))
    applications = sorted({(port.port, port.protocol) for port in ports})
    clusters = tuple(
        resource(name, _application_cluster(name, workload, number, protocol))
        for number, protocol in applications
        for name in (_application_name(number, protocol),)
    )
    gate = http.Gate(workload.revoked, workload.tcp_connection_seconds)
    routes = tuple(
        resource(name, http.last_hop_routes(name, {"cluster": name}, gate))
        for number, protocol in applications
        if protocol is not AppProtocol.TCP
        for name in (_application_name(number, protocol),)
    )
    inbound = (_inbound_listener(workload, ports),) if ports else ()
    outbound = resource(OUTBOUND, routes_on_demand(OUTBOUND))
    return (*clusters, *routes, *inbound, outbound, _outbound_listener(workload))


def _application_name(port: int, protocol: AppProtocol) -> str:
    return f"app~{port}~{protocol.value}"


def _application_cluster(name: str, workload: Inbound, port: int, protocol: AppProtocol) -> Message:
    host = workload.app_address
    if protocol is AppProtocol.TCP:
        return tcp.application_cluster(name, host, port)
    closes = protocol is AppProtocol.HTTP1 and port in workload.closing
    return application_cluster(name, host, port, protocol, closes=closes)


def _inbound_listener(workload: Inbound, ports: list[InboundPort]) -> Resource:
    listener = listener_pb2.Listener(
        name=INBOUND,
        address=address(workload.address, workload.inbound_port),
        traffic_direction="INBOUND",
        listener_filters=[limits.inspector()],
        filter_chains=[
            *(_inbound_chain(port, workload.tcp_connection_seconds) for port in ports),
            *(
                checks.answering(name, workload.trust_domain)
                for name in sorted({port.sni for port in ports})
            ),
        ],
        socket_options=tcp.probed_sockets(),
        **limits.facing_strangers(),
    )
    return resource(INBOUND, listener)


def _inbound_chain(port: InboundPort, tcp_seconds: float) -> listener_components_pb2.FilterChain:
    """One chain per service port: changing one cuts its connections, adding one cuts none."""
    cluster = _application_name(port.port, port.protocol)
    if port.protocol is AppProtocol.TCP:
        filters = [tcp.proxy(INBOUND, cluster, most_seconds=tcp_seconds)]
        socket = downstream_tls()
    else:
        filters = [_inbound_http(cluster, http2=port.protocol is AppProtocol.HTTP2)]
        socket = downstream_tls(_ALPN)
    return listener_components_pb2.FilterChain(
        name=port.sni,
        filter_chain_match={"server_names": [port.sni]},
        filters=filters,
        transport_socket=socket,
        **limits.handshake(),
    )


def _inbound_http(cluster: str, *, http2: bool) -> dict[str, Message]:
    return http.connection_manager(
        INBOUND,
        filters=[obeying(), *last_hop_filters(UNREACHED, http.REFUSED, http2=http2)],
        upgrading=http.upgrading_filters(),
        **http.receiving(),
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
        local_reply_config=http.marking(),
        rds=http.discovered_routes(cluster),
    )


def outbound_manager(
    stat_prefix: str, routes: str, *, strangers: bool = False, asking: bool = False
) -> dict[str, Message]:
    """The filter that takes requests of the application and leads them by the routes of a name.

    Those of `strangers` are bounded: of clients without a sidecar, at a gateway. When it is
    `asking`, virtual hosts come when they are called (`federation.envoy.on_demand`).
    """
    bounds = limits.requests() if strangers else limits.heads()
    window = {"initial_stream_window_size": {"value": limits.RETRY_BYTES}}
    own = {"allow_connect": True, **limits.one_stream_at_a_time(), **window}
    http2 = http.receiving_http2() if strangers else own
    demanding = _demanding() if asking else {}
    return http.connection_manager(
        stat_prefix,
        rds=http.discovered_routes(routes),
        http_protocol_options=http1.taken(allow_absolute_url={"value": True}, accept_http_10=True),
        http2_protocol_options=http2,
        strip_trailing_host_dot=True,
        writing=heads.without_odd_te(),
        upstream_filters=naming_who_marked(),
        **bounds,
        **demanding,
    )


def _demanding() -> dict[str, Message]:
    """A request is held while its host is asked for, for so long at most.

    Once it has a route, that says how long it may be silent: for ever.
    """
    return {
        "filters": [on_demand.asking()],
        "local_reply_config": on_demand.answering(),
        "stream_idle_timeout": timedelta(seconds=on_demand.HELD_SECONDS),
    }


def _outbound_listener(workload: Inbound) -> Resource:
    manager = outbound_manager(OUTBOUND, OUTBOUND, asking=True)
    listener = listener_pb2.Listener(
        name=OUTBOUND,
        address=address(workload.outbound_address, workload.outbound_port),
        traffic_direction="OUTBOUND",
        filter_chains=[{"filters": [manager]}],
        **limits.for_the_application(),
    )
    return resource(OUTBOUND, listener)
