"""What of HTTP/1.1 every proxy takes and speaks."""

import re

import pytest

from federation.envoy import http1, limits
from federation.envoy.clusters import application_http
from federation.envoy.http import last_hop_routes
from federation.envoy.senders import sender_http
from federation.model.exports import AppProtocol
from tests.unit.goldens import document
from tests.unit.managers import managers


def mesh_managers() -> list[dict[str, object]]:
    return [m for m in managers() if m["stat_prefix"] != "health"]


def test_every_manager_takes_trailers_methods_and_expectations() -> None:
    for manager in mesh_managers():
        options = manager["http_protocol_options"]
        assert isinstance(options, dict)
        assert options["enable_trailers"] is True
        assert options["allow_custom_methods"] is True
        assert manager["proxy_100_continue"] is True


@pytest.mark.parametrize(
    ("offer", "ignored"),
    [
        *[(text, True) for text in ("TLS/1.2", "h2c", "foo", "w", "websocke", "websockets", "xws")],
        *[(text, False) for text in ("websocket", "WebSocket", "WEBSOCKET")],
    ],
)
def test_all_offers_but_websocket_are_ignored(offer: str, ignored: bool) -> None:
    (matcher,) = http1.taken()["ignore_http_11_upgrade"]
    found = re.fullmatch(matcher["safe_regex"]["regex"], offer)
    assert (found is not None) is ignored


def test_every_manager_judges_who_asks_for_a_websocket_before_it_is_passed_on() -> None:
    """Envoy leaves out `Transfer-Encoding` before any filter, so a note is made of it."""
    for manager in managers():
        (extension,) = manager["early_header_mutation_extensions"]
        *_, noted = extension["typed_config"]["mutations"][:3]
        wanted = {"key": http1.FRAMED, "value": "%REQ(transfer-encoding)%"}
        assert noted["append"]["header"] == wanted
        (upgrade,) = manager["upgrade_configs"]
        usual = manager["http_filters"]
        judging, *rest = [f for f in upgrade["filters"] if f not in usual]
        assert len(rest) == bool(manager.get("forward_client_cert_details"))
        text = judging["typed_config"]["default_source_code"]["inline_string"]
        assert f'headers:get("{http1.FRAMED}")' in text
        *_, ending, _ = usual
        ends = {"request_mutations": [{"remove": http1.FRAMED}]}
        assert ends.items() <= ending["typed_config"]["mutations"].items()
        assert upgrade["filters"].index(judging) < upgrade["filters"].index(ending)


def test_applications_and_those_without_a_sidecar_are_sent_trailers() -> None:
    for options in (application_http(AppProtocol.HTTP1), sender_http(AppProtocol.HTTP1)):
        (found,) = (document(o.SerializeToString()) for o in options.values())
        assert found["explicit_http_config"]["http_protocol_options"]["enable_trailers"] is True


def test_an_application_cannot_forge_what_the_last_proxy_says_of_a_websocket() -> None:
    removed = set(last_hop_routes("in", {"cluster": "app"}).response_headers_to_remove)
    assert http1.DECLINED in removed
    last = [m for m in mesh_managers() if m.get("forward_client_cert_details")]
    assert len(last) == 3
    for manager in last:
        ((upgrade,),) = ([u] for u in manager["upgrade_configs"])  # type: ignore[attr-defined]
        assert upgrade["upgrade_type"] == "websocket"
        script = str(upgrade["filters"])
        assert all(f'headers:remove("{name}")' in script for name in removed)


def test_what_a_first_proxy_lets_pass_the_next_one_takes() -> None:
    first = [m for m in mesh_managers() if not m.get("forward_client_cert_details")]
    last = [m for m in mesh_managers() if m.get("forward_client_cert_details")]
    bounds = [
        {
            (m["max_request_headers_kb"], m["common_http_protocol_options"]["max_headers_count"])  # type: ignore[index]
            for m in group
        }
        for group in (first, last)
    ]
    assert bounds == [{(limits.HEADERS_KB, limits.HEADERS)}, {(64, 128)}]
    (sender,) = (document(o.SerializeToString()) for o in sender_http(AppProtocol.HTTP2).values())
    (nearest,) = (
        document(o.SerializeToString()) for o in application_http(AppProtocol.HTTP1).values()
    )
    for name in ("max_headers_count", "max_response_headers_kb"):
        theirs = nearest["common_http_protocol_options"][name]
        assert sender["common_http_protocol_options"][name] > theirs
