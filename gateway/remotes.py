"""How gateways of different clusters see each other: the answer to a check, and the checks.

In: the other clusters as facts. Out: a filter chain of the gateway's listener that says who is
asked and whether it serves, and a cluster per gateway of others whose health Envoy checks. A
supervisor reads the results (`federation.supervisor.observe.health_checks`).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any as Message

from envoy.config.cluster.v3 import cluster_pb2
from envoy.extensions.filters.http.health_check.v3 import health_check_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2

from federation.envoy import http, limits
from federation.envoy.build import (
    Resource,
    address,
    any_of,
    downstream_tls,
    extension,
    gateway_tls,
    resource,
)
from federation.model.exports import Gateway
from federation.model.facts import Cluster
from federation.model.names import HEALTH_NAME, ClusterId, remote_name
from federation.planning.rtt_class import NEAR
from federation.trust.spiffe import gateway_id

REMOTE_CHECK_SECONDS = 0.5
SIBLING_CHECK_SECONDS = 0.25
READY_PATH = "/ready"

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

# Connecting takes two round trips and asking a third; 300 ms are half around the world. Until a
# place was measured it may be as far as that.
_SIBLING_TIMEOUT = 0.3
_NEAR_TIMEOUT = 0.5
_FAR_TIMEOUT = 1.5
_ROUND_TRIPS = 5

# Being wrong costs all traffic of a cluster for the time of its return, so it takes two failures in
# a row; a gateway that says itself that it goes is believed at once.
_FAILURES = 2
_SUCCESSES = 2


def health_chain(cluster: ClusterId, gateway: str) -> dict[str, Message]:
    """The filter chain that answers checks: who this is, or 503 while it drains.

    Anybody with an identity of the clusterset may ask.
    """
    path = {"name": ":path", "string_match": {"exact": READY_PATH}}
    ready = health_check_pb2.HealthCheck(pass_through_mode={"value": True}, headers=[path])
    answer = {"status": 200, "body": {"inline_string": said_by(cluster, gateway)}}
    manager = http.connection_manager(
        "health",
        filters=[extension("envoy.filters.http.health_check", ready)],
        **limits.requests(),
        http2_protocol_options=http.receiving_http2(),
        route_config={
            "name": "health",
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "direct_response": answer}],
                }
            ],
        },
    )
    return {
        "name": "health",
        "filter_chain_match": {"server_names": [HEALTH_NAME]},
        "filters": [manager],
        "transport_socket": downstream_tls(("h2",)),
        **limits.handshake(),
    }


def said_by(cluster: ClusterId, gateway: str) -> str:
    """What a gateway answers to a check."""
    return f"{cluster}/{gateway}\n"


def compile_remotes(
    here: ClusterId,
    clusters: Iterable[Cluster],
    rtt: Mapping[ClusterId, float],
    interval: float = REMOTE_CHECK_SECONDS,
) -> tuple[Resource, ...]:
    """A checked cluster for every gateway of the others.

    `rtt` are rounded round-trip times, `interval` is the time between two checks, in seconds.
    """
    return tuple(
        resource(
            remote_name(cluster.id, gateway.name),
            _remote(cluster, gateway, _timeout(rtt.get(cluster.id)), interval),
        )
        for cluster in sorted(clusters, key=lambda cluster: cluster.id)
        if cluster.id != here
        for gateway in cluster.gateways
    )


def compile_siblings(
    own: Cluster, gateway: str, interval: float = SIBLING_CHECK_SECONDS
) -> tuple[Resource, ...]:
    """A checked cluster for every other gateway of the gateway's own cluster.

    Clients without a sidecar are led to those that answer. To be wrong about one costs little (the
    others take its clients for a moment), so they are asked often.
    """
    return tuple(
        resource(remote_name(own.id, other.name), _remote(own, other, _SIBLING_TIMEOUT, interval))
        for other in own.gateways
        if other.name != gateway
    )


def _timeout(rtt: float | None) -> float:
    """How long an answer may take, by the round-trip time (None: not measured yet)."""
    return _NEAR_TIMEOUT if rtt == NEAR else max(_FAR_TIMEOUT, _ROUND_TRIPS * (rtt or 0.0))


def _remote(
    cluster: Cluster, gateway: Gateway, timeout: float, interval: float
) -> cluster_pb2.Cluster:
    name = remote_name(cluster.id, gateway.name)
    endpoint = {"endpoint": {"address": address(gateway.address, gateway.port)}}
    options = http_protocol_options_pb2.HttpProtocolOptions(
        explicit_http_config={"http2_protocol_options": {}}
    )
    return cluster_pb2.Cluster(
        name=name,
        type="STATIC",
        connect_timeout=timedelta(seconds=timeout),
        load_assignment={"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        typed_extension_protocol_options={_HTTP_OPTIONS: any_of(options)},
        transport_socket=gateway_tls(gateway_id(cluster.trust_domain), HEALTH_NAME),
        health_checks=[_check(said_by(cluster.id, gateway.name), timeout, interval)],
    )


def _check(expected: str, timeout: float, interval: float) -> dict[str, Message]:
    return {
        "timeout": timedelta(seconds=timeout),
        "interval": timedelta(seconds=interval),
        "interval_jitter_percent": 10,
        "no_traffic_interval": timedelta(seconds=interval),
        "unhealthy_threshold": {"value": _FAILURES},
        "healthy_threshold": {"value": _SUCCESSES},
        "http_health_check": {
            "path": READY_PATH,
            "host": HEALTH_NAME,
            "codec_client_type": "HTTP2",
            "receive": [{"text": expected.encode().hex()}],
        },
    }
