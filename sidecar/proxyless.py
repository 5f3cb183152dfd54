"""How a gRPC client without any proxy reaches services: the resources of its own xDS client.

In: `Plan`s. Out: for each gRPC port a listener that is named like the client's target
(`xds:///NAME.NAMESPACE.svc.clusterset.local:PORT`), a cluster and its endpoints, which the agent
serves as state of the world. Rules: gRFC A27 (xDS), A29 (its security), A36 and A101 (`sni`).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any as Message

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import api_listener_pb2, listener_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2,
)
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, tls_pb2

from federation.envoy.build import ADS, Resource, any_of, extension, resource
from federation.envoy.clusters import load_assignment
from federation.envoy.split import Share, of_requests
from federation.model.exports import AppProtocol, app_protocol
from federation.model.names import ServiceName, host_name
from federation.model.plans import Destination, Health, Part, Plan, PortPlan, Tier
from sidecar.outbound import part_label

PROVIDER = "fedmesh"
"""The certificate provider in the client's bootstrap file."""


def compile_proxyless(plan: Plan) -> tuple[Resource, ...]:
    """What a client needs for the gRPC ports of one service.

    Endpoints that do not end mutual TLS themselves are left out: a client knows one server name for
    each cluster.
    """
    return tuple(
        found
        for port in plan.ports
        if app_protocol(port.port) is AppProtocol.HTTP2
        for found in _port(plan, port)
    )


def target_name(service: ServiceName, port: int) -> str:
    """What follows `xds:///` in the client's target."""
    return f"{host_name(service)}:{port}"


def _port(plan: Plan, port: PortPlan) -> tuple[Resource, ...]:
    target = target_name(plan.service, port.port.number)
    shares = tuple(Share(_name(port, part), part.weight) for part in port.parts)
    return (
        resource(target, _listener(target, shares)),
        *(made for part in port.parts for made in _part(plan, port, part)),
    )


def _part(plan: Plan, port: PortPlan, part: Part) -> tuple[Resource, ...]:
    name = _name(port, part)
    return (
        resource(name, _cluster(name, port.sni, plan.identities)),
        resource(name, load_assignment(name, usable(part.tiers), port.sni)),
    )


def _name(port: PortPlan, part: Part) -> str:
    return f"grpc~{part_label(part)}{port.sni}"


def usable(tiers: Iterable[Tier]) -> tuple[Tier, ...]:
    """The tiers with what the client can call: gRPC leaves out all that is not healthy.

    Where nothing is, gateways that do not answer ours are tried: what others see may be wrong.
    """
    kept = tuple(_kept(tier) for tier in tiers)
    kept = tuple(tier for tier in kept if tier.destinations)
    if any(_has(tier, Health.HEALTHY) for tier in kept):
        return kept
    return tuple(_healed(tier) for tier in kept)


def _kept(tier: Tier) -> Tier:
    destinations = (
        replace(d, targets=tuple(t for t in d.targets if t.mtls and not t.terminated))
        for d in tier.destinations
    )
    return Tier(tuple(d for d in destinations if d.targets))


def _has(tier: Tier, health: Health) -> bool:
    return any(t.health is health for d in tier.destinations for t in d.targets)


def _healed(tier: Tier) -> Tier:
    def healed(destination: Destination) -> Destination:
        return replace(
            destination,
            targets=tuple(
                replace(t, health=Health.HEALTHY) if t.health is Health.DEGRADED else t
                for t in destination.targets
            ),
        )

    return Tier(tuple(healed(d) for d in tier.destinations))


def _listener(target: str, shares: Iterable[Share]) -> listener_pb2.Listener:
    to = of_requests(shares)
    routes = [{"match": {"prefix": ""}, "route": to}] if to else []
    manager = http_connection_manager_pb2.HttpConnectionManager(
        stat_prefix=target,
        route_config={
            "name": target,
            "virtual_hosts": [
                {
                    "name": target,
                    "domains": ["*"],
                    "routes": routes,
                }
            ],
        },
        http_filters=[extension("envoy.filters.http.router", router_pb2.Router())],
    )
    return listener_pb2.Listener(
        name=target, api_listener=api_listener_pb2.ApiListener(api_listener=any_of(manager))
    )


def _cluster(name: str, sni: str, identities: tuple[str, ...]) -> cluster_pb2.Cluster:
    return cluster_pb2.Cluster(
        name=name,
        type="EDS",
        eds_cluster_config={"eds_config": ADS},
        lb_policy="ROUND_ROBIN",
        transport_socket=extension("envoy.transport_sockets.tls", _tls(sni, identities)),
    )


def _tls(sni: str, identities: tuple[str, ...]) -> Message:
    """Exactly these ids may answer. gRPC reads the older field for their names (gRFC A29)."""
    provider = {"instance_name": PROVIDER}
    validation = common_pb2.CertificateValidationContext(
        ca_certificate_provider_instance=provider,
        match_subject_alt_names=[{"exact": i} for i in identities or ("fedmesh:nobody",)],
    )
    common = tls_pb2.CommonTlsContext(
        tls_certificate_provider_instance=provider, validation_context=validation
    )
    return tls_pb2.UpstreamTlsContext(common_tls_context=common, sni=sni)
