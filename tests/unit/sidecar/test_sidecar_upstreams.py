"""What an application that dials an address of its own is led by, and what must not change it."""

from dataclasses import replace
from pathlib import Path

import pytest

from federation.envoy.build import Resource
from federation.envoy.split import Share
from federation.model import types
from federation.model.exports import AppProtocol
from federation.model.proxies import Upstream
from federation.planning.plan import plan_service
from sidecar.upstreams import Way, compile_upstream, ways
from tests.unit import builders as b
from tests.unit.goldens import check_golden, document, envoy_refusal

GOLDEN = Path(__file__).parent / "golden"
DB = Upstream("127.0.0.1", 15432, b.API, 5432)
OUT = "out~5432.api.shop.svc.clusterset.local~"
CASES = {
    "upstream-tcp": Way(5432, AppProtocol.TCP, (Share(OUT, 1),)),
    "upstream-http": Way(5432, AppProtocol.HTTP1, (Share(OUT, 1),)),
}


def compiled(case: str) -> tuple[Resource, ...]:
    return compile_upstream(DB, CASES[case])


@pytest.mark.parametrize("case", CASES)
def test_resources_equal_the_golden_files(case: str) -> None:
    check_golden(GOLDEN, case, compiled(case))


@pytest.mark.envoy
@pytest.mark.parametrize("case", CASES)
def test_a_real_envoy_takes_the_listener(case: str, tmp_path: Path) -> None:
    (listener, leading) = compiled(case)
    discovered = [leading] if leading.type_url == types.EXTENSION else []
    assert envoy_refusal(tmp_path, [listener, *discovered]) == ""


def test_every_port_of_a_plan_is_a_way_that_its_backends_do_not_change() -> None:
    ports = (b.HTTP, b.port(5432, "db", ""), b.port(9000, "grpc", "grpc"))
    few = plan_service(b.facts(b.service("east", ports=ports)), None, b.importer())
    more = plan_service(
        b.facts(
            b.service("east", "west", ports=ports),
            (b.backend("west", ports=(80, 5432)),),
            (b.cluster("west", gateways=(b.gateway(),)),),
        ),
        b.local_service(b.endpoint(), ports=ports),
        b.importer(),
    )
    assert ways(few) == ways(more)
    assert [way[:2] for way in ways(few)] == [
        (80, AppProtocol.HTTP1),
        (5432, AppProtocol.TCP),
        (9000, AppProtocol.HTTP2),
    ]


def test_another_cluster_behind_an_http_port_changes_routes_only() -> None:
    """A changed listener would cut the connections it has."""
    way = CASES["upstream-http"]
    (before, _), (after, routes) = (
        compile_upstream(DB, w) for w in (way, way._replace(shares=(Share("aggregate", 1),)))
    )
    assert before == after
    assert routes.type_url == types.ROUTE
    assert "aggregate" in str(document(routes.body))


def test_another_division_of_a_tcp_port_changes_no_listener() -> None:
    """Its connections stay: those that come go where it is said now."""
    way = CASES["upstream-tcp"]
    parts = (Share("a", 9), Share("b", 1))
    (before, _), (after, passing) = (
        compile_upstream(DB, w) for w in (way, way._replace(shares=parts))
    )
    assert before == after
    assert (passing.type_url, passing.name) == (types.EXTENSION, before.name)
    text = str(document(passing.body)["typed_config"]["on_new_connection"])
    assert "? 'a' : 'b'" in text


def test_parts_divide_the_requests_of_an_upstream() -> None:
    parts = (Share("a", 9), Share("b", 1))
    _, routes = compile_upstream(DB, CASES["upstream-http"]._replace(shares=parts))
    (host,) = document(routes.body)["virtual_hosts"]
    leading = [route["route"] for route in host["routes"] if "route" in route]
    assert [
        [(c["name"], c["weight"]) for c in r["weighted_clusters"]["clusters"]] for r in leading
    ] == [[("a", 9), ("b", 1)]] * 2


def test_any_host_leads_to_the_service_with_the_retries_of_the_mesh() -> None:
    _, routes = compiled("upstream-http")
    (host,) = document(routes[2])["virtual_hosts"]
    assert host["domains"] == ["*"]
    leading = [route["route"] for route in host["routes"] if "route" in route]
    assert len(leading) == 2
    assert {route["cluster"] for route in leading} == {OUT}
    assert all("retry_policy" in route for route in leading)


def test_two_upstreams_of_one_service_do_not_meet() -> None:
    other = replace(DB, listen_port=15433)
    names = {
        (found.type_url, found.name)
        for upstream in (DB, other)
        for found in compile_upstream(upstream, CASES["upstream-http"])
    }
    assert len(names) == 4
