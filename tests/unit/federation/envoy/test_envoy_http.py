"""Routes and the mark: what is retried, what is stripped."""

import re

import pytest

from federation.envoy.build import packed
from federation.envoy.http import (
    REFUSED,
    connection_manager,
    last_hop_routes,
    marking,
)
from federation.envoy.http1 import DECLINED
from federation.envoy.last_hop import last_hop_filters
from federation.envoy.spoofing import NOBODY, OF_THE_MESH
from tests.unit.goldens import document

MARK = "x-fedmesh-unreached"
UNFINISHED = "x-fedmesh-unfinished"


def test_marks_are_put_on_local_replies_and_stripped_from_the_applications() -> None:
    unreached, unfinished, refused = marking()["mappers"]
    flags = unreached["filter"]["response_flag_filter"]["flags"]
    assert set(flags) == {"UF", "UH", "UO", "NC", "NR"}
    assert unreached["headers_to_add"][0]["header"]["key"] == MARK
    by_flags, by_method = unfinished["filter"]["and_filter"]["filters"]
    assert set(by_flags["response_flag_filter"]["flags"]) == {"UC", "UR"}
    assert by_method["header_filter"]["header"]["name"] == ":method"
    assert unfinished["headers_to_add"][0]["header"]["key"] == UNFINISHED
    assert refused["filter"]["status_code_filter"]["comparison"]["value"]["default_value"] == 403
    assert refused["headers_to_add"][0]["header"]["key"] == REFUSED
    routes = document(packed(last_hop_routes("in", {"cluster": "app"})))
    assert routes["response_headers_to_remove"] == [
        *(MARK, UNFINISHED, REFUSED, "te"),
        DECLINED,
    ]


def test_the_last_hop_retries_nothing() -> None:
    routes = document(packed(last_hop_routes("in", {"cluster": "app"})))
    *_, route = routes["virtual_hosts"][0]["routes"]
    assert route["route"] == {"cluster": "app", "timeout": "0s"}


def test_nobody_counts_as_internal_so_envoy_headers_of_callers_have_no_effect() -> None:
    """By `x-forwarded-for` Envoy would judge callers, even where no range is internal."""
    manager = document(connection_manager("x")["typed_config"].SerializeToString())
    (detection,) = manager["original_ip_detection_extensions"]
    said = detection["typed_config"]
    assert said["header_name"] == NOBODY
    assert not said.get("allow_extension_to_set_address_as_trusted")
    assert not manager.get("use_remote_address")
    assert re.fullmatch(OF_THE_MESH, NOBODY), "removed before it is looked for"
    assert manager["http_filters"][-1]["typed_config"]["suppress_envoy_headers"] is True
    assert manager["server_header_transformation"] == "PASS_THROUGH"


def test_filters_come_before_the_router() -> None:
    made = connection_manager("x", filters=[*last_hop_filters(MARK, REFUSED, http2=False)])
    manager = document(made["typed_config"].SerializeToString())
    assert [found["name"] for found in manager["http_filters"]] == [
        "envoy.filters.http.match_delegate",
        "envoy.filters.http.header_mutation",
        "envoy.filters.http.router",
    ]


@pytest.mark.parametrize(
    ("shown", "passes"),
    [
        ("URI=spiffe://east.mesh.test/ns/shop/sa/web", True),
        ("By=spiffe://a;URI=spiffe://east.mesh.test/ns/shop/sa/web", True),
        ("URI=spiffe://a/ns/x/sa/y;URI=spiffe://a/ns/x/sa/z", False),
    ],
)
def test_who_comes_with_two_ids_reaches_no_application(shown: str, passes: bool) -> None:
    routes = document(packed(last_hop_routes("in", {"cluster": "app"})))
    first, *_ = routes["virtual_hosts"][0]["routes"]
    (header,) = first["match"]["headers"]
    assert header["name"] == "x-forwarded-client-cert"
    assert first["direct_response"]["status"] == 403
    matches = re.fullmatch(header["string_match"]["safe_regex"]["regex"], shown) is not None
    assert matches is not passes
