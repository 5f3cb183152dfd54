"""An east-west gateway's Envoy resources: one listener that never changes, clusters per service.

In: the gateway's address, the exported services of its own cluster. Out: named bytes, which
`cluster_agent.serve.proxy_server` serves to the gateway's supervisor. The server name of a
connection names the cluster it goes to, so services change clusters and endpoints only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any as Message

from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.sni_cluster.v3 import sni_cluster_pb2

from federation.envoy import checks, http, limits, tcp
from federation.envoy.build import Resource, address, downstream_tls, extension, resource
from federation.envoy.clusters import (
    application_http,
    eds_cluster,
    load_assignment,
)
from federation.envoy.last_hop import last_hop_filters
from federation.envoy.rbac import obeying
from federation.model.exports import AppProtocol, ServicePort, Transport, app_protocol
from federation.model.facts import Endpoint, LocalService
from federation.model.locality import Locality
from federation.model.names import CLUSTERSET_ZONE, ClusterId, sni, terminated_sni
from federation.model.plans import Destination, Target, Tier
from federation.planning.tiers import distinct, target_of
from gateway.remotes import health_chain

EAST_WEST = "east-west"
TERMINATED = "terminated"
CHECK_SECONDS = 0.4

_PASSED_ON = f"*.svc.{CLUSTERSET_ZONE}"
_TERMINATED = f"*.svc-t.{CLUSTERSET_ZONE}"
_TERMINATED_RAW = f"*.svc-r.{CLUSTERSET_ZONE}"
_SNI_HEADER = "x-fedmesh-sni"
_ALPN = ("h2", "http/1.1")
_CONNECT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Checking:
    """How a gateway checks the workloads of its cluster: every so many seconds, believing it alone.

    The trust domain is that of the cluster, empty when it is not known yet.
    """

    interval: float = CHECK_SECONDS
    trust_domain: str = ""


OFTEN = Checking()


def compile_listener(
    host: str, port: int, cluster: ClusterId, name: str, *, tcp_seconds: float = 0
) -> Resource:
    """The listener `east-west` of a gateway on an IP literal and port (15443 by default).

    Others may dial another address, that of a load balancer for example. A TCP connection that
    ends its mTLS here lives for `tcp_seconds`, 0 for ever.
    """
    listener = listener_pb2.Listener(
        name=EAST_WEST,
        address=address(host, port),
        traffic_direction="INBOUND",
        listener_filters=[limits.inspector()],
        filter_chains=[
            _passthrough_chain(),
            _terminating_chain(),
            _raw_chain(tcp_seconds),
            health_chain(cluster, name),
        ],
        socket_options=tcp.probed_sockets(),
        **limits.facing_strangers(),
    )
    return resource(EAST_WEST, listener)


def compile_terminated(gate: http.Gate = http.OPEN) -> Resource:
    """The routes of the terminating chain, by server name."""
    routes = http.last_hop_routes(
        TERMINATED,
        {"cluster_header": _SNI_HEADER},
        gate,
        request_headers_to_remove=[_SNI_HEADER],
    )
    return resource(TERMINATED, routes)


def compile_service(
    local: LocalService,
    exported_ports: Iterable[ServicePort],
    checking: Checking = OFTEN,
) -> tuple[Resource, ...]:
    """Clusters and endpoints of one exported service of the gateway's own cluster.

    Connections to endpoints with a sidecar are passed on as they are; endpoints without one get
    a cluster of their own behind the terminating chain. A port without endpoints has an empty
    cluster, so that senders are refused at once and go elsewhere.
    """
    found: list[Resource] = []
    ports = {port for port in exported_ports if port.transport is Transport.TCP}
    for port in sorted(ports, key=lambda port: (port.number, port.name)):
        found += _passthrough(local, port, checking)
        found += _terminated(local, port)
    return tuple(found)


def _passthrough(
    local: LocalService, port: ServicePort, checking: Checking
) -> tuple[Resource, ...]:
    name = sni(local.name, port.number)
    targets = _targets(local.endpoints, port.number, sidecar=True)
    return (
        resource(name, _passing_cluster(name, port, checking)),
        resource(name, load_assignment(name, _one_tier(targets))),
    )


def _passing_cluster(name: str, port: ServicePort, checking: Checking) -> Message:
    closes = app_protocol(port) is AppProtocol.TCP
    asking = checks.asking(
        name, checking.interval, trust_domain=checking.trust_domain, closes=closes
    )
    return eds_cluster(name, upstream_connection_options=tcp.probing(), **asking)


def _terminated(local: LocalService, port: ServicePort) -> tuple[Resource, ...]:
    targets = _targets(local.endpoints, port.number, sidecar=False)
    if not targets:
        return ()
    is_raw = app_protocol(port) is AppProtocol.TCP
    name = terminated_sni(local.name, port.number, raw=is_raw)
    options: dict[str, Message] = (
        {"upstream_connection_options": tcp.probing()}
        if is_raw
        else {"typed_extension_protocol_options": application_http(app_protocol(port))}
    )
    return (
        resource(name, eds_cluster(name, **options)),
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
    return {
        "name": "passthrough",
        "filter_chain_match": {"server_names": [_PASSED_ON]},
        "filters": [
            extension("envoy.filters.network.sni_cluster", sni_cluster_pb2.SniCluster()),
            tcp.proxy(EAST_WEST, "none", attempts=_CONNECT_ATTEMPTS),
        ],
    }


def _raw_chain(tcp_seconds: float) -> dict[str, Message]:
    """mTLS ends here as well, and what is in it is passed on as it is."""
    return {
        "name": "terminated-raw",
        "filter_chain_match": {"server_names": [_TERMINATED_RAW]},
        "filters": [
            extension("envoy.filters.network.sni_cluster", sni_cluster_pb2.SniCluster()),
            tcp.proxy(
                "terminated-raw", "none", attempts=_CONNECT_ATTEMPTS, most_seconds=tcp_seconds
            ),
        ],
        "transport_socket": downstream_tls(),
        **limits.handshake(),
    }


def _terminating_chain() -> dict[str, Message]:
    """mTLS ends here. The server name is written over a header, and the route goes by that; a
    name without a cluster gets 503 with the mark, so that the sender goes elsewhere.
    """
    named = {
        "append": {
            "header": {"key": _SNI_HEADER, "value": "%REQUESTED_SERVER_NAME%"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    manager = http.connection_manager(
        TERMINATED,
        filters=[obeying(), *last_hop_filters(http.REFUSED, http2=True)],
        upgrading=http.upgrading_filters(),
        writing=[named],
        **http.receiving(),
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
        local_reply_config=http.marking(),
        rds=http.discovered_routes(TERMINATED),
    )
    return {
        "name": TERMINATED,
        "filter_chain_match": {"server_names": [_TERMINATED]},
        "filters": [manager],
        "transport_socket": downstream_tls(_ALPN),
        **limits.handshake(),
    }
