"""How a proxy sends to others: how long it waits, how much it puts on a connection, whom it takes.

In: the round-trip time to a peer, the protocol. Out: settings of clusters that lead to sidecars and
gateways. All of them are for one thing: that little is lost, and little leaves its cluster, when a
peer falls silent. The numbers depend on each other (docs/decisions/023): tests hold the rules.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any as Message

from envoy.config.cluster.v3 import cluster_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2

from federation.envoy import http1, limits
from federation.envoy.build import any_of
from federation.envoy.spoofing import UNREACHED, marked
from federation.model.exports import AppProtocol

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

# So many requests of a connection are lost at most, of those that may not be repeated, when it
# leads to a peer that freezes. Fewer cost more connections: with 4, twice the CPU for a request.
STREAMS_PER_CONNECTION = 8

# One HTTP/2 connection through a passthrough gateway reaches one workload only, so senders open
# new ones: by requests, for those who send many, and by time, for those who send few. Time drains:
# streams that are open go on. By 50 requests a sender of 2,000 a second had 40 new connections a
# second, half of which hung at a frozen workload: 76 % of its requests left the cluster. By 1 s a
# sender whose answers are slow for a moment had 250 handshakes a second for 2,000 requests that
# wait, and these kept the answers slow for good; by 5 s these are 50.
REQUESTS_PER_CONNECTION = 500
CONNECTION_SECONDS = 5.0
IDLE_SECONDS = 30

# Of so many endpoints, drawn at random, the one with the fewest requests in flight: one that is
# frozen has more than the others as soon as it holds a few. Of 2, Envoy's default, both are often
# the frozen one: 4 POST of 100 a second were lost, and with 8 at most 1.
_CHOICES = 8

# So much of an answer may be under way, which is also what an Envoy keeps of one that nobody takes
# until its memory is scarce (`limits.overload`). Smaller ones cost those who are far: over 70 ms
# one download has 101 MB/s with 16 MB, 56 with 8 MB and 7 with 1 MB. All streams of a connection
# may fill theirs and yet hold up no other: whoever does not take his answer would else stop those
# who share it.
STREAM_WINDOW = 16 << 20


@dataclass(frozen=True, slots=True)
class Reach:
    """How long to wait for a peer, in seconds: far peers need more than near ones.

    A black hole is noticed after `ping_interval + ping_timeout`. A ping time-out below the
    round-trip time breaks every connection. It is above the time to connect: requests that wait for
    a new connection then go elsewhere before the old one breaks. Otherwise its breaking gives them
    its place, in which those that may not be repeated are lost.
    """

    connect: float = 0.5
    ping_interval: float = 0.25
    ping_timeout: float = 0.6


NEAR = Reach()

_CONNECT_ROUND_TRIPS = 4
_LEAST_FAR_CONNECT = 1.0
_AFTER_CONNECT = 0.1


def reach(rtt: float) -> Reach:
    """How long to wait for a peer at a rounded round-trip time (`planning.reach`; 0 is near)."""
    if not rtt:
        return NEAR
    connect = max(_LEAST_FAR_CONNECT, _CONNECT_ROUND_TRIPS * rtt)
    return Reach(connect, ping_interval=1.0, ping_timeout=connect + _AFTER_CONNECT)


def least_loaded() -> dict[str, Message]:
    """Settings of a cluster: requests go where the fewest are under way."""
    chosen = cluster_pb2.Cluster.LeastRequestLbConfig(choice_count={"value": _CHOICES})
    return {"lb_policy": "LEAST_REQUEST", "least_request_lb_config": chosen}


def sender_http(protocol: AppProtocol, reach: Reach = NEAR) -> dict[str, Message]:
    """How a sidecar sends: to other sidecars HTTP/2 with pings, whatever the application speaks.

    HTTP/1.1 is only for a service that has endpoints without a sidecar, since a cluster of Envoy
    speaks one version to all; it has no pings, so a black hole is noticed late.
    """
    options = http_protocol_options_pb2.HttpProtocolOptions(
        common_http_protocol_options={
            "idle_timeout": timedelta(seconds=IDLE_SECONDS),
            **limits.answers(limits.PEER_ANSWER_HEADERS, limits.PEER_ANSWER_KB),
            "max_requests_per_connection": {"value": REQUESTS_PER_CONNECTION},
            "max_connection_duration": timedelta(seconds=CONNECTION_SECONDS),
        },
        outlier_detection={
            "error_matcher": {"http_response_headers_match": {"headers": [marked(UNREACHED)]}}
        },
        explicit_http_config=_version(protocol, reach),
    )
    return {HTTP_OPTIONS: any_of(options)}


def _version(protocol: AppProtocol, reach: Reach) -> dict[str, Message]:
    if protocol is AppProtocol.HTTP1:
        return {"http_protocol_options": http1.spoken()}
    return {
        "http2_protocol_options": {
            "allow_connect": True,
            **limits.one_stream_at_a_time(),
            "max_concurrent_streams": {"value": STREAMS_PER_CONNECTION},
            **windows(STREAM_WINDOW, STREAMS_PER_CONNECTION),
            "connection_keepalive": {
                "interval": timedelta(seconds=reach.ping_interval),
                "timeout": timedelta(seconds=reach.ping_timeout),
            },
        }
    }


def windows(stream: int, streams: int) -> dict[str, Message]:
    """Of each stream, and of the connection: so large that full streams hold up no other."""
    return {
        "initial_stream_window_size": {"value": stream},
        "initial_connection_window_size": {"value": stream * streams},
    }
