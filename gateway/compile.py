"""An east-west gateway's Envoy resources: one listener that never changes, clusters per service.

In: the gateway's address, the exported services of its own cluster. Out: named bytes, which
`cluster_agent.workloads` serves to the gateway's supervisor. The server name of a connection names
the cluster it goes to, so services change clusters and endpoints only.
"""

from collections.abc import Iterable
from typing import Any as Message

from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from envoy.extensions.filters.network.sni_cluster.v3 import sni_cluster_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2

from federation.envoy import http
from federation.envoy.build import Resource, address, downstream_tls, extension, resource
from federation.envoy.clusters import (
    application_http,
    eds_cluster,
    load_assignment,
    workload_checks,
)
from federation.model.exports import ServicePort, Transport, app_protocol
from federation.model.imports import Destination, Endpoint, LocalService, Target, Tier
from federation.model.locality import Locality
from federation.model.names import CLUSTERSET_ZONE, ClusterId, sni, terminated_sni
from federation.planning.failover import distinct, target_of

EAST_WEST = "east-west"
CHECK_SECONDS = 0.5

_PASSED_ON = f"*.svc.{CLUSTERSET_ZONE}"
_TERMINATED = f"*.svc-t.{CLUSTERSET_ZONE}"
_SNI_HEADER = "x-fedmesh-sni"
_ALPN = ("h2", "http/1.1")
_CONNECT_ATTEMPTS = 3


def compile_listener(host: str, port: int) -> Resource:
    """The listener `east-west` on an IP literal and port (15443 by default)."""
    inspector = extension("envoy.filters.listener.tls_inspector", tls_inspector_pb2.TlsInspector())
    listener = listener_pb2.Listener(
        name=EAST_WEST,
        address=address(host, port),
        traffic_direction="INBOUND",
        listener_filters=[inspector],
        filter_chains=[_passthrough_chain(), _terminating_chain()],
    )
    return resource(EAST_WEST, listener)


def compile_service(
    local: LocalService,
    exported_ports: Iterable[ServicePort],
    check_interval: float = CHECK_SECONDS,
) -> tuple[Resource, ...]:
    """Clusters and endpoints of one exported service of the gateway's own cluster.

    Connections to endpoints with a sidecar are passed on as they are; endpoints without one get
    a cluster of their own behind the terminating chain. A port without endpoints has an empty
    cluster, so that senders are refused at once and go elsewhere. Workloads are checked every
    `check_interval` seconds.
    """
    found: list[Resource] = []
    ports = {port for port in exported_ports if port.transport is Transport.TCP}
    for port in sorted(ports, key=lambda port: (port.number, port.name)):
        found += _passthrough(local, port, check_interval)
        found += _terminated(local, port)
    return tuple(found)


def _passthrough(
    local: LocalService, port: ServicePort, check_interval: float
) -> tuple[Resource, ...]:
    name = sni(local.name, port.number)
    targets = _targets(local.endpoints, port.number, sidecar=True)
    return (
        resource(name, eds_cluster(name, **workload_checks(name, check_interval))),
        resource(name, load_assignment(name, _one_tier(targets))),
    )


def _terminated(local: LocalService, port: ServicePort) -> tuple[Resource, ...]:
    targets = _targets(local.endpoints, port.number, sidecar=False)
    if not targets:
        return ()
    name = terminated_sni(local.name, port.number)
    options = application_http(app_protocol(port))
    return (
        resource(name, eds_cluster(name, typed_extension_protocol_options=options)),
        resource(name, load_assignment(name, _one_tier(targets))),
    )


def _targets(endpoints: Iterable[Endpoint], port: int, sidecar: bool) -> tuple[Target, ...]:
    found = (target_of(endpoint, port) for endpoint in endpoints if endpoint.sidecar is sidecar)
    return distinct(target for target in found if target)


def _one_tier(targets: tuple[Target, ...]) -> tuple[Tier, ...]:
    """Zones do not matter here: who dialled this gateway has chosen the zone."""
    if not targets:
        return ()
    return (Tier((Destination(ClusterId(""), Locality("", ""), 1, targets),)),)


def _passthrough_chain() -> dict[str, Message]:
    """To the cluster that the server name names. The pattern is needed: without it a server name
    could name any cluster, such as the one of the supervisor.
    """
    tcp = tcp_proxy_pb2.TcpProxy(
        stat_prefix=EAST_WEST,
        cluster="none",
        max_connect_attempts={"value": _CONNECT_ATTEMPTS},
    )
    return {
        "name": "passthrough",
        "filter_chain_match": {"server_names": [_PASSED_ON]},
        "filters": [
            extension("envoy.filters.network.sni_cluster", sni_cluster_pb2.SniCluster()),
            extension("envoy.filters.network.tcp_proxy", tcp),
        ],
    }


def _terminating_chain() -> dict[str, Message]:
    """mTLS ends here. The server name is written over a header, and the route goes by that; a
    name without a cluster gets 503 with the mark, so that the sender goes elsewhere.
    """
    mutation = header_mutation_pb2.HeaderMutation(
        mutations=[
            {
                "append": {
                    "header": {"key": _SNI_HEADER, "value": "%REQUESTED_SERVER_NAME%"},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                }
            }
        ]
    )
    manager = http.connection_manager(
        "terminated",
        http2_protocol_options=http.receiving_http2(),
        early_header_mutation_extensions=[
            extension("envoy.http.early_header_mutation.header_mutation", mutation)
        ],
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
        local_reply_config=http.marking(),
        route_config=http.last_hop_routes(
            "terminated",
            {"cluster_header": _SNI_HEADER},
            request_headers_to_remove=[_SNI_HEADER],
        ),
    )
    return {
        "name": "terminated",
        "filter_chain_match": {"server_names": [_TERMINATED]},
        "filters": [manager],
        "transport_socket": downstream_tls(_ALPN),
    }
