"""The routes of senders: by host name or to one service, with the retries of the mesh.

In: domains, and the clusters of the parts of a service port. Out: virtual hosts and route
configurations. The mesh retries what the mesh failed, never what an application answered.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any as Message

from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2
from envoy.extensions.retry.priority.previous_priorities.v3 import previous_priorities_config_pb2

from federation.envoy import heads, http, limits, split
from federation.envoy.build import ADS, any_of, extension
from federation.envoy.on_demand import ASKING
from federation.envoy.split import Share
from federation.envoy.spoofing import MARKS, UNREACHED, marked

_ALWAYS_RETRIED = "connect-failure,refused-stream,reset-before-request,retriable-headers"
_MAX_RETRIES = 4
_HOST_ATTEMPTS = 5

_WITHOUT = any_of(route_components_pb2.FilterConfig(disabled=True))

_NOWHERE = 500
_NO_PART = {"inline_string": "fedmesh: no part of this service has a weight\n"}


def virtual_host(
    name: str, domains: Iterable[str], shares: Iterable[Share], *, on_demand: bool = False
) -> route_components_pb2.VirtualHost:
    """Routes of one service port: idempotent methods also retry a reset, the others do not.

    `shares` are the clusters of its parts; a retry stays in the part that the request has got. No
    time-outs: a mesh does not know how long an answer may take. One that comes `on_demand` does not
    say how much of a body is kept for a retry: that is as much as its listener takes.
    """
    to = split.of_requests(shares)
    return route_components_pb2.VirtualHost(
        name=name,
        domains=sorted(domains),
        request_body_buffer_limit=None if on_demand else {"value": limits.RETRY_BYTES},
        routes=[
            _retried(
                to,
                {"prefix": "/", "headers": [http.idempotent_method()]},
                _retry_policy(f"{_ALWAYS_RETRIED},reset", MARKS),
            ),
            _retried(to, {"prefix": "/"}, _retry_policy(_ALWAYS_RETRIED, (UNREACHED,))),
        ],
    )


def routes_on_demand(name: str) -> route_pb2.RouteConfiguration:
    """Routes by host name, of which Envoy asks for each when it is first called (VHDS).

    A virtual host for all other hosts must not be in it: Envoy would then ask for none. Requests to
    a host that is there do not meet the filter that asks.
    """
    return route_pb2.RouteConfiguration(
        name=name,
        vhds={"config_source": ADS},
        typed_per_filter_config={ASKING: _WITHOUT},
        response_headers_to_remove=http.NOT_OF_ANSWERS,
    )


def upstream_routes(name: str, shares: Iterable[Share]) -> route_pb2.RouteConfiguration:
    """Every request to one service port, whatever its host; retried like those by name."""
    host = virtual_host("all", ["*"], shares)
    host.routes.insert(0, heads.refusing_odd_hosts())
    return route_pb2.RouteConfiguration(
        name=name,
        virtual_hosts=[host],
        response_headers_to_remove=http.NOT_OF_ANSWERS,
    )


def _retried(
    to: dict[str, Message],
    match: dict[str, Message],
    policy: route_components_pb2.RetryPolicy,
) -> dict[str, Message]:
    if not to:
        return {"match": match, "direct_response": {"status": _NOWHERE, "body": _NO_PART}}
    forever = {"timeout": timedelta(0), "idle_timeout": timedelta(0)}
    return {"match": match, "route": {**to, **forever, "retry_policy": policy}}


def _retry_policy(on: str, marks: Iterable[str]) -> route_components_pb2.RetryPolicy:
    hosts = extension(
        "envoy.retry_host_predicates.previous_hosts", previous_hosts_pb2.PreviousHostsPredicate()
    )
    priorities = extension(
        "envoy.retry_priorities.previous_priorities",
        previous_priorities_config_pb2.PreviousPrioritiesConfig(update_frequency=1),
    )
    return route_components_pb2.RetryPolicy(
        retry_on=on,
        num_retries={"value": _MAX_RETRIES},
        host_selection_retry_max_attempts=_HOST_ATTEMPTS,
        retry_host_predicate=[hosts],
        retry_priority=priorities,
        retriable_headers=[marked(mark) for mark in marks],
        retry_back_off={
            "base_interval": timedelta(milliseconds=5),
            "max_interval": timedelta(milliseconds=50),
        },
    )
