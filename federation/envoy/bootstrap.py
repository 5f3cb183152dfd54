"""The document Envoy starts with: who it is, and the one socket everything else comes from.

In: names and socket paths. Out: JSON text (YAML would read `id: n` as a boolean). Written by
`federation.supervisor`; it never changes while the proxy lives.
"""

import json

from federation.envoy import limits
from federation.envoy.limits import Bounds
from federation.model.locality import Locality

XDS_CLUSTER = "fedmesh-xds"

MEASURED_HEADER = "x-fedmesh-measured"
"""Names the cluster that a request at the measuring socket goes to."""

_OWNER_ONLY = 0o600
_NOWHERE = Locality("", "")
_USUAL = Bounds()

# 130 to 150 counters per cluster would take a fifth of the memory and a third of the start.
_STATS = (
    r"cluster\..*\.(membership_(total|healthy|degraded)|assignment_stale|warming_state)",
    r"cluster\..*\.upstream_cx_(total|active|connect_fail|connect_timeout|destroy_remote_with_active_rq)",
    r"cluster\.app~.*\.upstream_cx_destroy_remote",
    r"cluster\..*\.upstream_rq_(total|active|timeout|retry|retry_success|retry_overflow"
    r"|pending_overflow|rx_reset|tx_reset|completed|[1-5]xx|time)",
    r"cluster\..*\.upstream_cx_(rx|tx)_bytes_total",
    r"cluster\..*\.outlier_detection\.ejections_(active|enforced_total)",
    r"cluster\..*\.ssl\.(connection_error|fail_verify_san|fail_verify_error|handshake)",
    r"cluster\..*\.circuit_breakers\.default\.(cx|rq|rq_pending|rq_retry)_open",
    r"cluster\..*\.lb_healthy_panic",
    r"http\..*\.downstream_(rq|cx)_(total|active|[1-5]xx|time|rx_reset|completed)",
    r"http\..*\.(no_route|no_cluster|rds\..*)",
    r"http\..*\.downstream_(rq_(header_timeout|too_many_premature_resets)|cx_protocol_error)",
    r"http2\..*(flood|too_large|too_many_headers)",
    r"tcp\..*\.(downstream_cx_total|downstream_cx_no_route|upstream_flush_active)",
    r"listener\..*\.(downstream_cx_(total|active)|no_filter_chain_match|ssl\.(connection_error"
    r"|fail_verify_.*|handshake|curves\..*))",
    r"listener\..*\.(downstream_(pre_cx_(active|timeout)|global_cx_overflow)"
    r"|downstream_cx_(overload_reject|transport_socket_connect_timeout))",
    r"overload\..*",
    r"(listener_manager|cluster_manager|control_plane|server|runtime|sds|main_thread)\..*",
)


def bootstrap(
    node_id: str,
    cluster: str,
    xds_socket: str,
    admin_socket: str,
    *,
    locality: Locality = _NOWHERE,
    measure_socket: str = "",
    bounds: Bounds = _USUAL,
) -> str:
    """The bootstrap as JSON; sockets are paths of unix sockets.

    At `measure_socket`, if there is to be one, the supervisor sends requests to clusters of its
    choice, to see how long that takes.

    Clusters and listeners have no fetch time-out: a proxy without configuration is not ready,
    never live and empty. The admin socket is its owner's only, and neither it nor the measuring is
    shut by a flood of strangers.
    """
    document = {
        "node": {
            "id": node_id,
            "cluster": cluster,
            "locality": {"region": locality.region, "zone": locality.zone, "sub_zone": cluster},
        },
        "admin": {
            "address": {"pipe": {"path": admin_socket, "mode": _OWNER_ONLY}},
            "ignore_global_conn_limit": True,
        },
        "overload_manager": limits.overload(bounds),
        "memory_allocator_manager": limits.allocator(),
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": XDS_CLUSTER}}],
            },
            "cds_config": _patient_ads(),
            "lds_config": _patient_ads(),
        },
        "static_resources": {
            "clusters": [xds_cluster(xds_socket)],
            "listeners": [_measuring(measure_socket)] if measure_socket else [],
        },
        "stats_config": {
            "stats_matcher": {
                "inclusion_list": {
                    "patterns": [{"safe_regex": {"regex": pattern}} for pattern in _STATS]
                }
            }
        },
    }
    return json.dumps(document, indent=2, sort_keys=True)


def xds_cluster(xds_socket: str) -> dict[str, object]:
    """The static cluster behind which the supervisor serves xDS; patient, since it is near."""
    options = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {
            "http2_protocol_options": {
                "connection_keepalive": {
                    "interval": "30s",
                    "timeout": "10s",
                }
            }
        },
    }
    endpoint = {"endpoint": {"address": {"pipe": {"path": xds_socket}}}}
    return {
        "name": XDS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        },
        "load_assignment": {
            "cluster_name": XDS_CLUSTER,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def _measuring(socket: str) -> dict[str, object]:
    """The listener through which the supervisor measures; the owner's only, like the admin's."""
    types = "type.googleapis.com/envoy.extensions.filters"
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{types}.http.router.v3.Router"},
    }
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster_header": MEASURED_HEADER, "timeout": "4s"},
    }
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "measure",
        "internal_address_config": {},
        "http_filters": [router],
        "route_config": {
            "name": "measure",
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}],
        },
    }
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    return {
        "name": "measure",
        "address": {"pipe": {"path": socket, "mode": _OWNER_ONLY}},
        "filter_chains": [chain],
        "ignore_global_conn_limit": True,
        "bypass_overload_manager": True,
    }


def _patient_ads() -> dict[str, object]:
    return {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
