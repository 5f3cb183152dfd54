"""What HTTP/2 does not allow is refused, or left out, before it meets a shared connection."""

import re

import pytest

from federation.envoy import heads
from federation.envoy.build import packed
from federation.envoy.clusters import application_http
from federation.envoy.http import last_hop_routes
from federation.envoy.routes import upstream_routes
from federation.envoy.senders import sender_http
from federation.envoy.split import Share
from federation.model.exports import AppProtocol
from tests.unit.goldens import document
from tests.unit.managers import managers

OVERRIDE = "override_stream_error_on_invalid_http_message"


def test_one_stream_that_is_not_allowed_ends_no_connection_at_either_end() -> None:
    assert len(managers()) == 7
    for manager in managers():
        assert manager["http2_protocol_options"][OVERRIDE] is True
    for options in (
        *(sender_http(AppProtocol.HTTP2).values()),
        *(application_http(AppProtocol.HTTP2).values()),
    ):
        http2 = document(options.SerializeToString())["explicit_http_config"]
        assert http2["http2_protocol_options"][OVERRIDE] is True


def test_an_empty_te_goes_no_further_than_the_first_proxy() -> None:
    first = [m for m in managers() if not m.get("forward_client_cert_details")]
    mutated = [m for m in first if m["stat_prefix"] != "health"]
    assert len(mutated) == 3
    for manager in mutated:
        (extension,) = manager["early_header_mutation_extensions"]
        steps = extension["typed_config"]["mutations"]
        assert [next(iter(step)) for step in steps][-5:] == [
            *("remove", "append", "remove", "append", "remove")
        ]


@pytest.mark.parametrize(
    ("host", "passes"),
    [("a", True), ("a:80", True), ("[::1]:80", True), ("", False), ("a@b", False), ("@", False)],
)
def test_a_host_that_cannot_be_is_refused_at_an_address_that_takes_any(
    host: str, passes: bool
) -> None:
    routes = document(packed(upstream_routes("up", [Share("out", 1)])))["virtual_hosts"][0][
        "routes"
    ]
    (header,) = routes[0]["match"]["headers"]
    assert (header["name"], header["invert_match"]) == (":authority", True)
    assert routes[0]["direct_response"]["status"] == 400
    assert len(routes) == 3
    found = re.fullmatch(header["string_match"]["safe_regex"]["regex"], host)
    assert (found is not None) is passes


def test_answers_lose_what_they_cannot_have_over_http2() -> None:
    routes = document(packed(last_hop_routes("in", {"cluster": "app"})))
    assert set(heads.NOT_OF_ANSWERS) <= set(routes["response_headers_to_remove"])
