"""Commands: options in, one result out."""

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from federation.api.client import Client
from federation.cli.commands import (
    cluster_add,
    cluster_list,
    demo_logs,
    demo_run,
    demo_status,
    demo_up,
    service_list,
    token_create,
    workload_token,
)
from federation.cli.io import IO, Format
from federation.demo.configs import Paths
from federation.demo.layout import plan_layout
from federation.demo.scenarios.tour import Report, Visit
from federation.demo.topology import marker_text
from federation.model.errors import InvalidInput, NotReady
from federation.trust.tokens import check_workload_token
from federation.verify.guarantees import Summary

EAST = {
    "id": "us-east", "region": "us", "zones": ["us-east-1"], "network": "us-east",
    "trust_domain": "us-east.fedmesh.demo", "joined": True, "connected": True,
    "last_seen_seconds_ago": 0.3, "exports": 2, "problems": [],
    "gateways": [{"name": "g", "address": "127.11.0.3", "port": 15443, "zone": ""}],
}  # fmt: skip
AWAY = {**EAST, "id": "eu-west", "connected": False, "problems": ["no gateway"]}
NEW = {**EAST, "id": "new", "joined": False, "last_seen_seconds_ago": None, "zones": []}
API = {
    "name": "demo/api", "type": "ClusterSetIP", "exporters": ["us-east"],
    "ports": [{"name": "http", "protocol": "TCP", "port": 8080, "app_protocol": ""}],
    "conflicts": [{"reason": "PortConflict", "message": "port http is 81, kept 80"}],
    "backends": [{"cluster": "us-east", "ready": 2, "total": 3}],
}  # fmt: skip


class FakeClient(Client):
    """A controller that remembers what it was told."""

    def __init__(self, items: list[dict[str, Any]] | None = None) -> None:
        self.items = items or []
        self.put: list[dict[str, Any]] = []
        self.tokens: list[tuple[str, int]] = []

    def clusters(self) -> list[dict[str, Any]]:
        return self.items

    def services(self) -> list[dict[str, Any]]:
        return self.items

    def put_cluster(self, document: dict[str, Any]) -> dict[str, Any]:
        self.put.append(document)
        return document

    def create_join_token(self, cluster: str, expires_seconds: int) -> dict[str, Any]:
        self.tokens.append((cluster, expires_seconds))
        return {"token": "fmj1.secret", "id": "1", "expires": 1}


@pytest.fixture
def io() -> IO:
    return IO(StringIO(), StringIO(), is_terminal=False)


def out(io: IO) -> str:
    return io.out.getvalue()  # type: ignore[attr-defined, no-any-return]


def err(io: IO) -> str:
    return io.err.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_clusters_are_listed_with_their_state(io: IO) -> None:
    client = FakeClient([EAST, AWAY, NEW])
    assert cluster_list.run(cluster_list.Options(client, Format.TABLE), io) == 0
    lines = [line.split("\t") for line in out(io).splitlines()]
    assert [line[3] for line in lines] == ["connected", "away", "not joined"]
    assert lines[0] == ["us-east", "us", "us-east-1", "connected", "0 s ago", "1", "2", "-"]
    assert lines[1][7] == "no gateway"
    assert lines[2][4] == "never"


def test_an_empty_list_is_success_and_names_the_next_step(io: IO) -> None:
    assert cluster_list.run(cluster_list.Options(FakeClient(), Format.JSON), io) == 0
    assert json.loads(out(io)) == {"items": []}
    assert "cluster add" in err(io)


def test_services_are_listed_with_what_is_behind_them(io: IO) -> None:
    idle = {**API, "name": "demo/idle", "backends": [], "conflicts": []}
    options = service_list.Options(FakeClient([API, idle]), Format.TABLE)
    assert service_list.run(options, io) == 0
    first, second = (line.split("\t") for line in out(io).splitlines())
    assert first[:4] == ["demo/api", "ClusterSetIP", "http 8080/TCP", "us-east 2/3"]
    assert first[4].startswith("PortConflict")
    assert second[3] == "(none is ready)"


def test_adding_a_cluster_states_it_and_says_how_it_joins(io: IO) -> None:
    client = FakeClient()
    options = cluster_add.Options(client, "us-east", "us", ("a", "b"), "", (), ("shop",))
    assert cluster_add.run(options, io) == 0
    (document,) = client.put
    assert document["metadata"] == {"name": "us-east"}
    assert document["spec"] == {"region": "us", "zones": ["a", "b"], "namespaces": ["shop"]}
    assert "fedctl token create us-east" in err(io)


def test_a_cluster_id_that_is_none_is_refused_before_anything_is_sent(io: IO) -> None:
    client = FakeClient()
    with pytest.raises(InvalidInput, match="cluster id"):
        cluster_add.run(cluster_add.Options(client, "US/East", "us", (), "", (), ()), io)
    with pytest.raises(InvalidInput, match="cluster id"):
        token_create.run(token_create.Options(client, "../x", 60), io)
    assert (client.put, client.tokens) == ([], [])


def test_a_join_token_is_all_of_stdout(io: IO) -> None:
    client = FakeClient()
    assert token_create.run(token_create.Options(client, "us-east", 3600), io) == 0
    assert out(io) == "fmj1.secret\n"
    assert client.tokens == [("us-east", 3600)]


def test_a_workload_token_is_good_at_the_agent(io: IO, tmp_path: Path) -> None:
    key = os.urandom(32)
    (tmp_path / "workload-tokens.key").write_bytes(key)
    options = workload_token.Options("demo/api", tmp_path, expires=1000)
    assert workload_token.run(options, io) == 0
    assert check_workload_token(key, out(io).strip(), now=999.0) == "demo/api"


def test_a_workload_token_needs_the_agents_key(io: IO, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--agent-state"):
        workload_token.run(workload_token.Options("demo/api", tmp_path, 1000), io)


def demo(folder: Path) -> Path:
    Paths(folder).marker.write_text(marker_text(plan_layout(clusters=1)))
    return folder


def test_status_shows_every_process_and_names_those_that_are_gone(io: IO, tmp_path: Path) -> None:
    options = demo_status.Options(demo(tmp_path), Format.TABLE)
    assert demo_status.run(options, io) == 0
    assert len(out(io).splitlines()) == 9
    assert "not running: controller" in err(io)


def test_status_as_json_is_the_topology(io: IO, tmp_path: Path) -> None:
    demo_status.run(demo_status.Options(demo(tmp_path), Format.JSON), io)
    assert json.loads(out(io)) == json.loads(Paths(tmp_path).topology.read_text())


def test_a_log_is_shown_whole(io: IO, tmp_path: Path) -> None:
    log = Paths(demo(tmp_path)).log("controller")
    log.parent.mkdir()
    log.write_text("one\ntwo\n")
    assert demo_logs.run(demo_logs.Options(tmp_path, "controller", follow=False), io) == 0
    assert out(io) == "one\ntwo\n"


def test_an_unknown_log_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="us-east-gateway"):
        demo_logs.log_of(demo(tmp_path), "../../etc/passwd")
    with pytest.raises(NotReady, match="nothing yet"):
        demo_logs.log_of(tmp_path, "controller")


def test_the_welcome_says_how_to_call_edit_and_look(tmp_path: Path) -> None:
    text = "\n".join(demo_up.welcome(tmp_path, plan_layout()))
    assert "curl -H 'Host: api.demo.svc.clusterset.local:8080' http://127.13.0.11:15001/" in text
    assert f"{tmp_path}/clusters/us-east" in text
    assert f"export FEDCTL_CONFIG={tmp_path}/fedctl.yaml" in text


KILL = Summary("killed", 1000, 0, (("us-west", 0.9), ("us-east", 0.1)), 0.002, 0.01, 0.0205)
REPORT = Report(
    (Visit("us-east", "spiffe://us-east/ns/demo/sa/web", (("us-east/api-1", 20),), 0),),
    (KILL, KILL, KILL), 0.21, None, None, (), ("killed: it broke",),
)  # fmt: skip


def test_the_tours_report_reads_as_tables() -> None:
    text = demo_run.describe(REPORT)
    assert "us-west 90.0%, us-east 10.0%" in text
    assert "20.5 ms" in text
    assert "0.21 s" in text
    assert "never back" in text
    assert "NOT every promise was kept" in text


def test_the_tours_report_as_json_says_whether_it_was_kept() -> None:
    document = json.loads(json.dumps(demo_run.document_of(REPORT)))
    assert document["kept"] is False
    assert document["phases"][1]["shares"] == {"us-west": 0.9, "us-east": 0.1}
    assert document["visits"][0]["answers"] == {"us-east/api-1": 20}
    assert document["shifted"] == 0.21
