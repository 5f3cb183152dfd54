"""What strangers can do to an Envoy is bounded, on every way in, and nothing else is."""

import json
from pathlib import Path
from typing import Any

import pytest

from federation.envoy import http, limits
from federation.envoy.bootstrap import bootstrap
from federation.envoy.build import packed
from federation.envoy.limits import Bounds, affordable, lowered_because
from federation.envoy.routes import upstream_routes, virtual_host
from federation.envoy.split import Share
from federation.model.exports import AppProtocol
from federation.model.names import ClusterId
from gateway.compile import compile_listener
from sidecar.compile import Inbound, InboundPort, compile_inbound
from tests.unit.goldens import document, refusal_of

PORTS = (
    InboundPort("80.api.shop.svc.clusterset.local", 8080, AppProtocol.HTTP1),
    InboundPort("5432.db.shop.svc.clusterset.local", 5432, AppProtocol.TCP),
)


def listeners() -> dict[str, dict[str, Any]]:
    """Of a gateway and a sidecar, by name."""
    workload = Inbound("shop/api-1", "10.0.0.1", "127.0.0.1", PORTS, "127.0.0.1")
    found = (
        compile_listener("10.1.0.1", 15443, ClusterId("east"), "g"),
        *compile_inbound(workload),
    )
    return {name: document(body) for kind, name, body in found if kind.endswith(".Listener")}


FACING = pytest.mark.parametrize("name", ["east-west", "inbound"])


@FACING
def test_who_says_no_server_name_is_cut_off(name: str) -> None:
    listener = listeners()[name]
    assert listener["listener_filters_timeout"] == f"{limits.HANDSHAKE_SECONDS}s"
    assert "continue_on_listener_filters_timeout" not in listener


@FACING
def test_every_chain_that_ends_tls_bounds_the_handshake(name: str) -> None:
    chains = [c for c in listeners()[name]["filter_chains"] if "transport_socket" in c]
    assert chains
    for chain in chains:
        assert chain["transport_socket_connect_timeout"] == f"{limits.HANDSHAKE_SECONDS}s"


@FACING
def test_every_chain_with_http_bounds_requests_but_no_body_and_no_stream(name: str) -> None:
    filters = [c["filters"][-1] for c in listeners()[name]["filter_chains"]]
    managers = [f["typed_config"] for f in filters if "connection_manager" in f["name"]]
    assert managers
    for manager in managers:
        assert manager["request_headers_timeout"] == f"{limits.HEADERS_SECONDS}s"
        is_first = manager["stat_prefix"] == "health"  # asked by gateways, and passes nothing on
        kilobytes = limits.HEADERS_KB + (0 if is_first else limits.ADDED_KB)
        assert manager["max_request_headers_kb"] == kilobytes
        common = manager["common_http_protocol_options"]
        count = limits.HEADERS + (0 if is_first else limits.ADDED_HEADERS)
        assert common["max_headers_count"] == count
        http2 = manager["http2_protocol_options"]
        assert http2["max_concurrent_streams"] == limits.STREAMS_PER_CONNECTION
        assert http2["max_outbound_control_frames"] == limits.OUTBOUND_CONTROL_FRAMES
        assert manager["stream_idle_timeout"] == "0s"
        assert "request_timeout" not in manager
        assert "max_stream_duration" not in common


@FACING
def test_what_envoy_bounds_by_itself_it_is_told(name: str) -> None:
    listener = listeners()[name]
    (inspector,) = listener["listener_filters"]
    assert inspector["typed_config"]["max_client_hello_size"] == limits.CLIENT_HELLO_BYTES
    accepted = listener["max_connections_to_accept_per_socket_event"]
    assert accepted == limits.ACCEPTS_PER_TURN
    filters = [c["filters"][-1] for c in listener["filter_chains"]]
    for manager in [f["typed_config"] for f in filters if "connection_manager" in f["name"]]:
        http2 = manager["http2_protocol_options"]
        assert http2["max_outbound_frames"] == limits.OUTBOUND_FRAMES
        assert http2["initial_stream_window_size"] == http._STREAM_WINDOW
        assert http2["initial_connection_window_size"] == http._CONNECTION_WINDOW
        common = manager["common_http_protocol_options"]
        assert common["idle_timeout"] == f"{limits.IDLE_SECONDS}s"


@FACING
def test_a_flood_of_strangers_counts_against_the_bound_of_connections(name: str) -> None:
    assert "ignore_global_conn_limit" not in listeners()[name]
    assert listeners()["outbound"]["ignore_global_conn_limit"] is True


def test_what_the_supervisor_uses_is_not_shut_by_a_flood() -> None:
    made = json.loads(bootstrap("n", "east", "/x", "/a", measure_socket="/m"))
    (measuring,) = made["static_resources"]["listeners"]
    assert made["admin"]["ignore_global_conn_limit"] is True
    assert measuring["ignore_global_conn_limit"] is True
    assert measuring["bypass_overload_manager"] is True


@pytest.mark.parametrize(
    ("wanted", "files", "found"),
    [(10_000, 1 << 20, 10_000), (10_000, 20_000, 9_488), (10, 20_000, 10), (10, 100, 1)],
)
def test_no_more_connections_than_there_are_files_for(wanted: int, files: int, found: int) -> None:
    assert affordable(wanted, files) == found


def test_memory_is_bounded_unless_the_bound_is_taken_away() -> None:
    names = [m["name"] for m in monitors(Bounds(5))]
    assert names == [
        "envoy.resource_monitors.global_downstream_max_connections",
        "envoy.resource_monitors.fixed_heap",
    ]
    assert [m["name"] for m in monitors(Bounds(5, 0))] == names[:1]


def test_streams_are_reset_long_before_connections_are_refused() -> None:
    """In shares of the bound, of which Envoy is told four times as much."""
    made: Any = limits.overload(Bounds(5, 100))
    heap = made["resource_monitors"][1]["typed_config"]["max_heap_size_bytes"]
    actions = {a["name"].rpartition(".")[2]: a["triggers"][0] for a in made["actions"]}
    resets = actions["reset_high_memory_stream"]["scaled"]
    refused = actions["stop_accepting_connections"]["threshold"]["value"]
    assert heap == 4 * 100 << 20
    assert resets["scaling_threshold"] * heap == pytest.approx(0.6 * 100 * (1 << 20))
    assert resets["saturation_threshold"] == 1.0
    assert refused * heap == pytest.approx(0.95 * 100 * (1 << 20))


def test_every_listener_bounds_its_buffers_and_bodies_can_be_repeated_all_the_same() -> None:
    for listener in listeners().values():
        own = listener.get("ignore_global_conn_limit", False)
        bound = limits.RETRY_BYTES if own else limits.BUFFER_BYTES
        assert listener["per_connection_buffer_limit_bytes"] == bound
    host = document(packed(upstream_routes("up", [Share("out", 1)])))["virtual_hosts"][0]
    assert int(host["request_body_buffer_limit"]) == limits.RETRY_BYTES == 1 << 20


def test_a_virtual_host_that_comes_while_a_body_waits_says_no_other_limit() -> None:
    """Envoy stops reading some bodies for ever when the limit changes meanwhile."""
    found = document(packed(virtual_host("a", ["a"], [Share("out", 1)], on_demand=True)))
    assert "request_body_buffer_limit" not in found


@FACING
def test_the_end_of_an_answer_that_nobody_takes_is_not_kept_for_ever(name: str) -> None:
    filters = [c["filters"][-1] for c in listeners()[name]["filter_chains"]]
    managers = [f["typed_config"] for f in filters if "connection_manager" in f["name"]]
    assert {m["stream_flush_timeout"] for m in managers} == {f"{limits.UNTAKEN_SECONDS}s"}


def monitors(bounds: Bounds) -> list[dict[str, Any]]:
    found: Any = limits.overload(bounds)["resource_monitors"]
    return list(found)


@pytest.mark.envoy
@pytest.mark.parametrize("bounds", [Bounds(5, 0), Bounds(5, 100)], ids=["connections", "memory"])
def test_a_real_envoy_takes_the_bounds(tmp_path: Path, bounds: Bounds) -> None:
    text = bootstrap("n", "east", f"{tmp_path}/x", f"{tmp_path}/a", bounds=bounds)
    assert refusal_of(tmp_path, text) == ""


@pytest.mark.envoy
def test_a_real_envoy_refuses_a_bound_of_nothing(tmp_path: Path) -> None:
    """So that the test above can fail."""
    text = bootstrap("n", "east", f"{tmp_path}/x", f"{tmp_path}/a", bounds=Bounds(0))
    assert refusal_of(tmp_path, text) != ""


def test_a_limit_that_is_lowered_says_what_would_be_enough() -> None:
    assert lowered_because(100, 1_000_000) == ""
    reason = lowered_because(10_000, 20_000)
    assert "20000 files only" in reason
    needed = int(reason.partition("allow ")[2].split()[0])
    assert affordable(10_000, needed) == 10_000 > affordable(10_000, needed - 2)
