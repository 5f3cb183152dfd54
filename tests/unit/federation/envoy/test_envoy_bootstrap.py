"""The bootstrap document: identity, sockets, patience; and whether a real Envoy takes it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from federation.envoy.bootstrap import bootstrap
from federation.model.locality import Locality
from tests.unit.goldens import envoy_refusal


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


@pytest.mark.envoy
def test_a_real_envoy_takes_the_bootstrap(tmp_path: Path) -> None:
    assert envoy_refusal(tmp_path, ()) == ""
