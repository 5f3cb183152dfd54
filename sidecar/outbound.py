"""How a sidecar reaches other services: clusters, endpoints and routes out of plans.

In: `Plan`s (from `federation.planning.plan`). Out: named bytes, which `cluster_agent.workloads`
serves to the sidecars of a zone. Pure: equal input, equal bytes.

A service port has one Envoy cluster for near places and one for far ones, since these differ in
time-outs; when it has both, an aggregate joins them in that order. TCP has one for all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any as Message

from envoy.config.route.v3 import route_components_pb2

from federation.envoy import http, tcp
from federation.envoy.build import Resource, packed, plain_match, resource, upstream_tls
from federation.envoy.clusters import (
    aggregate_cluster,
    eds_cluster,
    load_assignment,
    reach,
    sender_http,
)
from federation.model.exports import AppProtocol, app_protocol
from federation.model.imports import Plan, PortPlan, Tier
from federation.model.names import ServiceName, host_name

OUTBOUND = "outbound"
NO_SUCH_SERVICE = "fedmesh: no such service in the clusterset\n"

_DEFAULT_HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class _Ways:
    """The tiers of a port by distance; `rtt` is the longest of the far ones, in seconds.

    A tier that holds a far destination is far as a whole: its destinations share the load. So are
    the tiers behind it, since their order stays: what is coming back and held comes last, however
    near it is.
    """

    near: tuple[Tier, ...]
    far: tuple[Tier, ...]
    rtt: float


def compile_outbound(plan: Plan) -> tuple[Resource, ...]:
    """Clusters and endpoints by which a sidecar reaches one service, all tiers included."""
    return tuple(found for port in plan.ports for found in _outbound_port(port, plan.identities))


def virtual_hosts(plan: Plan) -> tuple[bytes, ...]:
    """The serialized virtual hosts of a plan, one per HTTP port, for `compile_routes`."""
    numbers = [port.port.number for port in plan.ports if _is_http(port)]
    if not numbers:
        return ()
    default = _DEFAULT_HTTP_PORT if _DEFAULT_HTTP_PORT in numbers else min(numbers)
    return tuple(
        http.virtual_host(
            _near_name(port.sni),
            _domains(plan.service, port.port.number, port.port.number == default),
            route_cluster(port),
        ).SerializeToString(deterministic=True)
        for port in plan.ports
        if _is_http(port)
    )


def route_cluster(port: PortPlan) -> str:
    """The cluster that leads to a service port, all tiers behind it."""
    found = _by_distance(port)
    if not _is_http(port) or not found.far:
        return _near_name(port.sni)
    return _any_name(port.sni) if found.near else _far_name(port.sni)


def compile_routes(hosts: Iterable[bytes]) -> bytes:
    """The route configuration `outbound` out of the virtual hosts of all plans."""
    parsed = [route_components_pb2.VirtualHost.FromString(host) for host in hosts]
    return packed(http.outbound_routes(OUTBOUND, parsed, NO_SUCH_SERVICE))


def _near_name(sni: str) -> str:
    return f"out~{sni}"


def _far_name(sni: str) -> str:
    return f"far~{sni}"


def _any_name(sni: str) -> str:
    return f"any~{sni}"


def _is_http(port: PortPlan) -> bool:
    return app_protocol(port.port) is not AppProtocol.TCP


def _by_distance(port: PortPlan) -> _Ways:
    tiers = tuple(tier for part in port.parts for tier in part.tiers)
    near = tuple(takewhile(lambda tier: not _rtt(tier), tiers))
    far = tiers[len(near) :]
    return _Ways(near, far, max(map(_rtt, far), default=0.0))


def _rtt(tier: Tier) -> float:
    return max((destination.rtt for destination in tier.destinations), default=0.0)


def _outbound_port(port: PortPlan, identities: tuple[str, ...]) -> tuple[Resource, ...]:
    found = _by_distance(port)
    if not _is_http(port):
        return _over_tcp(port, found, identities)
    made: tuple[Resource, ...] = ()
    if found.near or not found.far:
        made += _over_http(_near_name(port.sni), port, found.near, 0.0, identities)
    if found.far:
        made += _over_http(_far_name(port.sni), port, found.far, found.rtt, identities)
    if found.near and found.far:
        name = _any_name(port.sni)
        both = (_near_name(port.sni), _far_name(port.sni))
        options = sender_http(_spoken(port, found.near), reach(found.rtt))
        made += (resource(name, aggregate_cluster(name, both, options)),)
    return made


def _over_tcp(port: PortPlan, found: _Ways, identities: tuple[str, ...]) -> tuple[Resource, ...]:
    name = _near_name(port.sni)
    tiers = (*found.near, *found.far)
    settings = _plain_settings(tiers) | {"transport_socket": upstream_tls(identities)}
    return (
        resource(name, tcp.sender_cluster(name, found.rtt, **settings)),
        resource(name, load_assignment(name, tiers, hostname=port.sni)),
    )


def _over_http(
    name: str, port: PortPlan, tiers: tuple[Tier, ...], rtt: float, identities: tuple[str, ...]
) -> tuple[Resource, ...]:
    spoken = _spoken(port, tiers)
    alpn = "http/1.1" if spoken is AppProtocol.HTTP1 else "h2"
    settings = _plain_settings(tiers) | {
        "typed_extension_protocol_options": sender_http(spoken, reach(rtt)),
        "transport_socket": upstream_tls(identities, alpn=(alpn,)),
    }
    return (
        resource(name, eds_cluster(name, reach(rtt), **settings)),
        resource(name, load_assignment(name, tiers, hostname=port.sni)),
    )


def _spoken(port: PortPlan, tiers: Iterable[Tier]) -> AppProtocol:
    """An endpoint without a sidecar is the application itself: it gets what it understands."""
    return app_protocol(port.port) if _has_plain(tiers) else AppProtocol.HTTP2


def _plain_settings(tiers: Iterable[Tier]) -> dict[str, Message]:
    return {"transport_socket_matches": plain_match()} if _has_plain(tiers) else {}


def _has_plain(tiers: Iterable[Tier]) -> bool:
    return any(
        not target.mtls
        for tier in tiers
        for destination in tier.destinations
        for target in destination.targets
    )


def _domains(service: ServiceName, port: int, is_default: bool) -> list[str]:
    """Names by which an application may call a port: full and short, with and without port."""
    hosts = (
        host_name(service),
        f"{service.name}.{service.namespace}.svc",
        f"{service.name}.{service.namespace}",
    )
    return [f"{host}:{port}" for host in hosts] + (list(hosts) if is_default else [])
