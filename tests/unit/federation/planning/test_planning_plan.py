"""The plan of a service: ports, server names, who may answer."""

from dataclasses import replace

from federation.model.exports import AppProtocol, Transport, app_protocol
from federation.model.facts import Cluster
from federation.model.names import ClusterId
from federation.model.plans import Health, Plan, Reachability
from federation.planning.plan import plan_service
from tests.unit import builders as b

HOME = b.cluster("east")
WEST = b.cluster("west", gateways=(b.gateway("10.2.0.1"),))


def clusters(plan: Plan) -> list[str]:
    return [
        destination.cluster
        for port in plan.ports
        for part in port.parts
        for tier in part.tiers
        for destination in tier.destinations
    ]


def test_a_plan_has_the_tcp_ports_with_their_server_names() -> None:
    ports = (b.port(53, "dns", "", Transport.UDP), b.port(443, "grpc", "grpc"), b.HTTP)
    plan = plan_service(b.facts(b.service("east", ports=ports)), None, b.importer())
    assert [(port.port.name, port.sni) for port in plan.ports] == [
        ("grpc", "443.api.shop.svc.clusterset.local"),
        ("http", "80.api.shop.svc.clusterset.local"),
    ]
    assert [[(p.name, p.weight) for p in port.parts] for port in plan.ports] == [
        [("default", 1)],
        [("default", 1)],
    ]


def test_local_endpoints_come_first_when_the_own_cluster_exports() -> None:
    facts = b.facts(b.service("east", "west"), (b.backend("west"),), (HOME, WEST))
    plan = plan_service(facts, b.local_service(b.endpoint()), b.importer())
    assert clusters(plan) == ["east", "west"]


def test_every_port_is_planned_by_what_gateways_see() -> None:
    ports = (b.HTTP, b.port(5432, "db", ""))
    facts = b.facts(
        b.service("west", ports=ports), (b.backend("west", ports=(80, 5432)),), (HOME, WEST)
    )
    west = WEST.id
    reachability = Reachability(frozenset({(west, WEST.gateways[0].name)}), ((west, 0.5),))
    plan = plan_service(facts, None, b.importer(), reachability=reachability)
    found = [d for port in plan.ports for part in port.parts for d in part.tiers[0].destinations]
    assert [(d.rtt, d.targets[0].health) for d in found] == [(0.5, Health.DEGRADED)] * 2


def test_local_endpoints_do_not_count_when_the_own_cluster_does_not_export() -> None:
    """O11."""
    facts = b.facts(b.service("west"), (b.backend("west"),), (HOME, WEST))
    plan = plan_service(facts, b.local_service(b.endpoint(account="other")), b.importer())
    assert clusters(plan) == ["west"]
    assert plan.identities == ("spiffe://west.mesh.test/ns/shop/sa/api",)


def test_a_backend_of_a_cluster_that_does_not_export_is_not_used() -> None:
    facts = b.facts(b.service("east"), (b.backend("west"),), (HOME, WEST))
    plan = plan_service(facts, b.local_service(b.endpoint()), b.importer())
    assert clusters(plan) == ["east"]
    assert plan.identities == ("spiffe://east.mesh.test/ns/shop/sa/api",)


def test_where_the_gateway_ends_the_tls_its_identity_answers_and_the_name_says_so() -> None:
    behind = replace(b.backend("west", accounts=()), terminated=True)
    clusters = (b.cluster("west", gateways=(b.gateway("10.2.0.1"),)), b.cluster("east"))
    plan = plan_service(b.facts(b.service("west"), (behind,), clusters), None, b.importer())
    assert plan.identities == ("spiffe://west.mesh.test/gateway",)
    (tier,) = plan.ports[0].parts[0].tiers
    assert [target.terminated for target in tier.destinations[0].targets] == [True]


def test_exactly_the_accounts_of_each_cluster_may_answer() -> None:
    facts = b.facts(
        b.service("east", "west"), (b.backend("west", accounts=("web", "api")),), (HOME, WEST)
    )
    plan = plan_service(facts, b.local_service(b.endpoint(account="local")), b.importer())
    assert plan.identities == (
        "spiffe://east.mesh.test/ns/shop/sa/local",
        "spiffe://west.mesh.test/ns/shop/sa/api",
        "spiffe://west.mesh.test/ns/shop/sa/web",
    )


def test_the_trust_domain_is_the_operators_word() -> None:
    renamed = Cluster(WEST.id, "eu", ("a",), "net", "other.test", WEST.gateways)
    facts = b.facts(b.service("west"), (b.backend("west"),), (HOME, renamed))
    assert plan_service(facts, None, b.importer()).identities == (
        "spiffe://other.test/ns/shop/sa/api",
    )


def test_a_backend_without_a_known_cluster_may_not_answer() -> None:
    facts = b.facts(b.service("west"), (b.backend("west"),), (HOME,))
    assert plan_service(facts, None, b.importer()).identities == ()


def test_a_port_that_nobody_has_is_planned_without_tiers() -> None:
    plan = plan_service(b.facts(b.service("west"), (), (HOME, WEST)), None, b.importer())
    assert [part.tiers for port in plan.ports for part in port.parts] == [()]


def test_a_cluster_that_cannot_serve_a_port_gets_none_of_its_requests() -> None:
    ports = (b.HTTP, b.port(81, "admin"))
    behind = (b.backend("west", ports=(80, 81)),)
    for cut, expected in (("east", ["west", "east", "west"]), ("west", ["east", "east", "west"])):
        merged = replace(
            b.service("east", "west", ports=ports), unserved=((ClusterId(cut), (80,)),)
        )
        local = b.local_service(b.endpoint(targets=((80, 8080), (81, 8081))), ports=ports)
        plan = plan_service(b.facts(merged, behind, (HOME, WEST)), local, b.importer())
        assert clusters(plan) == expected


def test_a_plan_says_how_the_own_cluster_serves_a_port() -> None:
    local = b.local_service(b.endpoint(), ports=(b.port(80, "web", "kubernetes.io/h2c"),))
    plan = plan_service(b.facts(b.service("east")), local, b.importer())
    assert [p.own and app_protocol(p.own) for p in plan.ports] == [AppProtocol.HTTP2]
    plan = plan_service(b.facts(b.service("west")), None, b.importer())
    assert [p.own for p in plan.ports] == [None]
