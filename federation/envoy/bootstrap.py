"""The document Envoy starts with: who it is, and the one socket everything else comes from.

In: names and socket paths. Out: JSON text (YAML would read `id: n` as a boolean). Written by
`federation.supervisor`; it never changes while the proxy lives.
"""

import json

from federation.model.locality import Locality

XDS_CLUSTER = "fedmesh-xds"

_OWNER_ONLY = 0o600
_NOWHERE = Locality("", "")

# 130 to 150 counters per cluster would take a fifth of the memory and a third of the start.
_STATS = (
    r"cluster\..*\.(membership_(total|healthy|degraded)|assignment_stale|warming_state)",
    r"cluster\..*\.upstream_cx_(total|active|connect_fail|connect_timeout|destroy_remote_with_active_rq)",
    r"cluster\..*\.upstream_rq_(total|active|timeout|retry|retry_success|retry_overflow"
    r"|pending_overflow|rx_reset|tx_reset|completed|[1-5]xx|time)",
    r"cluster\..*\.upstream_cx_(rx|tx)_bytes_total",
    r"cluster\..*\.outlier_detection\.ejections_(active|enforced_total)",
    r"cluster\..*\.ssl\.(connection_error|fail_verify_san|fail_verify_error|handshake)",
    r"cluster\..*\.circuit_breakers\.default\.(cx|rq|rq_pending|rq_retry)_open",
    r"cluster\..*\.lb_healthy_panic",
    r"http\..*\.downstream_(rq|cx)_(total|active|[1-5]xx|time|rx_reset|completed)",
    r"http\..*\.(no_route|no_cluster|rds\..*)",
    r"tcp\..*\.(downstream_cx_total|downstream_cx_no_route|upstream_flush_active)",
    r"listener\..*\.(downstream_cx_(total|active)|no_filter_chain_match|ssl\.(connection_error"
    r"|fail_verify_.*|handshake))",
    r"(listener_manager|cluster_manager|control_plane|server|runtime|sds|main_thread)\..*",
)


def bootstrap(
    node_id: str,
    cluster: str,
    xds_socket: str,
    admin_socket: str,
    *,
    locality: Locality = _NOWHERE,
) -> str:
    """The bootstrap as JSON; both sockets are paths of unix sockets.

    Clusters and listeners have no fetch time-out: a proxy without configuration is not ready,
    never live and empty. The admin socket is its owner's only.
    """
    document = {
        "node": {
            "id": node_id,
            "cluster": cluster,
            "locality": {"region": locality.region, "zone": locality.zone, "sub_zone": cluster},
        },
        "admin": {"address": {"pipe": {"path": admin_socket, "mode": _OWNER_ONLY}}},
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
        "static_resources": {"clusters": [xds_cluster(xds_socket)]},
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


def _patient_ads() -> dict[str, object]:
    return {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
