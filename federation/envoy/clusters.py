"""Envoy clusters and their endpoints, with the failover settings measured on real Envoy.

In: names, tiers of a plan, TLS sockets. Out: Cluster and ClusterLoadAssignment messages. The
numbers come from failure tests on Envoy 1.40; stock
Envoy never fails over.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any as Message

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.extensions.clusters.aggregate.v3 import cluster_pb2 as aggregate_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2

from federation.envoy import http1, limits
from federation.envoy.build import (
    ADS,
    address,
    any_of,
    plain_metadata,
)
from federation.envoy.senders import HTTP_OPTIONS, NEAR, Reach, windows
from federation.model.exports import AppProtocol
from federation.model.plans import Destination, Target, Tier

# Applications close keep-alive connections first, and a request sent into that is lost.
_APPLICATION_IDLE = timedelta(seconds=1)

# Envoy's defaults (1024, and three retries at a time) lose requests exactly when many must move.
_BREAKERS = {
    "thresholds": [
        {
            "max_connections": {"value": 10000},
            "max_pending_requests": {"value": 10000},
            "max_requests": {"value": 100000},
            "max_retries": {"value": 10000},
        }
    ]
}

# Only what the mesh failed ejects: errors on the way, and answers with the mark `UNREACHED`. An
# endpoint is dead when nothing at all succeeded for a whole interval: longer than a frozen workload
# keeps the only connection of a sender with few requests, whose gateway is not to blame. How many
# failed in a row says nothing: one new connection that is late takes all that waits along, hundreds
# in one moment at 2,000 requests/s, also where the peer is only busy. Without it all these
# connections would have to be made anew, and it would be busier still.
# Being worse than others is no reason: a gateway with one frozen workload is just that.
_OUTLIERS = {
    "split_external_local_origin_errors": True,
    "enforcing_consecutive_local_origin_failure": {"value": 0},
    "enforcing_success_rate": {"value": 0},
    "enforcing_local_origin_success_rate": {"value": 0},
    "failure_percentage_threshold": {"value": 100},
    "failure_percentage_request_volume": {"value": 10},
    "failure_percentage_minimum_hosts": {"value": 1},
    "enforcing_failure_percentage_local_origin": {"value": 100},
    "interval": timedelta(seconds=1),
    "base_ejection_time": timedelta(seconds=5),
    "max_ejection_time": timedelta(seconds=30),
    "max_ejection_percent": {"value": 100},
}

# Half of the local endpoints may fail before any request leaves the cluster (140 by default).
_OVERPROVISIONING = 200


_APPLICATION_WINDOW = 256 * 1024
_APPLICATION_STREAMS = 100


def eds_cluster(name: str, reach: Reach = NEAR, **settings: Message) -> cluster_pb2.Cluster:
    """A cluster whose endpoints come by EDS under the same name, with all failover defaults.

    Panic threshold 1, never 0: with 0 a URL that fails everywhere ejects everybody for good.
    """
    return cluster_pb2.Cluster(
        name=name,
        type="EDS",
        eds_cluster_config={"eds_config": ADS},
        connect_timeout=timedelta(seconds=reach.connect),
        circuit_breakers=_BREAKERS,
        common_lb_config={
            "update_merge_window": timedelta(0),
            "healthy_panic_threshold": {"value": 1},
            "locality_weighted_lb_config": {},
        },
        outlier_detection=_OUTLIERS,
        **limits.buffers(),
        **settings,
    )


def aggregate_cluster(
    name: str, clusters: Iterable[str], options: dict[str, Message]
) -> cluster_pb2.Cluster:
    """Several clusters as one: all priorities of the first, then those of the next.

    It has circuit breakers of its own, and its defaults would lose requests when many move.
    """
    members = aggregate_pb2.ClusterConfig(clusters=clusters)
    return cluster_pb2.Cluster(
        name=name,
        cluster_type={"name": "envoy.clusters.aggregate", "typed_config": any_of(members)},
        lb_policy="CLUSTER_PROVIDED",
        connect_timeout=timedelta(seconds=1),
        circuit_breakers=_BREAKERS,
        typed_extension_protocol_options=options,
    )


def application_cluster(
    name: str, host: str, port: int, protocol: AppProtocol, *, closes: bool = False
) -> cluster_pb2.Cluster:
    """The static cluster of the one application behind a sidecar.

    One that `closes` its connections without saying so gets a new one for each request.
    """
    endpoint = {"endpoint": {"address": address(host, port)}}
    return cluster_pb2.Cluster(
        name=name,
        type="STATIC",
        connect_timeout=timedelta(seconds=1),
        circuit_breakers=_BREAKERS,
        **limits.buffers(),
        load_assignment={"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        typed_extension_protocol_options=application_http(protocol, closes=closes),
    )


def application_http(protocol: AppProtocol, *, closes: bool = False) -> dict[str, Message]:
    """How the last proxy speaks to the application; nothing for TCP.

    A request on a connection that an application `closes` at that moment is lost: whether it was
    processed cannot be known, so it is not sent again where that would matter.
    """
    if protocol is AppProtocol.TCP:
        return {}
    version = (
        {
            "http2_protocol_options": {
                "allow_connect": True,
                **limits.one_stream_at_a_time(),
                "max_concurrent_streams": {"value": _APPLICATION_STREAMS},
                **windows(_APPLICATION_WINDOW, _APPLICATION_STREAMS),
            }
        }
        if protocol is AppProtocol.HTTP2
        else {"http_protocol_options": http1.spoken()}
    )
    once = {"max_requests_per_connection": {"value": 1}} if closes else {}
    options = http_protocol_options_pb2.HttpProtocolOptions(
        common_http_protocol_options={
            "idle_timeout": _APPLICATION_IDLE,
            **limits.answers(limits.ANSWER_HEADERS, limits.ANSWER_KB),
            **once,
        },
        explicit_http_config=version,
    )
    return {HTTP_OPTIONS: any_of(options)}


def load_assignment(
    name: str, tiers: Iterable[Tier], hostname: str = "", terminated: str = ""
) -> endpoint_pb2.ClusterLoadAssignment:
    """The endpoints of a cluster: one priority per tier, one locality per destination.

    `hostname` becomes the server name in TLS, `terminated` that of endpoints which are gateways
    that end it. The cluster id is the locality's sub-zone, or two
    clusters in one zone would merge and lose their weights.
    """
    return endpoint_pb2.ClusterLoadAssignment(
        cluster_name=name,
        endpoints=[
            _locality(destination, priority, (hostname, terminated))
            for priority, tier in enumerate(tiers)
            for destination in tier.destinations
        ],
        policy={"overprovisioning_factor": {"value": _OVERPROVISIONING}},
    )


def _locality(
    destination: Destination, priority: int, hostnames: tuple[str, str]
) -> endpoint_components_pb2.LocalityLbEndpoints:
    region, zone = destination.locality
    return endpoint_components_pb2.LocalityLbEndpoints(
        locality={"region": region, "zone": zone, "sub_zone": destination.cluster},
        priority=priority,
        load_balancing_weight={"value": max(1, destination.weight)},
        lb_endpoints=[_endpoint(t, hostnames[t.terminated]) for t in destination.targets],
    )


def _endpoint(target: Target, hostname: str) -> endpoint_components_pb2.LbEndpoint:
    return endpoint_components_pb2.LbEndpoint(
        endpoint={"address": address(target.address, target.port), "hostname": hostname},
        health_status=target.health.value,
        metadata=None if target.mtls else plain_metadata(),
    )
