"""TCP in Envoy: what passes bytes on, and how a dead peer is noticed although nobody speaks.

In: cluster names. Out: TcpProxy filters, settings of clusters and listeners. A connection may be
silent for as long as both ends like, as without a mesh; probes find a peer that is gone.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any as Message

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import extension_pb2
from envoy.extensions.filters.network.set_filter_state.v3 import set_filter_state_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2

from federation.envoy import clusters, split
from federation.envoy.build import ADS, any_of, extension
from federation.envoy.clusters import eds_cluster
from federation.envoy.senders import Reach, reach
from federation.envoy.split import Share
from federation.model.exports import AppProtocol

# A dead peer is noticed after idle + probes x interval, 45 s; the kernel's own default is 2 hours.
_IDLE_SECONDS = 30
_INTERVAL_SECONDS = 5
_PROBES = 3

_CONNECT_SECONDS = 1.0
_FAILURES = 2

# Numbers of Linux, the same on all machines that Envoy is built for.
_SOL_SOCKET, _SO_KEEPALIVE = 1, 9
_IPPROTO_TCP, _TCP_KEEPIDLE, _TCP_KEEPINTVL, _TCP_KEEPCNT = 6, 4, 5, 6

_CLOSED_DOOR = {
    "split_external_local_origin_errors": True,
    "consecutive_local_origin_failure": {"value": 1},
    "enforcing_consecutive_local_origin_failure": {"value": 100},
    "interval": timedelta(milliseconds=500),
    "base_ejection_time": timedelta(seconds=1),
    "max_ejection_time": timedelta(seconds=5),
    "max_ejection_percent": {"value": 100},
}

# So that an ejection is known to the thread that tries again.
_BACK_OFF = {
    "base_interval": timedelta(milliseconds=20),
    "max_interval": timedelta(milliseconds=100),
}

# Callers that were told to come back after the same time would come back together.
_SPREAD_PERCENT = 10

_CHOOSING = set_filter_state_pb2.Config()

_CLUSTER_OF_CONNECTION = "envoy.tcp_proxy.cluster"
"""Read by the TCP proxy in place of its own cluster."""


def proxy(
    stat_prefix: str, cluster: str, *, attempts: int = 1, most_seconds: float = 0
) -> dict[str, Message]:
    """The filter that passes a connection on to a cluster, dialled the moment one comes in.

    So servers that speak first are heard. `most_seconds` ends a connection however busy it is, at
    a tenth more at the latest; 0 never does.
    """
    life = (
        {
            "max_downstream_connection_duration": timedelta(seconds=most_seconds),
            "max_downstream_connection_duration_jitter_percentage": {"value": _SPREAD_PERCENT},
        }
        if most_seconds
        else {}
    )
    made = tcp_proxy_pb2.TcpProxy(
        stat_prefix=stat_prefix,
        cluster=cluster,
        idle_timeout=timedelta(0),
        max_connect_attempts={"value": attempts},
        backoff_options=_BACK_OFF if attempts > 1 else None,
        **life,
    )
    return extension("envoy.filters.network.tcp_proxy", made)


def divided_proxy(name: str, stat_prefix: str, attempts: int) -> list[dict[str, Message]]:
    """The filters of a listener whose connections go where `division` of that name says.

    It comes by ECDS, so that it can change while the connections that are open stay: a changed
    listener would cut them.
    """
    choosing = {
        "name": name,
        "config_discovery": {"config_source": ADS, "type_urls": [any_of(_CHOOSING).type_url]},
    }
    return [choosing, proxy(stat_prefix, split.NOWHERE, attempts=attempts)]


def division(name: str, shares: Iterable[Share]) -> extension_pb2.TypedExtensionConfig:
    """What chooses a cluster for each connection, once, whatever is tried after that.

    Without any that has a weight, connections are closed.
    """
    text = {"text_format_source": {"inline_string": split.of_connections(shares)}}
    chosen = {"object_key": _CLUSTER_OF_CONNECTION, "format_string": text}
    config = set_filter_state_pb2.Config(on_new_connection=[chosen])
    return extension_pb2.TypedExtensionConfig(name=name, typed_config=any_of(config))


def sender_cluster(name: str, rtt: float = 0.0, **settings: Message) -> cluster_pb2.Cluster:
    """An EDS cluster for connections that are passed on as they are.

    Two failed connections in a row eject an endpoint for a while: the attempts of one caller must
    lead elsewhere in the end, and there are far fewer connections than requests to learn from.
    `rtt` is the longest round-trip time to a place of the cluster, in seconds, rounded. Up to
    250 ms it changes nothing, since a changed cluster cuts the connections it has.
    """
    patient = Reach(connect=max(_CONNECT_SECONDS, reach(rtt).connect))
    cluster = eds_cluster(name, patient, upstream_connection_options=probing(), **settings)
    ejection = cluster.outlier_detection
    ejection.consecutive_local_origin_failure.value = _FAILURES
    ejection.enforcing_consecutive_local_origin_failure.value = 100
    return cluster


def application_cluster(name: str, host: str, port: int) -> cluster_pb2.Cluster:
    """The static cluster of an application that speaks TCP.

    A connection that was accepted is the caller's for good: when the application behind it is dead,
    nobody can send it elsewhere. So one failure closes the door for a moment, and callers, whose
    handshake then fails, go elsewhere by themselves.
    """
    cluster = clusters.application_cluster(name, host, port, AppProtocol.TCP)
    cluster.MergeFrom(cluster_pb2.Cluster(outlier_detection=_CLOSED_DOOR))
    cluster.common_lb_config.healthy_panic_threshold.value = 0
    return cluster


def probing() -> dict[str, Message]:
    """Connection options of a cluster by which Envoy notices that the other end is gone."""
    return {
        "tcp_keepalive": {
            "keepalive_probes": {"value": _PROBES},
            "keepalive_time": {"value": _IDLE_SECONDS},
            "keepalive_interval": {"value": _INTERVAL_SECONDS},
        }
    }


def probed_sockets() -> list[dict[str, Message]]:
    """The same for a listener; what it accepts inherits these."""
    return [
        _option("keep-alive", _SOL_SOCKET, _SO_KEEPALIVE, 1),
        _option("keep-alive idle", _IPPROTO_TCP, _TCP_KEEPIDLE, _IDLE_SECONDS),
        _option("keep-alive interval", _IPPROTO_TCP, _TCP_KEEPINTVL, _INTERVAL_SECONDS),
        _option("keep-alive probes", _IPPROTO_TCP, _TCP_KEEPCNT, _PROBES),
    ]


def _option(description: str, level: int, name: int, value: int) -> dict[str, Message]:
    return {
        "description": description,
        "level": level,
        "name": name,
        "int_value": value,
        "state": "STATE_PREBIND",
    }
