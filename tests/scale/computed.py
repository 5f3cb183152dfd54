"""What the code's own functions say of a large mesh: rates, bounds, connections.

In: sizes. Out: figures as JSON values. Nothing runs here.
"""

from math import ceil
from typing import Any

from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2

from cluster_agent.snapshot.service_state import (
    MAX_CHECKS_PER_SECOND,
    MAX_REMOTE_CHECKS_PER_SECOND,
    bounded,
    check_interval,
)
from federation.envoy.senders import reach, sender_http
from federation.model.exports import AppProtocol
from federation.supervisor.observe.round_trips import MEASURE_SECONDS, MOST_AT_ONCE
from gateway.compile import CHECK_SECONDS
from gateway.remotes import REMOTE_CHECK_SECONDS
from tests.scale.world import FAR_RTT, Size

_PORTS = (1, 2, 3)
_GATEWAYS = (1, 2)
_CONCURRENT = (10, 100, 1000)
_NEAR_RTT = 0.0


def remote_interval(gateways: int) -> float:
    """Seconds between two checks of one gateway of another cluster."""
    return bounded(REMOTE_CHECK_SECONDS, gateways, MAX_REMOTE_CHECKS_PER_SECOND)


def computed(size: Size) -> dict[str, Any]:
    """All of it."""
    return {
        "gateway_checks_own_workloads": {
            "most_per_second": MAX_CHECKS_PER_SECOND,
            "shortest_interval_seconds": CHECK_SECONDS,
            "by_ports_per_sidecar": {n: _own(size.sidecars * n) for n in _PORTS},
        },
        "gateway_checks_remote_gateways": {
            "most_per_second": MAX_REMOTE_CHECKS_PER_SECOND,
            "shortest_interval_seconds": REMOTE_CHECK_SECONDS,
            "by_gateways_per_cluster": {n: _remotes((size.clusters - 1) * n) for n in _GATEWAYS},
        },
        "gateway_measures": {n: _measuring((size.clusters - 1) * n) for n in _GATEWAYS},
        "sidecar_connections": _connections(),
    }


def _own(addresses: int) -> dict[str, float]:
    return _rate(addresses, check_interval(addresses))


def _remotes(gateways: int) -> dict[str, float]:
    """A gateway is asked as often as it asks, when the others have as many gateways."""
    return _rate(gateways, remote_interval(gateways))


def _rate(checks: int, interval: float) -> dict[str, float]:
    per_second = round(checks / interval, 1)
    return {"checked": checks, "interval_seconds": interval, "per_second": per_second}


def _measuring(gateways: int) -> dict[str, float]:
    """A round takes a while of its own, so these are upper bounds."""
    in_a_round = min(MOST_AT_ONCE, gateways)
    return {
        "gateways": gateways,
        "requests_per_second": in_a_round / MEASURE_SECONDS,
        "seconds_until_all_were_asked": ceil(gateways / MOST_AT_ONCE) * MEASURE_SECONDS,
    }


def _connections() -> dict[str, Any]:
    near, far = _sending(_NEAR_RTT), _sending(FAR_RTT)
    streams = near.explicit_http_config.http2_protocol_options.max_concurrent_streams.value
    common = near.common_http_protocol_options
    return {
        "pings_per_second_near": _pings(near),
        "pings_per_second_far": _pings(far),
        "streams_per_connection": streams,
        "requests_per_connection": common.max_requests_per_connection.value,
        "idle_seconds": common.idle_timeout.ToTimedelta().total_seconds(),
        "by_concurrent_requests": {n: _needed(n, streams, near, far) for n in _CONCURRENT},
    }


def _needed(
    requests: int,
    streams: int,
    near: http_protocol_options_pb2.HttpProtocolOptions,
    far: http_protocol_options_pb2.HttpProtocolOptions,
) -> dict[str, float]:
    """At least so many: each worker of Envoy has connections of its own."""
    connections = ceil(requests / streams)
    return {
        "connections": connections,
        "pings_per_second_near": connections * _pings(near),
        "pings_per_second_far": connections * _pings(far),
    }


def _sending(rtt: float) -> http_protocol_options_pb2.HttpProtocolOptions:
    (packed,) = sender_http(AppProtocol.HTTP2, reach(rtt)).values()
    options = http_protocol_options_pb2.HttpProtocolOptions()
    packed.Unpack(options)
    return options


def _pings(options: http_protocol_options_pb2.HttpProtocolOptions) -> float:
    alive = options.explicit_http_config.http2_protocol_options.connection_keepalive
    return 1 / float(alive.interval.ToTimedelta().total_seconds())
