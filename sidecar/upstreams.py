"""What an application reaches by dialling an address of its own: a listener for each such upstream.

In: an `Upstream` of the sidecar's settings, and the way to its service port out of the plan. Out:
the listener and where it leads: routes for HTTP, a filter that is discovered for TCP. A changed
plan changes clusters, endpoints and those, never a listener, whose change would cut the connections
that it has. Next: `cluster_agent.snapshot.upstreams`.
"""

from typing import Any as Message
from typing import NamedTuple

from envoy.config.listener.v3 import listener_pb2

from federation.envoy import limits, routes, tcp
from federation.envoy.build import Resource, address, resource
from federation.envoy.split import Share
from federation.model.exports import AppProtocol, app_protocol
from federation.model.plans import Plan
from federation.model.proxies import Upstream
from sidecar.compile import outbound_manager
from sidecar.outbound import shares_of

CONNECT_ATTEMPTS = 8
"""Two failures in a row eject an endpoint, so that three dead ones cost six."""


class Way(NamedTuple):
    """How one port of a service is reached: all of a plan that an upstream depends on."""

    port: int
    protocol: AppProtocol
    shares: tuple[Share, ...]


def ways(plan: Plan) -> tuple[Way, ...]:
    """The ways to the ports of a service."""
    return tuple(
        Way(port.port.number, app_protocol(port.port), shares_of(port)) for port in plan.ports
    )


def upstream_name(upstream: Upstream) -> str:
    """The name of an upstream's listener and routes."""
    return f"up~{upstream.address}:{upstream.listen_port}"


def compile_upstream(
    upstream: Upstream, way: Way, *, strangers: bool = False
) -> tuple[Resource, ...]:
    """The listener of an upstream, and where its requests or connections go.

    One for the own application is not bounded, one for `strangers` (entry at a gateway) is.
    """
    name = upstream_name(upstream)
    service, port = upstream.service, upstream.port
    counted_as = (
        f"up~{port}~{service.name}~{service.namespace}"  # dots would divide a counter's name
    )
    if way.protocol is AppProtocol.TCP:
        filters = tcp.divided_proxy(name, counted_as, CONNECT_ATTEMPTS)
        listener = _listener(upstream, counted_as, filters, strangers=strangers)
        return (listener, resource(name, tcp.division(name, way.shares)))
    upstream_routes = routes.upstream_routes(name, way.shares)
    manager = outbound_manager(counted_as, name, strangers=strangers)
    listener = _listener(upstream, counted_as, [manager], strangers=strangers)
    return (listener, resource(name, upstream_routes))


def _listener(
    upstream: Upstream, counted_as: str, filters: list[Message], *, strangers: bool
) -> Resource:
    name = upstream_name(upstream)
    bounds = limits.facing_clients() if strangers else limits.for_the_application()
    first = [limits.at_one_address(counted_as)] if strangers else []
    listener = listener_pb2.Listener(
        name=name,
        address=address(upstream.address, upstream.listen_port),
        traffic_direction="OUTBOUND",
        filter_chains=[{"filters": [*first, *filters]}],
        socket_options=tcp.probed_sockets(),
        **bounds,
    )
    return resource(name, listener)
