"""What Envoy asks for by host, what it is answered, and that a real one takes it."""

import re
from pathlib import Path

import pytest
from envoy.config.route.v3 import route_components_pb2

from federation.envoy.build import packed, resource
from federation.envoy.on_demand import (
    HELD_SECONDS,
    NOBODY,
    ROUTES,
    answering,
    asked_host,
    asked_name,
    asking,
    asking_anew,
    nobody,
    virtual_host,
)
from federation.envoy.routes import routes_on_demand
from federation.model.types import ROUTE
from tests.unit.goldens import document, envoy_refusal

ROUTE_TO = {"match": {"prefix": "/"}, "route": {"cluster": "out"}}
BODY = route_components_pb2.VirtualHost(routes=[ROUTE_TO]).SerializeToString()


def test_a_name_that_envoy_asks_for_is_that_of_a_host() -> None:
    assert asked_host(asked_name("api.shop:80")) == "api.shop:80"
    assert asked_host("*") is asked_host("outbound") is asked_host(NOBODY) is None


def test_a_virtual_host_gets_the_name_and_the_host_that_was_asked_for() -> None:
    found = document(virtual_host("outbound/api.shop", BODY))
    assert found["name"] == "outbound/api.shop"
    assert found["domains"] == ["api.shop"]
    assert found["routes"][0]["route"]["cluster"] == "out"


def test_the_host_that_is_always_there_can_be_called_by_nobody() -> None:
    (domain,) = document(nobody())["domains"]
    assert not re.fullmatch(r"[a-z0-9][-a-z0-9.]*", domain)


def test_only_hosts_that_may_be_services_are_asked_for() -> None:
    config = asking()["typed_config"]
    (found,) = document(config.SerializeToString())["xds_matcher"]["matcher_list"]["matchers"]
    single = found["predicate"]["not_matcher"]["single_predicate"]
    pattern = single["value_match"]["safe_regex"]["regex"]
    assert re.fullmatch(pattern, "API.Shop:80")
    for odd in ("x" * 1100, "a.b.c", "api.shop:x", "", "api shop"):
        assert not re.fullmatch(pattern, odd)


def test_requests_to_a_host_that_is_there_meet_no_filter_that_asks() -> None:
    found = document(packed(routes_on_demand(ROUTES)))
    (name,) = found["typed_per_filter_config"]
    assert name == asking()["name"]
    assert found["typed_per_filter_config"][name]["disabled"]


def test_who_finds_no_service_hears_why() -> None:
    said = [(m["status_code"], m["body"]["inline_string"]) for m in answering()["mappers"]]
    found = [(status["value"], text) for status, text in said]
    assert found == [
        (400, "fedmesh: the Host header names no host\n"),
        (404, "fedmesh: no such service in the clusterset\n"),
        (503, "fedmesh: the mesh does not answer\n"),
    ]
    assert HELD_SECONDS > 5, "of an acknowledgement the sender waits for 5 s"


def test_to_ask_anew_changes_the_source_and_no_host() -> None:
    before = packed(routes_on_demand(ROUTES))
    one, two = asking_anew(before, 1), asking_anew(before, 2)
    assert len({before, one, two}) == 3
    assert document(one)["vhds"]["config_source"] == {
        "ads": {},
        "resource_api_version": "V3",
        "initial_fetch_timeout": "15.000001s",
    }
    assert asking_anew(one, 2) == asking_anew(asking_anew(before, 1), 2)


@pytest.mark.envoy
def test_a_real_envoy_takes_routes_that_are_asked_for_anew(tmp_path: Path) -> None:
    body = asking_anew(resource(ROUTES, routes_on_demand(ROUTES)).body, 3)
    assert envoy_refusal(tmp_path, ((ROUTE, ROUTES, body),)) == ""
