"""What a gRPC client without any proxy is told."""

from dataclasses import replace

from federation.model import types
from federation.model.locality import Locality
from federation.model.names import ClusterId
from federation.model.plans import Destination, Health, Plan, Target, Tier
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
