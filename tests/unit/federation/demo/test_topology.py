"""topology.json says all that outside tools need."""

import json
from pathlib import Path

import pytest

from federation.demo.configs import Paths
from federation.demo.layout import members, moved_away, plan_layout
from federation.demo.topology import describe, marker_text, read_layout, refresh
from federation.model.errors import Failed, NotReady

LAYOUT = plan_layout()
PATHS = Paths(Path("/tmp/demo"))


def test_every_process_is_there_with_its_pids_and_places() -> None:
    document = describe(
        LAYOUT, PATHS, {"us-east-gateway": 11, "controller": 10}, {"us-east-gateway": 12}
    )
    found = {p["name"]: p for p in document["processes"]}
    assert list(found) == [m.name for m in members(LAYOUT)]
    assert found["us-east-gateway"] == {
        "role": "gateway",
        "cluster": "us-east",
        "name": "us-east-gateway",
        "pid": 11,
        "envoy_pid": 12,
        "addresses": {"mtls": "127.11.0.3:15443", "readiness": "127.11.0.3:15021"},
        "log": "/tmp/demo/logs/us-east-gateway.log",
        "admin_socket": "/tmp/demo/state/us-east-gateway/admin.sock",
        "config": "/tmp/demo/config/us-east-gateway.yaml",
    }
    assert found["controller"]["admin_socket"] is None
    assert found["us-east-api-1-app"]["config"] is None
    assert found["us-east-agent"]["pid"] is None


def test_every_cluster_is_told_how_it_calls_every_service() -> None:
    document = describe(LAYOUT, PATHS, {}, {})
    assert [s["name"] for s in document["services"]] == ["demo/api", "demo/orders", "demo/web"]
    for service in document["services"]:
        assert [c["cluster"] for c in service["calls"]] == ["us-east", "us-west", "eu-west"]
    assert document["services"][0]["calls"][0] == {
        "cluster": "us-east",
        "via": "web-1",
        "protocol": "http",
        "proxy": "127.11.0.11:15001",
        "host": "api.demo.svc.clusterset.local:8080",
        "curl": "curl -H 'Host: api.demo.svc.clusterset.local:8080' http://127.11.0.11:15001/",
    }


def test_every_port_says_by_which_protocol_it_is_called_and_how() -> None:
    api, orders, web = describe(LAYOUT, PATHS, {}, {})["services"]
    found = {port["name"]: port for port in api["ports"]}
    assert {(p["name"], p["port"], p["protocol"]) for p in api["ports"]} == {
        ("http", 8080, "http"),
        ("grpc", 9090, "grpc"),
        ("tcp-echo", 7000, "tcp"),
    }
    assert found["http"]["calls"] == api["calls"]
    assert found["grpc"]["calls"][2] == {
        "cluster": "eu-west",
        "via": "web-1",
        "protocol": "grpc",
        "proxy": "127.13.0.11:15001",
        "authority": "api.demo.svc.clusterset.local:9090",
    }
    assert found["tcp-echo"]["calls"][0] == {
        "cluster": "us-east",
        "via": "web-1",
        "protocol": "tcp",
        "address": "127.11.0.11:17000",
    }
    local = next(p for p in orders["ports"] if p["protocol"] == "tcp")["calls"][0]
    assert local["address"] == "127.11.0.11:17001"
    assert next(p for p in web["ports"] if p["protocol"] == "tcp")["calls"] == []


def test_the_marker_lays_the_demo_out_again(tmp_path: Path) -> None:
    layout = moved_away(plan_layout("127.30", 2), "us-west", 0.3)
    Paths(tmp_path).marker.write_text(marker_text(layout))
    assert read_layout(tmp_path) == layout


def test_without_a_demo_the_next_step_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="fedctl demo up"):
        read_layout(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"clusters": "x"}', '{"network": "10.0"}'])
def test_a_damaged_marker_is_named(tmp_path: Path, text: str) -> None:
    Paths(tmp_path).marker.write_text(text)
    with pytest.raises(Failed, match="damaged"):
        read_layout(tmp_path)


def test_the_file_is_written_only_when_something_changed(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.marker.write_text(marker_text(LAYOUT))
    document = refresh(tmp_path)
    assert json.loads(paths.topology.read_text()) == document
    before = paths.topology.stat().st_ino
    refresh(tmp_path)
    assert paths.topology.stat().st_ino == before
