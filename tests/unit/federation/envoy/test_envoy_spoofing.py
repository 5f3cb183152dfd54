"""What speaks for the mesh is removed from requests, and believed of answers by identity alone."""

import re
from itertools import product

import pytest

from federation.envoy.build import packed
from federation.envoy.routes import virtual_host
from federation.envoy.senders import sender_http
from federation.envoy.split import Share
from federation.envoy.spoofing import (
    MARKS,
    MISSPELLED,
    OF_THE_MESH,
    UNREACHED,
    marked,
    naming_who_marked,
)
from federation.model.exports import AppProtocol
from tests.unit.goldens import document
from tests.unit.managers import managers

SIGNS = [chr(c) for c in range(0x21, 0x7F) if not chr(c).isalnum()]


def spellings(name: str) -> set[str]:
    """All names that fold into the same variable, whatever signs a server folds."""
    words = name.split("-")
    if len(words) <= 3:
        found = product(SIGNS, repeat=len(words) - 1)
    else:
        found = product("-_.", repeat=len(words) - 1)
    return {"".join(a + b for a, b in zip(words, (*s, ""), strict=True)) for s in found}


def is_removed(name: str) -> bool:
    return any(re.fullmatch(regex, name) for regex in (OF_THE_MESH, MISSPELLED))


@pytest.mark.parametrize(
    "name", ["x-forwarded-client-cert", "x-fedmesh-sni", "x-fedmesh-unreached", "x-fedmesh-x"]
)
def test_what_the_mesh_says_nobody_else_says_however_it_is_spelled(name: str) -> None:
    assert [found for found in spellings(name) if not is_removed(found)] == []


@pytest.mark.parametrize(
    "name", ["x-forwarded-for", "x-forwarded-proto", "x-real-ip", "x-envoy-external-address"]
)
def test_what_proxies_say_has_one_spelling(name: str) -> None:
    assert [found for found in spellings(name) if not is_removed(found)] == [name]


@pytest.mark.parametrize(
    "name",
    [
        *("forwarded", "x-request-id", "x_request_id", "my_header", "x-forwarded-host", "x-tenant"),
        *("x-envoy-attempt-count", "x_forward", "x-fedmeshed", "x-realm_name", ":path", "te"),
    ],
)
def test_headers_of_applications_are_left_alone(name: str) -> None:
    assert not is_removed(name)


def test_every_manager_removes_them_before_it_writes_anything() -> None:
    for manager in managers():
        (extension,) = manager["early_header_mutation_extensions"]
        first, second, *others = extension["typed_config"]["mutations"]
        assert [
            step["remove_on_match"]["key_matcher"]["safe_regex"]["regex"]
            for step in (first, second)
        ] == [OF_THE_MESH, MISSPELLED]
        assert not [step for step in others if "remove_on_match" in step]
        assert manager.get("forward_client_cert_details") in (None, "SANITIZE_SET")


def test_every_manager_gives_paths_one_form_and_leaves_slashes_alone() -> None:
    for manager in managers():
        assert manager["normalize_path"] is True
        assert not manager.get("merge_slashes")
        assert manager["path_with_escaped_slashes_action"] == "KEEP_UNCHANGED"


def test_first_proxies_write_over_a_mark_who_has_set_it() -> None:
    """Last proxies set marks, and have no peer of the mesh behind them."""
    for manager in managers():
        router = manager["http_filters"][-1]["typed_config"]
        filters = [found["name"] for found in router.get("upstream_http_filters", ())]
        is_first = manager["stat_prefix"] == "outbound" or manager["stat_prefix"].startswith("up~")
        assert bool(filters) is is_first
        if is_first:
            assert filters[-1] == "envoy.filters.http.upstream_codec"
    first, _ = naming_who_marked()
    steps = document(first["typed_config"].SerializeToString())["mutations"]["response_mutations"]
    assert [step["append"]["header"]["key"] for step in steps] == list(MARKS)
    for step in steps:
        assert step["append"]["append_action"] == "OVERWRITE_IF_EXISTS"
        assert step["append"]["header"]["value"].endswith("%UPSTREAM_PEER_URI_SAN%")


def test_a_mark_counts_by_the_identity_of_who_set_it() -> None:
    matcher = marked(UNREACHED)
    prefix = matcher["string_match"]["prefix"]
    (first, *_), _ = naming_who_marked(), None
    value = document(first["typed_config"].SerializeToString())["mutations"]["response_mutations"][
        0
    ]["append"]["header"]["value"]
    identity = "spiffe://east.mesh.test/ns/shop/sa/api"
    assert value.replace("%UPSTREAM_PEER_URI_SAN%", identity).startswith(prefix)
    for nobody in ("", "-"):
        assert not value.replace("%UPSTREAM_PEER_URI_SAN%", nobody).startswith(prefix)
    routes = document(packed(virtual_host("a", ["a.b"], [Share("out", 1)])))["routes"]
    for route in routes:
        assert matcher in route["route"]["retry_policy"]["retriable_headers"]
    (options,) = sender_http(AppProtocol.HTTP2).values()
    judged = document(options.SerializeToString())["outlier_detection"]["error_matcher"]
    assert judged["http_response_headers_match"]["headers"] == [matcher]
