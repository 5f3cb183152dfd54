"""How a sidecar reaches services near and far, byte for byte, and whether a real Envoy takes it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from federation.envoy.split import Share
from federation.model import types
from federation.model.exports import ServicePort
from federation.model.facts import Endpoint
from federation.model.imports import Import
from federation.model.locality import Locality
from federation.model.names import ClusterId
from federation.model.plans import Destination, Division, Plan, Reachability, Target, Tier
from federation.planning.plan import plan_service
from sidecar.outbound import compile_outbound, shares_of
from tests.eager import eager_routes, imports, virtual_hosts
from tests.unit import builders as b
from tests.unit.goldens import Named, check_golden, document, envoy_refusal

GOLDEN = Path(__file__).parent / "golden"
WEST = b.cluster("west", gateways=(b.gateway("10.2.0.1"), b.gateway("10.2.0.2", zone="b")))
FAR = b.cluster("far", region="us", gateways=(b.gateway("10.3.0.1"),))
HOME = b.cluster("east", zones=("a", "b"))

TCP = b.port(5432, "db", "")
GRPC = b.port(9000, "grpc", "grpc")

EAST = ClusterId("east")
SNI = "80.api.shop.svc.clusterset.local"
NEAR_OUT, FAR_OUT, ANY_OUT = f"out~{SNI}~", f"far~{SNI}~", f"any~{SNI}~"
TCP_OUT = "out~5432.api.shop.svc.clusterset.local~"


def plan(
    *endpoints: Endpoint,
    ports: tuple[ServicePort, ...] = (b.HTTP,),
    only: tuple[str, ...] = ("west", "far"),
    shares: dict[str, int] | None = None,
    **rtt: float,
) -> Plan:
    """A service of `east` and of other clusters, as one of east's zones calls it."""
    numbers = tuple(port.number for port in ports)
    ready = {"west": 3, "far": 2}
    return plan_service(
        b.facts(
            b.service("east", "far", "west", ports=ports),
            tuple(b.backend(id, ready=ready[id], ports=numbers) for id in only),
            (HOME, WEST, FAR),
        ),
        b.local_service(*endpoints, ports=ports),
        b.importer(),
        {ClusterId(id): share for id, share in (shares or {}).items()},
        Reachability(rtt=tuple((ClusterId(id), seconds) for id, seconds in sorted(rtt.items()))),
    )


CASES = {
    "http": plan(
        b.endpoint("10.0.0.1"),
        b.endpoint("10.0.0.2", ready=False),
        b.endpoint("10.0.1.1", zone="b", draining=True),
        ports=(b.HTTP, GRPC),
    ),
    "near-only": plan(b.endpoint("10.0.0.1"), only=("west",), west=0.0),
    "far-only": plan(only=("far",), far=0.5),
    "tcp": plan(b.endpoint("10.0.0.1", targets=((5432, 5432),)), ports=(TCP,)),
    "tcp-far": plan(
        b.endpoint("10.0.0.1", targets=((5432, 5432),)), ports=(TCP,), west=0.0, far=0.5
    ),
    "plain-http": plan(b.endpoint("10.0.0.1"), b.endpoint("10.0.0.2", sidecar=False)),
    "plain-grpc": plan(
        b.endpoint("10.0.0.2", sidecar=False, targets=((9000, 9000),)), ports=(GRPC,)
    ),
    "nothing-known": plan_service(b.facts(b.service("far")), None, b.importer()),
}


def compiled(case: str) -> tuple[Named, ...]:
    return (*compile_outbound(CASES[case]), eager_routes(virtual_hosts(CASES[case])))


@pytest.mark.parametrize("case", CASES)
def test_resources_equal_the_golden_files(case: str) -> None:
    check_golden(GOLDEN, case, compiled(case))


@pytest.mark.envoy
@pytest.mark.parametrize("case", CASES)
def test_a_real_envoy_takes_the_resources(case: str, tmp_path: Path) -> None:
    assert envoy_refusal(tmp_path, compiled(case)) == ""


@pytest.mark.envoy
def test_a_real_envoy_refuses_the_same_domain_twice(tmp_path: Path) -> None:
    """So that the test above can fail."""
    hosts = virtual_hosts(CASES["http"])
    routes = eager_routes([*hosts, hosts[0]])
    clusters = compile_outbound(CASES["http"])
    assert "unique" in envoy_refusal(tmp_path, (*clusters, routes))


# -- near and far ------------------------------------------------------------------------------


def clusters(made: Plan) -> dict[str, Any]:
    """Clusters by name."""
    return {n: document(body) for t, n, body in compile_outbound(made) if t == types.CLUSTER}


def priorities(made: Plan) -> dict[str, list[set[str]]]:
    """By cluster of Envoy: the clusters of the mesh behind each of its priorities."""
    found: dict[str, list[set[str]]] = {}
    for type_url, name, body in compile_outbound(made):
        if type_url == types.ENDPOINTS:
            tiers: dict[int, set[str]] = {}
            for locality in document(body).get("endpoints", []):
                tier = tiers.setdefault(locality.get("priority", 0), set())
                tier.add(locality["locality"]["sub_zone"])
            found[name] = [tiers[priority] for priority in sorted(tiers)]
    return found


def table(made: Plan) -> list[dict[str, Any]]:
    """The virtual hosts of a plan, and the one for all others."""
    found: list[dict[str, Any]] = document(eager_routes(virtual_hosts(made)).body)["virtual_hosts"]
    return found


def led_to(made: Plan) -> str:
    """Where the routes and `shares_of` lead, for a plan of one port."""
    (host, _) = table(made)
    (cluster,) = {route["route"]["cluster"] for route in host["routes"]}
    assert shares_of(made.ports[0]) == (Share(str(cluster), 1),)
    return str(cluster)


def patience(cluster: dict[str, Any]) -> tuple[str, str, str]:
    """Connect time-out, interval of PINGs, and how long one may take."""
    (options,) = cluster["typed_extension_protocol_options"].values()
    ping = options["explicit_http_config"]["http2_protocol_options"]["connection_keepalive"]
    return cluster["connect_timeout"], ping["interval"], ping["timeout"]


def test_what_is_near_has_one_cluster_with_short_time_outs() -> None:
    made = CASES["near-only"]
    assert led_to(made) == NEAR_OUT
    assert priorities(made) == {NEAR_OUT: [{"east"}, {"west"}, {"west"}]}
    assert patience(clusters(made)[NEAR_OUT]) == ("0.500s", "0.250s", "0.600s")


def test_what_is_far_has_one_cluster_with_time_outs_by_its_round_trip_time() -> None:
    made = CASES["far-only"]
    assert led_to(made) == FAR_OUT
    assert priorities(made) == {FAR_OUT: [{"far"}]}
    assert patience(clusters(made)[FAR_OUT]) == ("2s", "1s", "2.100s")


def test_near_and_far_are_joined_in_this_order_by_a_cluster_with_limits_of_its_own() -> None:
    made = plan(b.endpoint("10.0.0.1"))
    assert led_to(made) == ANY_OUT
    assert priorities(made) == {NEAR_OUT: [{"east"}, {"west"}, {"west"}], FAR_OUT: [{"far"}]}
    found = clusters(made)
    joined = found[ANY_OUT]
    assert joined["cluster_type"]["typed_config"]["clusters"] == [NEAR_OUT, FAR_OUT]
    assert joined["circuit_breakers"] == found[NEAR_OUT]["circuit_breakers"]
    assert joined["circuit_breakers"]["thresholds"][0]["max_retries"] == 10000


def test_the_order_of_resources_has_members_before_the_cluster_that_joins_them() -> None:
    made = [n for t, n, _ in compile_outbound(plan(b.endpoint())) if t == types.CLUSTER]
    assert made == [NEAR_OUT, FAR_OUT, ANY_OUT]


def test_a_tier_that_is_partly_far_is_far_as_a_whole() -> None:
    """Its destinations share the load by weights, which one Envoy cluster alone can do."""
    far_in_eu = replace(FAR, region="eu", zones=("a",))
    west_in_a = replace(WEST, gateways=(b.gateway("10.2.0.1"),))
    made = plan_service(
        b.facts(
            b.service("far", "west"),
            (b.backend("west"), b.backend("far")),
            (HOME, west_in_a, far_in_eu),
        ),
        None,
        b.importer(),
        reachability=Reachability(rtt=((ClusterId("far"), 0.25), (ClusterId("west"), 0.0))),
    )
    assert priorities(made) == {FAR_OUT: [{"far", "west"}]}
    assert led_to(made) == FAR_OUT


def test_a_near_cluster_that_is_held_back_still_comes_last() -> None:
    """It has just been lost: led to before the far ones it would have everything at once."""
    made = plan(b.endpoint("10.0.0.1"), only=("far",), shares={"east": 0})
    assert priorities(made) == {FAR_OUT: [{"far"}, {"east"}]}
    assert led_to(made) == FAR_OUT
    tcp = plan(
        b.endpoint("10.0.0.1", targets=((5432, 5432),)),
        ports=(TCP,),
        only=("far",),
        shares={"east": 0},
    )
    assert priorities(tcp) == {TCP_OUT: [{"far"}, {"east"}]}


def test_a_near_cluster_in_its_ramp_shares_with_the_far_one() -> None:
    made = plan(b.endpoint("10.0.0.1"), only=("far",), shares={"east": 40})
    assert priorities(made) == {FAR_OUT: [{"east", "far"}]}


def test_time_outs_are_by_the_farthest_of_the_far() -> None:
    made = plan(west=0.25, far=0.5)
    assert priorities(made) == {FAR_OUT: [{"west"}, {"west"}, {"far"}]}
    assert patience(clusters(made)[FAR_OUT]) == ("2s", "1s", "2.100s")


def test_a_cluster_that_has_become_near_changes_where_routes_lead() -> None:
    endpoint = b.endpoint("10.0.0.1")
    assert led_to(plan(endpoint, west=0.0, far=0.0)) == NEAR_OUT
    assert led_to(plan(endpoint, west=0.25, far=0.25)) == ANY_OUT


def test_without_any_endpoint_there_is_a_near_cluster_that_refuses_at_once() -> None:
    made = plan(only=())
    assert priorities(made) == {NEAR_OUT: []}
    assert led_to(made) == NEAR_OUT


# -- TCP ---------------------------------------------------------------------------------------


def over_tcp(west: float, far: float) -> Plan:
    return plan(b.endpoint("10.0.0.1", targets=((5432, 5432),)), ports=(TCP,), west=west, far=far)


def test_requests_go_where_the_fewest_are_under_way_near_and_far() -> None:
    """A frozen endpoint gets few; the aggregate that joins near and far chooses nobody itself."""
    found = clusters(plan(b.endpoint("10.0.0.1")))
    assert {name: cluster["lb_policy"] for name, cluster in found.items()} == {
        NEAR_OUT: "LEAST_REQUEST",
        FAR_OUT: "LEAST_REQUEST",
        ANY_OUT: "CLUSTER_PROVIDED",
    }


def test_tcp_has_one_cluster_for_near_and_far() -> None:
    made = over_tcp(west=0.0, far=0.5)
    assert list(clusters(made)) == [TCP_OUT]
    assert priorities(made) == {TCP_OUT: [{"east"}, {"west"}, {"west"}, {"far"}]}
    assert shares_of(made.ports[0]) == (Share(TCP_OUT, 1),)


def test_a_measured_time_changes_no_tcp_cluster_up_to_250_ms() -> None:
    """A changed cluster would cut the connections it has."""
    near, quarter = over_tcp(west=0.0, far=0.0), over_tcp(west=0.25, far=0.25)
    assert clusters(near) == clusters(quarter) == clusters(CASES["tcp"])
    assert clusters(near)[TCP_OUT]["connect_timeout"] == "1s"
    assert clusters(over_tcp(west=0.0, far=0.5))[TCP_OUT]["connect_timeout"] == "2s"


# -- endpoints without a sidecar ---------------------------------------------------------------


def speaks(cluster: dict[str, Any]) -> set[str]:
    (options,) = cluster["typed_extension_protocol_options"].values()
    return set(options["explicit_http_config"])


def test_only_the_distance_that_has_an_endpoint_without_sidecar_speaks_its_protocol() -> None:
    """Where all have one, HTTP/2 is spoken between sidecars whatever the application speaks."""
    found = clusters(CASES["plain-http"])
    assert speaks(found[NEAR_OUT]) == {"http_protocol_options"}
    assert "transport_socket_matches" in found[NEAR_OUT]
    assert speaks(found[FAR_OUT]) == {"http2_protocol_options"}
    assert "transport_socket_matches" not in found[FAR_OUT]


def hostnames(ports: tuple[ServicePort, ...], name: str) -> dict[str, str]:
    """The server names by which endpoints are dialled, by address."""
    found = plan(ports=ports, only=("west",))
    tiers = tuple(
        replace(t, destinations=tuple(ended(d) for d in t.destinations))
        for t in found.ports[0].parts[0].tiers
    )
    part = replace(found.ports[0].parts[0], tiers=tiers)
    changed = replace(found, ports=(replace(found.ports[0], parts=(part,)),))
    resources = {(r.type_url, r.name): r.body for r in compile_outbound(changed)}
    assignment = document(resources[types.ENDPOINTS, name])
    endpoints = [e["endpoint"] for group in assignment["endpoints"] for e in group["lb_endpoints"]]
    return {e["address"]["socket_address"]["address"]: e["hostname"] for e in endpoints}


def ended(destination: Destination) -> Destination:
    """The first of its gateways ends mutual TLS, the others do not."""
    first, *others = destination.targets
    return replace(destination, targets=(replace(first, terminated=True), *others))


def test_a_gateway_that_ends_the_tls_is_called_by_another_name() -> None:
    assert hostnames((b.HTTP,), NEAR_OUT)["10.2.0.1"] == "80.api.shop.svc-t.clusterset.local"
    assert hostnames((TCP,), TCP_OUT)["10.2.0.1"] == "5432.api.shop.svc-r.clusterset.local"


# -- routes ------------------------------------------------------------------------------------


def test_an_import_names_all_clusters_that_its_routes_lead_to() -> None:
    both = plan(b.endpoint("10.0.0.1"))
    (found, again) = imports(both).values()
    assert found == again
    assert (found.clusters, found.aggregates) == ((NEAR_OUT, FAR_OUT), (ANY_OUT,))
    near = imports(CASES["near-only"])["api.shop"]
    assert (near.clusters, near.aggregates) == ((NEAR_OUT,), ())
    far = imports(CASES["far-only"])["api.shop"]
    assert (far.clusters, far.aggregates) == ((FAR_OUT,), ())


def test_an_import_is_named_by_its_port_and_the_usual_one_without_as_well() -> None:
    ports = (b.port(8080), b.port(9090, "other"))
    assert list(imports(plan(ports=ports))) == ["api.shop:8080", "api.shop", "api.shop:9090"]


def test_the_import_of_a_tcp_port_has_clusters_and_no_virtual_host() -> None:
    assert imports(CASES["tcp"]) == {"api.shop:5432": Import(b"", (TCP_OUT,))}


def test_an_import_brings_the_clusters_of_all_parts() -> None:
    found = imports(divided(90, 10))["api.shop:80"]
    assert found.clusters == (
        f"out~a.part~{SNI}~",
        f"out~b.part~{SNI}~",
        f"far~b.part~{SNI}~",
    )
    assert found.aggregates == (f"any~b.part~{SNI}~",)


def domains(*numbers: int) -> list[list[str]]:
    ports = tuple(b.port(number, f"http-{number}") for number in numbers)
    return [host["domains"] for host in table(plan(ports=ports))[:-1]]


def test_the_host_without_a_port_means_port_80() -> None:
    first, second = domains(79, 80)
    assert "api.shop.svc.clusterset.local" not in first
    assert {"api.shop.svc.clusterset.local", "api.shop.svc", "api.shop"} <= set(second)


def test_the_host_without_a_port_means_the_lowest_http_port_when_there_is_no_80() -> None:
    first, second = domains(8080, 9090)
    assert "api.shop" in first
    assert second == ["api.shop.svc.clusterset.local:9090", "api.shop.svc:9090", "api.shop:9090"]


def test_the_host_without_a_port_means_nothing_when_the_oldest_export_has_no_http_port() -> None:
    made = replace(plan(ports=(b.port(80),)), default_port=0)
    host, _ = table(made)
    assert host["domains"] == [
        "api.shop.svc.clusterset.local:80",
        "api.shop.svc:80",
        "api.shop:80",
    ]


def test_tcp_ports_have_no_virtual_host() -> None:
    assert virtual_hosts(CASES["tcp"]) == ()


def test_only_idempotent_methods_retry_a_reset() -> None:
    safe, other = table(CASES["http"])[0]["routes"]
    regex = safe["match"]["headers"][0]["string_match"]["safe_regex"]["regex"]
    assert set(regex.split("|")) == {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
    assert "reset" in safe["route"]["retry_policy"]["retry_on"].split(",")
    assert "reset" not in other["route"]["retry_policy"]["retry_on"].split(",")
    assert "headers" not in other["match"]


def test_a_service_without_known_identities_may_be_answered_by_nobody() -> None:
    cluster = document(compile_outbound(CASES["nothing-known"])[0][2])
    context = cluster["transport_socket"]["typed_config"]["common_tls_context"]
    names = context["combined_validation_context"]["default_validation_context"]
    assert [name["matcher"] for name in names["match_typed_subject_alt_names"]] == [
        {"exact": "fedmesh:nobody"}
    ]


def test_the_order_of_tiers_is_never_changed_by_distance() -> None:
    """Any mixture of near and far: the first far tier ends what is near."""
    made = CASES["near-only"]
    (port,) = made.ports

    def tier(number: int, rtt: float) -> Tier:
        target = (Target(f"10.9.0.{number}", 15443),)
        there = Destination(ClusterId(f"c{number}"), Locality("eu", "a"), 1, target, rtt)
        return Tier((there,))

    tiers = tuple(tier(n, rtt) for n, rtt in enumerate((0.0, 0.0, 0.25, 0.0, 0.5)))
    part = replace(port.parts[0], tiers=tiers)
    mixed = replace(made, ports=(replace(port, parts=(part,)),))
    assert priorities(mixed) == {
        NEAR_OUT: [{"c0"}, {"c1"}],
        FAR_OUT: [{"c2"}, {"c3"}, {"c4"}],
    }
    assert patience(clusters(mixed)[FAR_OUT])[0] == "2s"


def test_an_application_without_a_sidecar_is_spoken_to_as_its_own_cluster_states() -> None:
    h2c = replace(b.HTTP, app_protocol="kubernetes.io/h2c")
    local = b.local_service(b.endpoint(sidecar=False), ports=(h2c,))
    found = plan_service(b.facts(b.service("east"), (), (HOME,)), local, b.importer())
    text = str([document(resource.body) for resource in compile_outbound(found)])
    assert "http2_protocol_options" in text
    assert "'http_protocol_options'" not in text


# -- parts -------------------------------------------------------------------------------------


def divided(*weights: int, port: Any = b.HTTP, west: float = 0.0) -> Plan:
    """Parts `a` (the own cluster, then west) and `b` (far, then west)."""
    asked = ((EAST, WEST.id), (FAR.id, WEST.id))
    divisions = tuple(
        Division(name, weight, frozenset(ids))
        for name, weight, ids in zip("ab", weights, asked, strict=True)
    )
    ports = (port.number,)
    facts = b.facts(
        b.service("east", "west", "far", ports=(port,)),
        (b.backend("west", ports=ports), b.backend("far", ports=ports)),
        (HOME, WEST, FAR),
    )
    local = b.local_service(b.endpoint(targets=((port.number, 8080),)), ports=(port,))
    measured = Reachability(rtt=((FAR.id, 0.25), (WEST.id, west)))
    return plan_service(facts, local, b.importer(), reachability=measured, divisions=divisions)


def behind(made: Plan) -> dict[str, list[list[str]]]:
    """Per cluster with endpoints, its clusters of the mesh by priority."""
    found: dict[str, list[list[str]]] = {}
    for type_url, name, body in compile_outbound(made):
        if type_url != types.ENDPOINTS:
            continue
        tiers: dict[int, list[str]] = {}
        for group in document(body).get("endpoints", ()):
            tiers.setdefault(group.get("priority", 0), []).append(group["locality"]["sub_zone"])
        found[name] = [sorted(set(tiers[priority])) for priority in sorted(tiers)]
    return found


def test_every_part_has_clusters_of_its_own_with_its_name_and_never_anothers_places() -> None:
    made = divided(90, 10)
    assert behind(made) == {
        f"out~a.part~{SNI}~": [["east"], ["west"], ["west"]],
        f"out~b.part~{SNI}~": [["west"], ["west"]],
        f"far~b.part~{SNI}~": [["far"]],
    }
    assert shares_of(made.ports[0]) == (
        Share(f"out~a.part~{SNI}~", 90),
        Share(f"any~b.part~{SNI}~", 10),
    )
    (any_,) = [
        document(body)
        for type_url, name, body in compile_outbound(made)
        if type_url == types.CLUSTER and name.startswith("any~")
    ]
    joined = any_["cluster_type"]["typed_config"]["clusters"]
    assert joined == [f"out~b.part~{SNI}~", f"far~b.part~{SNI}~"]


def test_requests_are_divided_between_parts_by_the_routes() -> None:
    (host, _) = table(divided(90, 10))
    for route in host["routes"]:
        assert route["route"]["weighted_clusters"]["clusters"] == [
            {"name": f"out~a.part~{SNI}~", "weight": 90},
            {"name": f"any~b.part~{SNI}~", "weight": 10},
        ]


def test_a_part_without_weight_is_there_and_no_request_goes_to_it() -> None:
    made = divided(1, 0)
    (host, _) = table(made)
    assert {route["route"]["cluster"] for route in host["routes"]} == {f"out~a.part~{SNI}~"}
    assert behind(made) == behind(divided(90, 10))


def test_other_weights_change_routes_and_nothing_else() -> None:
    assert compile_outbound(divided(90, 10)) == compile_outbound(divided(50, 50))
    assert virtual_hosts(divided(90, 10)) != virtual_hosts(divided(50, 50))


def test_parts_over_tcp_have_one_cluster_each() -> None:
    made = divided(3, 1, port=TCP)
    sni = "5432.api.shop.svc.clusterset.local"
    assert behind(made) == {
        f"out~a.part~{sni}~": [["east"], ["west"], ["west"]],
        f"out~b.part~{sni}~": [["west"], ["west"], ["far"]],
    }
    assert shares_of(made.ports[0]) == (
        Share(f"out~a.part~{sni}~", 3),
        Share(f"out~b.part~{sni}~", 1),
    )


@pytest.mark.envoy
@pytest.mark.parametrize("port", [b.HTTP, TCP])
def test_a_real_envoy_takes_parts(port: Any, tmp_path: Path) -> None:
    made = divided(90, 10, port=port)
    routes = eager_routes(virtual_hosts(made))
    assert envoy_refusal(tmp_path, (*compile_outbound(made), routes)) == ""
