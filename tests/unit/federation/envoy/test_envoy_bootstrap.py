"""The bootstrap document: identity, sockets, patience; and whether a real Envoy takes it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from federation.envoy.bootstrap import MEASURED_HEADER, bootstrap
from federation.model.locality import Locality
from tests.unit.goldens import refusal_of


def made() -> dict[str, Any]:
    text = bootstrap("n", "east", "/run/xds", "/run/admin", locality=Locality("eu", "a"))
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_node_says_who_and_where_it_is() -> None:
    assert made()["node"] == {
        "id": "n",
        "cluster": "east",
        "locality": {"region": "eu", "zone": "a", "sub_zone": "east"},
    }


def test_the_admin_socket_is_for_its_owner_only() -> None:
    assert made()["admin"]["address"]["pipe"] == {"path": "/run/admin", "mode": 384}


def test_a_proxy_without_configuration_waits_for_ever() -> None:
    resources = made()["dynamic_resources"]
    assert resources["cds_config"]["initial_fetch_timeout"] == "0s"
    assert resources["lds_config"]["initial_fetch_timeout"] == "0s"
    assert resources["ads_config"]["api_type"] == "DELTA_GRPC"


@pytest.mark.parametrize(
    "name",
    [
        "cluster.out~80.api.shop.svc.clusterset.local.upstream_rq_2xx",
        "cluster.out~80.api.shop.svc.clusterset.local.upstream_rq_total",
        "cluster.out~80.api.shop.svc.clusterset.local.zone.a.b.upstream_rq_time",
        "cluster.a.membership_healthy",
        "cluster.a.outlier_detection.ejections_active",
        "http.outbound.downstream_rq_active",
        "listener_manager.lds.update_rejected",
        "cluster_manager.cds.update_rejected",
        "server.live",
        "listener.10.0.0.1_15443.ssl.fail_verify_error",
        "listener.10.0.0.1_15443.ssl.curves.X25519MLKEM768",
        "listener.10.0.0.1_15443.downstream_pre_cx_timeout",
        "listener.10.0.0.1_15443.downstream_cx_transport_socket_connect_timeout",
        "listener.10.0.0.1_15443.downstream_global_cx_overflow",
        "http2.outbound_control_flood",
    ],
)
def test_what_is_observed_is_counted(name: str) -> None:
    assert matched(name)


def test_what_nobody_reads_is_not_counted() -> None:
    assert not matched("cluster.a.upstream_cx_http3_total")
    assert not matched("cluster.a.circuit_breakers.high.cx_open")


def matched(name: str) -> bool:
    patterns = made()["stats_config"]["stats_matcher"]["inclusion_list"]["patterns"]
    return any(re.fullmatch(pattern["safe_regex"]["regex"], name) for pattern in patterns)


def test_only_who_measures_has_a_listener_for_that_and_it_is_for_its_owner_only() -> None:
    assert made()["static_resources"]["listeners"] == []
    (listener,) = measuring("/run/rtt")["static_resources"]["listeners"]
    assert listener["address"]["pipe"] == {"path": "/run/rtt", "mode": 0o600}


def test_a_request_that_measures_names_its_cluster_itself() -> None:
    (listener,) = measuring("/run/rtt")["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    (host,) = manager["route_config"]["virtual_hosts"]
    assert host["routes"][0]["route"]["cluster_header"] == MEASURED_HEADER


def measuring(socket: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        bootstrap("n", "east", "/run/xds", "/run/admin", measure_socket=socket)
    )
    return found


@pytest.mark.envoy
@pytest.mark.parametrize("socket", ["", "rtt"])
def test_a_real_envoy_takes_the_bootstrap(tmp_path: Path, socket: str) -> None:
    measure = f"{tmp_path}/{socket}" if socket else ""
    text = bootstrap("n", "east", f"{tmp_path}/x", f"{tmp_path}/a", measure_socket=measure)
    assert refusal_of(tmp_path, text) == ""


@pytest.mark.envoy
def test_a_real_envoy_refuses_a_measuring_listener_without_routes(tmp_path: Path) -> None:
    """So that the test above can fail."""
    text = json.dumps(measuring(f"{tmp_path}/rtt")).replace("route_config", "routes")
    assert refusal_of(tmp_path, text) != ""
