"""What a gRPC client without any proxy is told."""

from dataclasses import replace
from typing import Any

from federation.model import types
from federation.model.locality import Locality
from federation.model.names import ClusterId
from federation.model.plans import Destination, Division, Health, Plan, Target, Tier
from federation.planning.plan import plan_service
from sidecar.proxyless import compile_proxyless, usable
from tests.unit import builders as b
from tests.unit.goldens import document

GRPC = b.port(9000, "grpc", "grpc")
TARGET = "api.shop.svc.clusterset.local:9000"
CLUSTER = "grpc~9000.api.shop.svc.clusterset.local"


def plan(*ready: bool) -> Plan:
    clusters = (b.cluster("west", gateways=(b.gateway("10.2.0.1"),)), b.cluster("east"))
    behind = (b.backend("west", ports=(80, 9000)),)
    endpoints = [
        b.endpoint(f"10.0.0.{i}", ready=r, targets=((9000, 9000),)) for i, r in enumerate(ready)
    ]
    facts = b.facts(b.service("east", "west", ports=(b.HTTP, GRPC)), behind, clusters)
    return plan_service(facts, b.local_service(*endpoints), b.importer())


def test_only_grpc_ports_are_told_each_under_its_target() -> None:
    found = {(r.type_url, r.name): document(r.body) for r in compile_proxyless(plan(True))}
    assert set(found) == {
        (types.LISTENER, TARGET),
        (types.CLUSTER, CLUSTER),
        (types.ENDPOINTS, CLUSTER),
    }
    tls = found[types.CLUSTER, CLUSTER]["transport_socket"]["typed_config"]
    assert tls["sni"] == "9000.api.shop.svc.clusterset.local"
    names = tls["common_tls_context"]["validation_context"]["match_subject_alt_names"]
    assert [n["exact"] for n in names] == [
        "spiffe://east.mesh.test/ns/shop/sa/api",
        "spiffe://west.mesh.test/ns/shop/sa/api",
    ]
    localities = found[types.ENDPOINTS, CLUSTER]["endpoints"]
    assert [part.get("priority", 0) for part in localities] == [0, 1]
    assert all(part["load_balancing_weight"] for part in localities)


def tier(*targets: Target) -> Tier:
    return Tier((Destination(ClusterId("west"), Locality("eu", "a"), 1, targets),))


GATEWAY = Target("10.2.0.1", 15443)


def test_what_ends_no_tls_of_its_own_is_left_out() -> None:
    plain = tier(replace(GATEWAY, mtls=False))
    ended = tier(replace(GATEWAY, terminated=True))
    assert usable([plain, ended, tier(GATEWAY)]) == (tier(GATEWAY),)


def test_gateways_that_do_not_answer_are_tried_when_nothing_else_is_left() -> None:
    degraded = tier(replace(GATEWAY, health=Health.DEGRADED))
    other = tier(replace(GATEWAY, address="10.3.0.1"))
    assert usable([degraded, other]) == (degraded, other)
    assert usable([degraded]) == (tier(GATEWAY),)


# -- parts -----------------------------------------------------------------------------------------


def divided(*weights: int) -> dict[tuple[str, str], dict[str, Any]]:
    """Part `a` is the own cluster, part `b` is west."""
    clusters = (b.cluster("west", gateways=(b.gateway("10.2.0.1"),)), b.cluster("east"))
    facts = b.facts(
        b.service("east", "west", ports=(GRPC,)), (b.backend("west", ports=(9000,)),), clusters
    )
    local = b.local_service(b.endpoint(targets=((9000, 9000),)), ports=(GRPC,))
    divisions = tuple(
        Division(name, weight, frozenset({ClusterId(id)}))
        for name, weight, id in zip("ab", weights, ("east", "west"), strict=True)
    )
    made = plan_service(facts, local, b.importer(), divisions=divisions)
    return {(r.type_url, r.name): document(r.body) for r in compile_proxyless(made)}


def routes(found: dict[tuple[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
    manager = found[types.LISTENER, TARGET]["api_listener"]["api_listener"]
    made: list[dict[str, Any]] = manager["route_config"]["virtual_hosts"][0].get("routes", [])
    return made


PART_A = "grpc~a.part~9000.api.shop.svc.clusterset.local"
PART_B = "grpc~b.part~9000.api.shop.svc.clusterset.local"


def test_every_part_has_a_cluster_of_its_own_and_the_route_divides_between_them() -> None:
    found = divided(90, 10)
    places = {
        name: [group["locality"]["sub_zone"] for group in body["endpoints"]]
        for (type_url, name), body in found.items()
        if type_url == types.ENDPOINTS
    }
    assert places == {PART_A: ["east"], PART_B: ["west"]}
    assert [route["route"]["weighted_clusters"]["clusters"] for route in routes(found)] == [
        [{"name": PART_A, "weight": 90}, {"name": PART_B, "weight": 10}]
    ]


def test_a_part_without_weight_gets_no_call_and_without_any_weight_there_is_no_route() -> None:
    assert [route["route"] for route in routes(divided(1, 0))] == [{"cluster": PART_A}]
    assert routes(divided(0, 0)) == []
