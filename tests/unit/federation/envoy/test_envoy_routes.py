"""Routes of senders: what is retried, and between which parts requests are divided."""

from federation.envoy.build import packed
from federation.envoy.http import REFUSED
from federation.envoy.routes import routes_on_demand, upstream_routes, virtual_host
from federation.envoy.split import Share
from federation.envoy.spoofing import marked
from tests.unit.goldens import document

MARK = "x-fedmesh-unreached"
UNFINISHED = "x-fedmesh-unfinished"
ALL = (Share("out", 1),)


def test_every_method_is_retried_when_the_mesh_failed_it() -> None:
    routes = document(packed(virtual_host("a", ["a.b"], ALL)))["routes"]
    for route in routes:
        policy = route["route"]["retry_policy"]
        assert {"connect-failure", "refused-stream", "reset-before-request"} <= set(
            policy["retry_on"].split(",")
        )
        assert marked(MARK) in policy["retriable_headers"]
        assert route["route"]["timeout"] == "0s"
        assert route["route"]["idle_timeout"] == "0s", "else that of a request without a route"


def test_answers_of_the_application_are_never_a_reason_to_retry() -> None:
    routes = document(packed(virtual_host("a", ["a.b"], ALL)))["routes"]
    reasons = {r for route in routes for r in route["route"]["retry_policy"]["retry_on"].split(",")}
    assert not reasons & {"5xx", "gateway-error", "retriable-4xx", "retriable-status-codes"}


def test_only_idempotent_methods_are_sent_again_when_the_application_broke_off() -> None:
    safe, other = document(packed(virtual_host("a", ["a.b"], ALL)))["routes"]
    assert safe["match"]["headers"][0]["name"] == ":method"
    unfinished = marked(UNFINISHED)
    assert unfinished in safe["route"]["retry_policy"]["retriable_headers"]
    assert unfinished not in other["route"]["retry_policy"]["retriable_headers"]


def test_clients_never_see_the_marks() -> None:
    """Nor what HTTP/2 does not allow: an application without a sidecar may say either."""
    for made in (routes_on_demand("out"), upstream_routes("up", ALL)):
        routes = document(packed(made))
        assert routes["response_headers_to_remove"] == [MARK, UNFINISHED, REFUSED, "te"]


def test_parts_divide_the_requests_of_every_method_alike_and_keep_their_retries() -> None:
    shares = [Share("stable", 90), Share("off", 0), Share("canary", 10)]
    routes = document(packed(virtual_host("a", ["a.b"], shares)))["routes"]
    for route in routes:
        assert route["route"]["weighted_clusters"]["clusters"] == [
            {"name": "stable", "weight": 90},
            {"name": "canary", "weight": 10},
        ]
        assert "retry_policy" in route["route"]
        assert "cluster" not in route["route"]


def test_without_a_part_that_has_a_weight_requests_are_told_so() -> None:
    routes = document(packed(virtual_host("a", ["a.b"], [Share("off", 0)])))["routes"]
    assert {route["direct_response"]["status"] for route in routes} == {500}


def test_routes_on_demand_have_no_virtual_host_for_the_rest() -> None:
    """With one for `*` Envoy asks for none."""
    found = document(packed(routes_on_demand("out")))
    assert "virtual_hosts" not in found
    assert "ads" in found["vhds"]["config_source"]
