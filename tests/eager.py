"""Everything at once: routes to all services in one table, for proxies of tests without a relay.

This is what a sidecar had before imports came on demand, so benchmarks compare with it too.
"""

from collections.abc import Iterable

from envoy.config.route.v3 import route_components_pb2, route_pb2

from federation.envoy import heads, http
from federation.envoy.build import Resource, resource
from federation.envoy.on_demand import NO_SUCH_SERVICE
from federation.model.imports import Import
from federation.model.names import CLUSTERSET_ZONE
from federation.model.plans import Plan
from federation.wire.codec.imports import decode_import
from sidecar.compile import OUTBOUND
from sidecar.outbound import compile_imports


def imports(plan: Plan) -> dict[str, Import]:
    """What the imports of a plan say, by name."""
    return {found.name: decode_import(found.body) for found in compile_imports(plan)}


def virtual_hosts(plan: Plan) -> tuple[bytes, ...]:
    """The serialized virtual hosts of a plan, one for each HTTP port."""
    forms: dict[bytes, list[str]] = {}
    for name, found in imports(plan).items():
        host, colon, port = name.partition(":")
        suffixes = ("", ".svc", f".svc.{CLUSTERSET_ZONE}")
        forms.setdefault(found.host, []).extend(f"{host}{s}{colon}{port}" for s in suffixes)
    return tuple(
        route_components_pb2.VirtualHost(
            name=min(domains), domains=sorted(domains)
        ).SerializeToString(deterministic=True)
        + host
        for host, domains in forms.items()
        if host
    )


def eager_routes(hosts: Iterable[bytes] = ()) -> Resource:
    """The routes `outbound` with these virtual hosts, and 404 for all others."""
    other = route_components_pb2.VirtualHost(
        name="unknown",
        domains=["*"],
        routes=[
            heads.refusing_odd_hosts(),
            {
                "match": {"prefix": "/"},
                "direct_response": {"status": 404, "body": {"inline_string": NO_SUCH_SERVICE}},
            },
        ],
    )
    found = [route_components_pb2.VirtualHost.FromString(host) for host in hosts]
    return resource(
        OUTBOUND,
        route_pb2.RouteConfiguration(
            name=OUTBOUND,
            virtual_hosts=[*found, other],
            response_headers_to_remove=http.NOT_OF_ANSWERS,
        ),
    )
