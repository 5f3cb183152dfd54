"""How a sidecar reaches other services: clusters, endpoints and routes out of plans.

In: `Plan`s (from `federation.planning.plan`). Out: named bytes, which
`cluster_agent.serve.proxy_server` serves to the sidecars of a zone. Pure: equal input, equal bytes.

Each part of a service port has one Envoy cluster for near places and one for far ones, since these
differ in time-outs; when it has both, an aggregate joins them in that order. TCP has one for all.
No cluster has places of two parts, so that what fails in a part fails over within it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any as Message
from typing import NamedTuple

from envoy.config.route.v3 import route_components_pb2

from federation.envoy import routes, tcp
from federation.envoy.build import Resource, packed, plain_match, resource, upstream_tls
from federation.envoy.clusters import aggregate_cluster, eds_cluster, load_assignment
from federation.envoy.identity import IDENTITY
from federation.envoy.senders import least_loaded, reach, sender_http
from federation.envoy.split import Share
from federation.model.exports import AppProtocol, app_protocol
from federation.model.names import ServiceName, host_name, inner_name, terminated_sni
from federation.model.plans import WHOLE, Part, Plan, PortPlan, Tier

OUTBOUND = "outbound"
_NEAR, _FAR, _ANY = "out", "far", "any"
NO_SUCH_SERVICE = "fedmesh: no such service in the clusterset\n"


@dataclass(frozen=True, slots=True)
class _Ways:
    """The tiers of a part by distance; `rtt` is the longest of the far ones, in seconds.

    A tier that holds a far destination is far as a whole: its destinations share the load. So are
    the tiers behind it, since their order stays: what is coming back and held comes last, however
    near it is.
    """

    near: tuple[Tier, ...]
    far: tuple[Tier, ...]
    rtt: float


class _Caller(NamedTuple):
    """What is called, who may answer (SPIFFE ids), and the secret with what is shown to them."""

    service: ServiceName
    identities: tuple[str, ...]
    shown: str


def compile_outbound(plan: Plan, shown: str = IDENTITY) -> tuple[Resource, ...]:
    """Clusters and endpoints by which a proxy reaches one service, all tiers included.

    `shown` is the secret with the certificate it shows.
    """
    caller = _Caller(plan.service, plan.identities, shown)
    return tuple(
        found
        for port in plan.ports
        for part in port.parts
        for found in _outbound_part(port, part, caller)
    )


def virtual_hosts(plan: Plan) -> tuple[bytes, ...]:
    """The serialized virtual hosts of a plan, one per HTTP port, for `compile_routes`."""
    return tuple(
        routes.virtual_host(
            inner_name(_NEAR, f"{port.label}{port.sni}"),
            _domains(plan.service, port.port.number, port.port.number == plan.default_port),
            shares_of(port),
        ).SerializeToString(deterministic=True)
        for port in plan.ports
        if _is_http(port)
    )


def shares_of(port: PortPlan) -> tuple[Share, ...]:
    """The clusters that lead to the parts of a service port, all tiers behind each."""
    return tuple(Share(_leading(port, part), part.weight) for part in port.parts)


def part_label(part: Part) -> str:
    """What tells the clusters of a part from those of others; the whole of a service has none."""
    return "" if part.name == WHOLE else f"{part.name}.part~"


def _leading(port: PortPlan, part: Part) -> str:
    found = _by_distance(part)
    if not _is_http(port) or not found.far:
        return _name(_NEAR, port, part)
    return _name(_ANY if found.near else _FAR, port, part)


def compile_routes(hosts: Iterable[bytes]) -> bytes:
    """The route configuration `outbound` out of the virtual hosts of all plans."""
    parsed = [route_components_pb2.VirtualHost.FromString(host) for host in hosts]
    return packed(routes.outbound_routes(OUTBOUND, parsed, NO_SUCH_SERVICE))


def _name(kind: str, port: PortPlan, part: Part) -> str:
    return inner_name(kind, f"{port.label}{part_label(part)}{port.sni}")


def _is_http(port: PortPlan) -> bool:
    return app_protocol(port.port) is not AppProtocol.TCP


def _by_distance(part: Part) -> _Ways:
    near = tuple(takewhile(lambda tier: not _rtt(tier), part.tiers))
    far = part.tiers[len(near) :]
    return _Ways(near, far, max(map(_rtt, far), default=0.0))


def _rtt(tier: Tier) -> float:
    return max((destination.rtt for destination in tier.destinations), default=0.0)


def _outbound_part(port: PortPlan, part: Part, caller: _Caller) -> tuple[Resource, ...]:
    found = _by_distance(part)
    name, near, far = (_name(kind, port, part) for kind in (_ANY, _NEAR, _FAR))
    if not _is_http(port):
        return _over_tcp(near, port, found, caller)
    made: tuple[Resource, ...] = ()
    if found.near or not found.far:
        made += _over_http(near, port, found.near, 0.0, caller)
    if found.far:
        made += _over_http(far, port, found.far, found.rtt, caller)
    if found.near and found.far:
        both = (near, far)
        options = sender_http(_spoken(port, found.near), reach(found.rtt))
        made += (resource(name, aggregate_cluster(name, both, options)),)
    return made


def _over_tcp(name: str, port: PortPlan, found: _Ways, caller: _Caller) -> tuple[Resource, ...]:
    tiers = (*found.near, *found.far)
    settings = _plain_settings(tiers) | {
        "transport_socket": upstream_tls(caller.identities, shown=caller.shown)
    }
    return (
        resource(name, tcp.sender_cluster(name, found.rtt, **settings)),
        resource(name, _endpoints(name, port, tiers, caller)),
    )


def _over_http(
    name: str, port: PortPlan, tiers: tuple[Tier, ...], rtt: float, caller: _Caller
) -> tuple[Resource, ...]:
    spoken = _spoken(port, tiers)
    alpn = "http/1.1" if spoken is AppProtocol.HTTP1 else "h2"
    settings = _plain_settings(tiers) | {
        **least_loaded(),
        "typed_extension_protocol_options": sender_http(spoken, reach(rtt)),
        "transport_socket": upstream_tls(caller.identities, (alpn,), caller.shown),
    }
    return (
        resource(name, eds_cluster(name, reach(rtt), **settings)),
        resource(name, _endpoints(name, port, tiers, caller)),
    )


def _endpoints(name: str, port: PortPlan, tiers: Iterable[Tier], caller: _Caller) -> Message:
    ended = terminated_sni(caller.service, port.port.number, raw=not _is_http(port))
    return load_assignment(name, tiers, port.sni, ended)


def _spoken(port: PortPlan, tiers: Iterable[Tier]) -> AppProtocol:
    """An endpoint without a sidecar is the application itself: it gets what it understands."""
    return app_protocol(port.own or port.port) if _has_plain(tiers) else AppProtocol.HTTP2


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
