"""How a sidecar reaches other services: clusters, endpoints and imports out of plans.

In: `Plan`s (from `federation.planning.plan`). Out: named bytes, of which
`cluster_agent.serve.proxy_server` serves to each sidecar what it asks for. Pure: equal input, equal
bytes.

Each part of a service port has one Envoy cluster for near places and one for far ones, since these
differ in time-outs; when it has both, an aggregate joins them in that order. TCP has one for all.
No cluster has places of two parts, so that what fails in a part fails over within it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any as Message
from typing import NamedTuple

from federation.envoy import routes, tcp
from federation.envoy.build import Resource, plain_match, resource, upstream_tls
from federation.envoy.clusters import aggregate_cluster, eds_cluster, load_assignment
from federation.envoy.identity import IDENTITY
from federation.envoy.senders import least_loaded, reach, sender_http
from federation.envoy.split import Share
from federation.model.exports import AppProtocol, app_protocol
from federation.model.imports import Import, import_name
from federation.model.names import ServiceName, inner_name, terminated_sni
from federation.model.plans import WHOLE, Part, Plan, PortPlan, Tier
from federation.model.types import IMPORT
from federation.wire.codec.imports import encode_import

_NEAR, _FAR, _ANY = "out", "far", "any"


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


class _Clusters(NamedTuple):
    """The Envoy clusters of a part: of near places, of far ones, and one made of both."""

    near: str
    far: str = ""
    both: str = ""

    @property
    def leading(self) -> str:
        """The one that routes name."""
        return self.both or self.far or self.near


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


def compile_imports(plan: Plan) -> tuple[Resource, ...]:
    """What a sidecar asks for by the name of a port of this service, once that is called.

    The port that needs not be named has an import of its own, equal to that of its number.
    """
    return tuple(
        Resource(IMPORT, name, body)
        for port in plan.ports
        for body in (encode_import(_import(port)),)
        for name in _import_names(plan, port)
    )


def _import_names(plan: Plan, port: PortPlan) -> tuple[str, ...]:
    number = port.port.number
    numbers = (number, None) if number == plan.default_port else (number,)
    return tuple(import_name(plan.service, one) for one in numbers)


def _import(port: PortPlan) -> Import:
    host = b""
    if _is_http(port):
        found = routes.virtual_host("", (), shares_of(port), on_demand=True)
        host = found.SerializeToString(deterministic=True)
    clusters = [_clusters(port, part) for part in port.parts]
    return Import(
        host,
        tuple(name for one in clusters for name in (one.near, one.far) if name),
        tuple(one.both for one in clusters if one.both),
    )


def shares_of(port: PortPlan) -> tuple[Share, ...]:
    """The clusters that lead to the parts of a service port, all tiers behind each."""
    return tuple(Share(_clusters(port, part).leading, part.weight) for part in port.parts)


def part_label(part: Part) -> str:
    """What tells the clusters of a part from those of others; the whole of a service has none."""
    return "" if part.name == WHOLE else f"{part.name}.part~"


def _clusters(port: PortPlan, part: Part) -> _Clusters:
    found = _by_distance(part)
    if not _is_http(port) or not found.far:
        return _Clusters(_name(_NEAR, port, part))
    if not found.near:
        return _Clusters("", _name(_FAR, port, part))
    near, far, both = (_name(kind, port, part) for kind in (_NEAR, _FAR, _ANY))
    return _Clusters(near, far, both)


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
    found, names = _by_distance(part), _clusters(port, part)
    if not _is_http(port):
        return _over_tcp(names.near, port, found, caller)
    made: tuple[Resource, ...] = ()
    if names.near:
        made += _over_http(names.near, port, found.near, 0.0, caller)
    if names.far:
        made += _over_http(names.far, port, found.far, found.rtt, caller)
    if names.both:
        members = (names.near, names.far)
        options = sender_http(_spoken(port, found.near), reach(found.rtt))
        made += (resource(names.both, aggregate_cluster(names.both, members, options)),)
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
