"""How a gateway checks the workloads it passes connections on to, and how their sidecars answer.

In: server names. Out: settings of the gateway's clusters, filter chains of a sidecar's listener.
A check is a few bytes that come back, over a TLS connection that stays open: a handshake for each
would cost ten times as much at both ends, and would be late first on a busy machine.
"""

from datetime import timedelta
from typing import Any as Message

from envoy.config.listener.v3 import listener_components_pb2
from envoy.extensions.filters.network.echo.v3 import echo_pb2

from federation.envoy import limits
from federation.envoy.build import checked_tls, extension, probe_tls, raw_socket
from federation.model.names import gateway_identity

ALPN = "fedmesh-check"

# A frozen workload is left after interval + time-out.
_TIMEOUT = timedelta(seconds=0.3)
_SAID = {"text": b"fedmesh check\n".hex()}
_MATCH = {"check": "tls"}


def asking(
    server_name: str, interval: float, *, trust_domain: str = "", closes: bool = False
) -> dict[str, Message]:
    """Settings of a gateway's cluster: each endpoint is asked every `interval` seconds.

    It must be a sidecar that serves this name, with any identity of the cluster's `trust_domain`,
    while traffic goes through untouched. A workload that freezes is left alone, and one that dies
    at once; so senders need not leave the whole cluster. When it `closes`, its connections end.
    """
    check = {
        "timeout": _TIMEOUT,
        "interval": timedelta(seconds=interval),
        "interval_jitter_percent": 10,
        "no_traffic_interval": timedelta(seconds=interval),
        "unhealthy_threshold": {"value": 1},
        "healthy_threshold": {"value": 1},
        "tcp_health_check": {"send": _SAID, "receive": [_SAID]},
        "transport_socket_match_criteria": _MATCH,
    }
    return {
        "health_checks": [check],
        "close_connections_on_host_health_failure": closes,
        "transport_socket_matches": [
            {
                "name": "check",
                "match": _MATCH,
                "transport_socket": probe_tls(server_name, trust_domain, ALPN),
            },
            {"name": "traffic", "match": {}, "transport_socket": raw_socket()},
        ],
    }


def answering(server_name: str, trust_domain: str) -> listener_components_pb2.FilterChain:
    """The chain of a sidecar that sends back what a gateway says under this server name.

    Only a gateway of its own cluster, whose `trust_domain` this is: an echo has no end of its own,
    so that nobody could cut off a cluster that was revoked. Nobody when it is empty. One for each
    name, so that a name which comes or goes ends no check of another.
    """
    gateway = gateway_identity(trust_domain) if trust_domain else ""
    return listener_components_pb2.FilterChain(
        name=f"{server_name}~check",
        filter_chain_match={"server_names": [server_name], "application_protocols": [ALPN]},
        filters=[extension("envoy.filters.network.echo", echo_pb2.Echo())],
        transport_socket=checked_tls(gateway, ALPN),
        **limits.handshake(),
    )
