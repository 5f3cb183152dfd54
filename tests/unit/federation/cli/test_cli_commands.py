"""Commands: options in, one result out."""

import asyncio
import json
import os
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from federation.cli import listing
from federation.cli.commands import (
    audit,
    backup,
    cluster_add,
    cluster_confirm,
    cluster_list,
    demo_logs,
    demo_start,
    demo_status,
    demo_up,
    leave,
    restore,
    run_tour,
    service_list,
    status,
    token_create,
    token_list,
    token_revoke,
    trust_rekey,
    trust_revoke,
    trust_status,
    workload_token,
)
from federation.cli.consent import consent
from federation.cli.io import IO, Format
from federation.cli.main import run as run_fedctl
from federation.client.client import Client
from federation.controller.audit_chain import sealed_line, text_of
from federation.controller.backup import Backups
from federation.controller.store.sqlite import open_store
from federation.controller.trust.authority import open_authority
from federation.demo.configs import Paths
from federation.demo.layout import members, plan_layout
from federation.demo.scenarios.tour import Report, Visit
from federation.demo.topology import marker_text
from federation.model.checks import WELL
from federation.model.errors import Conflict, Denied, Failed, InvalidInput, NotReady
from federation.runtime.clock import utc_now, wall_seconds
from federation.trust.workload_tokens import check_workload_token
from federation.verify.guarantees import Summary

EAST = {
    "id": "us-east", "region": "us", "zones": ["us-east-1"], "network": "us-east",
    "trust_domain": "us-east.fedmesh.demo", "joined": True, "connected": True,
    "last_seen_seconds_ago": 0.3, "exports": 2, "problems": [], "state": "live", "seen_from": [],
    "gateways": [{"name": "g", "address": "127.11.0.3", "port": 15443, "zone": ""}],
}  # fmt: skip
AWAY = {**EAST, "id": "eu-west", "connected": False, "state": "lost", "problems": ["no gateway"]}
NEW = {**EAST, "id": "new", "joined": False, "last_seen_seconds_ago": None, "zones": []}
API = {
    "name": "demo/api", "type": "ClusterSetIP", "exporters": ["us-east"],
    "ports": [{"name": "http", "protocol": "TCP", "port": 8080, "app_protocol": ""}],
    "conflicts": [{"reason": "PortConflict", "message": "port http is 81, kept 80"}],
    "backends": [{"cluster": "us-east", "ready": 2, "total": 3, "unserved_ports": []}],
}  # fmt: skip


TRUST = {
    "root": {"sha256": "ab" * 32, "not_after": "2036-03-01T00:00:00Z"},
    "controller": {"not_after": "2026-03-08T00:00:00Z", "renews": "2026-03-04T12:00:00Z"},
    "clusters": [
        {
            "id": "east", "trust_domain": "east.mesh.test", "state": "trusted", "waiting": [],
            "intermediate": {"not_after": "2026-03-08T00:00:00Z", "renews": "2026-03-04T12:00:00Z"},
            "anchors": [
                {"key": "0123456789abcdef", "not_after": "2036-03-01T00:00:00Z", "ends": None},
                {"key": "fedcba98", "not_after": "2036-03-01T00:00:00Z",
                 "ends": "2026-03-01T01:00:00Z"},
            ],
            "next": "renewed at 2026-03-04T12:00:00Z",
        },
        {
            "id": "west", "trust_domain": "west.mesh.test", "state": "revoked", "waiting": [],
            "intermediate": None, "anchors": [], "next": "to come back it needs a new token",
        },
    ],
}  # fmt: skip


class FakeClient(Client):
    """A controller that remembers what it was told."""

    def __init__(self, items: list[dict[str, Any]] | None = None) -> None:
        self.items = items or []
        self.put: list[tuple[str, dict[str, Any]]] = []
        self.patched: dict[str, Any] = {
            "outcome": "created",
            "changes": [],
            "cluster": {"joined": False},
        }
        self.released = ""
        self.changed: list[tuple[str, str]] = []
        self.tokens: list[tuple[str, int]] = []
        self.sealed = b""
        self.state: dict[str, Any] = {
            "domain": "fedmesh.demo",
            "epoch": "e1",
            "revision": 7,
            "services": 2,
            "store": {"ok": True, "reason": ""},
            "problems": [],
        }

    def clusters(self) -> list[dict[str, Any]]:
        return self.items

    def status(self, seconds: float | None = None) -> dict[str, Any]:
        return self.state

    def services(self) -> list[dict[str, Any]]:
        return [item for item in self.items if "exporters" in item]

    def patch_cluster(self, cluster: str, spec: dict[str, Any]) -> dict[str, Any]:
        self.put.append((cluster, spec))
        return self.patched

    def backup(self) -> bytes:
        return self.sealed

    def confirm_cluster(self, cluster: str) -> dict[str, Any]:
        return {"cluster": cluster, "released": self.released}

    def delete_cluster(self, cluster: str) -> dict[str, Any]:
        self.changed.append(("leave", cluster))
        return {"cluster": cluster}

    def revoke(self, cluster: str) -> dict[str, Any]:
        self.changed.append(("revoke", cluster))
        return {"cluster": cluster}

    def rekey(self, cluster: str) -> dict[str, Any]:
        self.changed.append(("rekey", cluster))
        return {"cluster": cluster}

    def trust(self) -> dict[str, Any]:
        return TRUST

    def create_join_token(self, cluster: str, expires_seconds: int) -> dict[str, Any]:
        self.tokens.append((cluster, expires_seconds))
        return {"token": "fmj1.secret", "id": "1", "expires": 1}

    def join_tokens(self) -> list[dict[str, Any]]:
        return self.items

    def revoke_join_token(self, id: str) -> dict[str, Any]:
        self.changed.append(("token revoke", id))
        return {"id": id, "cluster": "us-east", "used_by": "12ab" if id == "spent" else ""}

    def audit(self, before: int = 0, limit: int = 0) -> list[dict[str, Any]]:
        return [i for i in self.items if not before or i["number"] < before][-limit:]


@pytest.fixture
def io() -> IO:
    return IO(StringIO(), StringIO(), is_terminal=False)


def out(io: IO) -> str:
    return io.out.getvalue()  # type: ignore[attr-defined, no-any-return]


def table(io: IO) -> list[list[str]]:
    """The cells of a table, without its header."""
    return [re.split(" {2,}", line) for line in out(io).splitlines()[1:]]


def listed(module: Any, client: Client, output: Format, io: IO) -> int:
    return listing.run(module.LISTING, listing.Options(client, output), io)


def err(io: IO) -> str:
    return io.err.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_clusters_are_listed_with_their_state(io: IO) -> None:
    client = FakeClient([EAST, AWAY, NEW])
    assert listed(cluster_list, client, Format.TABLE, io) == 0
    assert table(io) == [
        ["us-east", "us", "connected", "0 s ago", "1", "2", "-"],
        ["eu-west", "us", "lost", "0 s ago", "1", "2", "no gateway"],
        ["new", "us", "not joined", "never", "1", "2", "-"],
    ]


def seen_from(cluster: str, rtt_ms: float | None, answers: bool = True) -> dict[str, Any]:
    return {"cluster": cluster, "gateway": "g", "answers": answers, "rtt_ms": rtt_ms}


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ([], "-"),
        ([seen_from("eu-west", 80.0, answers=False)], "-"),
        ([seen_from("eu-west", None)], "eu-west"),
        ([seen_from("eu-west", None), seen_from("eu-west", 80.5)], "eu-west 80.5 ms"),
        (
            [seen_from("eu-west", 80.0), seen_from("eu-west", 9.0), seen_from("ap", 120.0)],
            "ap 120 ms, eu-west 9 ms",
        ),
        ([seen_from("eu-west", 80.0), seen_from("eu-west", 9.0, answers=False)], "eu-west 80 ms"),
    ],
)
def test_a_cluster_is_listed_with_who_reaches_it_and_the_shortest_time(
    io: IO, seen: list[dict[str, Any]], shown: str
) -> None:
    client = FakeClient([{**EAST, "seen_from": seen}])
    assert listed(cluster_list, client, Format.WIDE, io) == 0
    ((_, _, zones, *_, reached_by, _, _),) = table(io)
    assert (zones, reached_by) == ("us-east-1", shown)


def test_an_empty_list_is_success_and_names_the_next_step(io: IO) -> None:
    assert listed(cluster_list, FakeClient(), Format.JSON, io) == 0
    assert json.loads(out(io)) == {"items": []}
    assert "cluster add" in err(io)


def test_services_are_listed_with_what_is_behind_them(io: IO) -> None:
    idle = {**API, "name": "demo/idle", "backends": [], "conflicts": []}
    client = FakeClient([API, idle])
    assert listed(service_list, client, Format.TABLE, io) == 0
    first, second = table(io)
    assert first == ["demo/api", "8080", "us-east 2/3", "PortConflict"]
    assert second[2] == "(none is ready)"


def test_services_are_listed_wide_with_the_names_of_ports_and_whole_conflicts(io: IO) -> None:
    assert listed(service_list, FakeClient([API]), Format.WIDE, io) == 0
    conflict = "PortConflict: port http is 81, kept 80"
    assert table(io) == [["demo/api", "ClusterSetIP", "http 8080/TCP", "us-east 2/3", conflict]]


@pytest.mark.parametrize("output", [Format.TABLE, Format.WIDE])
def test_a_service_without_ports_has_no_empty_cell(io: IO, output: Format) -> None:
    assert listed(service_list, FakeClient([{**API, "ports": []}]), output, io) == 0
    assert table(io)[0][-3] == "-"


def test_adding_a_cluster_states_what_is_named_and_says_how_it_joins(io: IO) -> None:
    client = FakeClient()
    options = cluster_add.Options(client, "us-east", "us", ("a", "b"), namespaces=("shop",))
    assert cluster_add.run(options, io) == 0
    named = {"region": "us", "zones": ["a", "b"], "namespaces": ["shop"]}
    assert client.put == [("us-east", named)]
    assert out(io) == "cluster us-east created\n"
    assert "fedctl token create us-east" in err(io)


def test_changing_a_cluster_says_what_has_become_what(io: IO) -> None:
    client = FakeClient()
    changes = [
        {"field": "zones", "from": ["a"], "to": []},
        {"field": "network", "from": "", "to": "campus"},
        {"field": "gateway_cidrs", "from": [], "to": ["10.0.0.0/8"]},
        {"field": "namespaces", "from": [], "to": ["shop", "web"]},
    ]
    client.patched = {"outcome": "changed", "changes": changes, "cluster": {"joined": True}}
    options = cluster_add.Options(
        client, "us-east", network="campus", namespaces=("shop", "web"), clear=("zones",)
    )
    assert cluster_add.run(options, io) == 0
    named = {"network": "campus", "namespaces": ["shop", "web"], "zones": None}
    assert client.put == [("us-east", named)]
    assert out(io).splitlines() == [
        "cluster us-east changed",
        "  zones: a -> any",
        "  network-name: one of its own -> campus",
        "  gateway-cidrs: any -> 10.0.0.0/8",
        "  namespaces: all -> shop, web",
    ]
    assert err(io) == ""


NARROW = {
    "namespaces": (
        "namespaces",
        ("shop",),
        "services of other namespaces that it exports: demo/api",
    ),
    "gateways": (
        "gateway_cidrs",
        ("10.0.0.0/8",),
        "gateways outside these networks: g (127.11.0.3)",
    ),
}


@pytest.mark.parametrize(("field", "values", "cut"), NARROW.values(), ids=NARROW)
def test_a_narrower_word_says_what_it_cuts_and_somebody_must_say_yes(
    field: str, values: tuple[str, ...], cut: str, io: IO
) -> None:
    client = FakeClient([{**EAST, "name": "none", "exporters": []}, {**API, "id": "x"}])
    word: dict[str, Any] = {field: values}
    options = cluster_add.Options(client, "us-east", **word, consent=lambda _: False)
    assert cluster_add.run(options, io) == 1
    assert client.put == []
    assert err(io).splitlines() == [
        "change of cluster us-east cuts:", f"  {cut}", "nothing was changed",
    ]  # fmt: skip
    assert cluster_add.run(replace(options, consent=lambda _: True), io) == 0
    assert len(client.put) == 1


@pytest.mark.parametrize(
    "word",
    [
        {"gateway_cidrs": ("127.11.0.0/24", "10.0.0.0/8"), "namespaces": ("demo",)},
        {"clear": ("gateway-cidrs", "namespaces")},
        {"zones": ("a",)},
        {"gateway_cidrs": ("none",)},
    ],
)
def test_nobody_is_asked_where_nothing_is_cut(word: dict[str, Any], io: IO) -> None:
    client = FakeClient([{**EAST, "name": "none", "exporters": []}, {**API, "id": "x"}])
    options = cluster_add.Options(client, "us-east", **word, consent=consent(False))
    assert cluster_add.run(options, io) == 0
    assert len(client.put) == 1


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "the request's body: Cluster default/us-west: spec.zones[0] is '', but must be labels",
            "--zone is '', but must be labels",
        ),
        ("Cluster default/us-west: spec.region is 'U S', but", "--region is 'U S', but"),
        ("cluster us-west is not there yet", "cluster us-west is not there yet"),
    ],
)
def test_a_value_that_cannot_be_is_said_of_its_option(
    said: str, shown: str, io: IO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise InvalidInput(said)

    client = FakeClient()
    monkeypatch.setattr(client, "patch_cluster", refuse)
    with pytest.raises(InvalidInput, match=f"^{re.escape(shown)}$"):
        cluster_add.run(cluster_add.Options(client, "us-west", zones=("",)), io)


def test_a_field_may_be_cleared_twice(io: IO) -> None:
    client = FakeClient()
    clear = ("namespaces", "namespaces")
    assert cluster_add.run(cluster_add.Options(client, "us-east", clear=clear), io) == 0
    assert client.put == [("us-east", {"namespaces": None})]


def test_what_is_named_cannot_be_taken_away_as_well(io: IO) -> None:
    options = cluster_add.Options(FakeClient(), "us-east", zones=("a",), clear=("zones",))
    with pytest.raises(InvalidInput, match="--clear zones takes away what is named as well"):
        cluster_add.run(options, io)


def test_a_cluster_id_that_is_none_is_refused_before_anything_is_sent(io: IO) -> None:
    client = FakeClient()
    with pytest.raises(InvalidInput, match="cluster id"):
        cluster_add.run(cluster_add.Options(client, "US/East", "us"), io)
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
    assert "demo/api ends at 1970-01-01T00:16:40Z" in err(io)


def test_a_workload_token_is_good_for_a_week(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = os.urandom(32)
    (tmp_path / "workload-tokens.key").write_bytes(key)
    words = ["gateway:gateway-1", "--agent-state", str(tmp_path)]
    assert run_fedctl(["workload", "token", *words]) == 0
    made, week = capsys.readouterr().out.strip(), 7 * 24 * 3600
    assert check_workload_token(key, made, wall_seconds() + week - 60) == "gateway:gateway-1"
    with pytest.raises(Denied, match="has expired"):
        check_workload_token(key, made, wall_seconds() + week + 60)


def test_a_workload_token_lives_for_a_year_at_most(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "workload-tokens.key").write_bytes(os.urandom(32))
    words = ["workload", "token", "demo/api", "--agent-state", str(tmp_path), "--expires"]
    assert run_fedctl([*words, "365d"]) == 0
    capsys.readouterr()
    assert run_fedctl([*words, "366d"]) == 2
    assert capsys.readouterr() == (
        "",
        "fedctl: life of a workload token is 366 days, but must be at most 365 days\n",
    )
    assert run_fedctl([*words, "999999999d"]) == 2


def test_a_workload_token_needs_the_agents_key(io: IO, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--agent-state"):
        workload_token.run(workload_token.Options("demo/api", tmp_path, 1000), io)


WORDS = "correct horse battery"


def sealed_backup(folder: Path) -> bytes:
    """A backup as a controller would make it."""
    authority = open_authority(folder, "mesh.test", [], utc_now())

    async def make() -> bytes:
        async with open_store(folder / "db", "first") as store:
            return await Backups(store, authority, "the-admin-token", WORDS).make(0.0)

    return asyncio.run(make())


def test_a_backup_is_written_for_its_owner_and_restored_elsewhere(io: IO, tmp_path: Path) -> None:
    client, file = FakeClient(), tmp_path / "b"
    client.sealed = sealed_backup(tmp_path)
    assert backup.run(backup.Options(client, file, WORDS), io) == 0
    assert "made 1970-01-01T00:00:00Z, epoch first" in out(io)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (client.sealed, 0o600)
    options = restore.Options(file, tmp_path / "new", WORDS, "", "second")
    assert restore.run(options, io) == 0
    assert "now epoch second" in out(io)
    assert (tmp_path / "new" / "admin.token").read_text() == "the-admin-token"
    with pytest.raises(Conflict, match="is not empty"):
        restore.run(options, io)


def test_a_backup_is_written_by_whom_cannot_open_it(io: IO, tmp_path: Path) -> None:
    client, file = FakeClient(), tmp_path / "b"
    client.sealed = sealed_backup(tmp_path)
    assert backup.run(backup.Options(client, file, ""), io) == 0
    assert out(io) == f"{file}: sealed, {len(client.sealed)} bytes\n"
    assert file.read_bytes() == client.sealed
    for damaged in (b"", b"{}", client.sealed[:40], b"fedmesh-sealed 1 root key\n" + bytes(99)):
        client.sealed = damaged
        with pytest.raises(InvalidInput, match="the backup that the controller sent"):
            backup.run(backup.Options(client, tmp_path / "c", ""), io)
    assert not (tmp_path / "c").exists()


def test_a_backup_never_replaces_a_file(io: IO, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("of yesterday")
    with pytest.raises(Conflict, match="exists already"):
        backup.run(backup.Options(FakeClient(), tmp_path / "b", WORDS), io)
    assert (tmp_path / "b").read_text() == "of yesterday"


def test_a_backup_that_came_damaged_is_not_written(io: IO, tmp_path: Path) -> None:
    client = FakeClient()
    client.sealed = sealed_backup(tmp_path)[:-1]
    with pytest.raises(Denied, match="backup that the controller sent cannot be opened"):
        backup.run(backup.Options(client, tmp_path / "b", WORDS), io)
    assert not (tmp_path / "b").exists()


def demo(folder: Path) -> Path:
    Paths(folder).marker.write_text(marker_text(plan_layout(clusters=1)))
    return folder


def test_status_shows_every_process_and_names_those_that_are_gone(io: IO, tmp_path: Path) -> None:
    options = demo_status.Options(demo(tmp_path), Format.TABLE)
    assert demo_status.run(options, io) == 0
    assert len(table(io)) == 10
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


def test_what_does_not_run_can_be_started_again_by_name_or_all_of_it(tmp_path: Path) -> None:
    state = demo(tmp_path)
    assert [m.name for m in demo_start.dead_members(state, ("us-east-gateway",))] == [
        "us-east-gateway"
    ]
    assert len(demo_start.dead_members(state, ())) == len(members(plan_layout(clusters=1)))
    with pytest.raises(InvalidInput, match="us-east-gateway"):
        demo_start.dead_members(state, ("nobody",))


def test_the_welcome_says_how_to_call_edit_and_look(tmp_path: Path) -> None:
    text = "\n".join(demo_up.welcome(tmp_path, plan_layout()))
    assert "curl -H 'Host: api.demo.svc.clusterset.local:8080' http://127.13.0.11:15001/" in text
    assert f"{tmp_path}/clusters/us-east" in text
    assert f"export FEDCTL_CONFIG={tmp_path}/fedctl.yaml" in text
    odd = "\n".join(demo_up.welcome(tmp_path / "my demo", plan_layout()))
    assert f"export FEDCTL_CONFIG='{tmp_path}/my demo/fedctl.yaml'" in odd


KILL = Summary("killed", 1000, 0, (("us-west", 0.9), ("us-east", 0.1)), 0.002, 0.01, 0.0205)
REPORT = Report(
    (Visit("us-east", "spiffe://us-east/ns/demo/sa/web", (("us-east/api-1", 20),), 0),),
    (KILL, KILL, KILL), 0.21, None, None, (), ("killed: it broke",),
)  # fmt: skip


def test_the_tours_report_reads_as_tables(io: IO) -> None:
    run_tour.describe(REPORT, Format.TABLE, io)
    text = out(io)
    assert "us-west 90%, us-east 10%" in text
    assert "20.5 ms" in text
    assert "0.21 s" in text
    assert "never back" in text
    assert "NOT every promise was kept" in text


def test_the_tours_report_as_json_says_whether_it_was_kept() -> None:
    document = json.loads(json.dumps(run_tour.document_of(REPORT)))
    assert document["kept"] is False
    assert document["phases"][1]["shares"] == {"us-west": 0.9, "us-east": 0.1}
    assert document["visits"][0]["answers"] == {"us-east/api-1": 20}
    assert document["shifted"] == 0.21


def test_confirming_says_what_was_held_back(io: IO) -> None:
    client = FakeClient()
    client.released = "8 exports vanished together"
    assert cluster_confirm.run(cluster_confirm.Options(client, "east"), io) == 0
    assert out(io) == "cluster east: withdrawn\n"
    assert "8 exports" in err(io)


def test_confirming_where_nothing_is_held_back_is_done_too(io: IO) -> None:
    assert cluster_confirm.run(cluster_confirm.Options(FakeClient(), "east"), io) == 0
    assert out(io) == "cluster east: nothing is held back\n"
    with pytest.raises(InvalidInput):
        cluster_confirm.run(cluster_confirm.Options(FakeClient(), "East!"), io)


LOST = {
    "id": "cluster-lost", "severity": "error", "group": "clusters", "where": "eu-west",
    "subject": "", "what": "it is lost", "remedy": "look at it", "since": 100.0,
}  # fmt: skip
ODD = {**LOST, "id": "clock-differs", "severity": "warning", "what": "its clock", "since": None}
NOTE = {**LOST, "id": "cluster-not-joined", "severity": "info", "what": "new", "group": "sources"}


def shown(*problems: dict[str, Any], width: int | None = None, **more: Any) -> tuple[int, str]:
    """The exit code and the text of `fedctl status`, 400 s after the epoch."""
    client, io = FakeClient([EAST]), IO(StringIO(), StringIO(), width is not None, width)
    client.state |= {"problems": list(problems)}
    options = status.Options(client, more.pop("output", Format.TABLE), lambda: 400.0, **more)
    return status.run(options, io), io.out.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [100, None])
def test_status_of_a_healthy_federation_says_of_all_that_it_is_well(width: int | None) -> None:
    code, text = shown(width=width)
    assert code == 0
    assert "controller of fedmesh.demo: revision 7 of epoch e1, store ok, 2 services" in text
    assert "us-east  connected" in text
    lines = [line for line in text.splitlines() if line.startswith("ok ")]
    assert [line.split()[1] for line in lines] == [f"{group}:" for group in WELL]
    assert text.endswith("\nno problems\n")
    assert "\x1b" not in text


def test_status_with_errors_has_a_code_of_its_own_and_says_what_to_do() -> None:
    code, text = shown(NOTE, ODD, LOST)
    assert code == status.HAS_PROBLEMS == 3
    assert text.index("error    eu-west: it is lost (cluster-lost, for 5 min)") < text.index(
        "warning  eu-west: its clock (clock-differs)\n         look at it\n"
    )
    assert "ok       clusters" not in text
    assert "ok       sources" in text, "a note is no reason not to be well"
    assert text.endswith("\n1 error, 1 warning, 1 note\n")


def test_warnings_alone_are_no_failure() -> None:
    assert shown(ODD, NOTE)[0] == 0


def test_the_first_words_are_coloured_where_that_is_wanted_and_nothing_from_outside() -> None:
    _, text = shown({**LOST, "what": "\x1b[2Jgone"}, is_coloured=True)
    assert "\x1b[32mok\x1b[0m       controller" in text
    assert "\x1b[31merror\x1b[0m    eu-west: \\x1b[2Jgone" in text


def test_long_lines_are_wrapped_on_a_terminal_only() -> None:
    long = {**LOST, "what": "word " * 40}
    assert max(len(line) for line in shown(long, width=80)[1].splitlines()) <= 80
    for wide in (shown(long), shown(long, width=80, output=Format.WIDE)):
        assert max(len(line) for line in wide[1].splitlines()) > 200


def test_status_as_json_has_everything() -> None:
    code, text = shown(LOST, output=Format.JSON)
    assert code == 3
    found = json.loads(text)
    assert found["problems"] == [LOST]
    assert found["items"] == [EAST]
    assert found["store"]["ok"]


class Mending(FakeClient):
    """A controller that cannot be reached at first, and then has errors for a while."""

    def __init__(self) -> None:
        super().__init__([EAST])
        self.asked = 0

    def status(self, seconds: float | None = None) -> dict[str, Any]:
        self.asked += 1
        if self.asked < 3:
            raise Failed("controller cannot be reached")
        return {**self.state, "problems": [LOST] if self.asked < 6 else [ODD]}


def test_waiting_ends_when_there_is_no_error_any_more(io: IO) -> None:
    client, slept = Mending(), list[float]()
    options = status.Options(client, Format.TABLE, lambda: sum(slept), 60, slept.append)
    assert status.run(options, io) == 0
    assert client.asked == 6
    assert err(io).splitlines() == [
        "waiting: controller cannot be reached",
        "waiting: 1 error",
    ]


def test_each_question_gets_what_is_left_of_the_time(io: IO) -> None:
    """A frozen controller answers nothing for as long as it is waited for."""
    now, given = [0.0], list[float]()

    class Frozen(FakeClient):
        def status(self, seconds: float | None = None) -> dict[str, Any]:
            assert seconds is not None
            given.append(seconds)
            now[0] += min(10.0, seconds)
            raise Failed("it did not answer in time")

    def sleep(seconds: float) -> None:
        now[0] += seconds

    options = status.Options(Frozen(), Format.TABLE, lambda: now[0], 3.0, sleep)
    with pytest.raises(Failed, match="did not answer"):
        status.run(options, io)
    assert given == [3.0]
    assert now == [3.0]


def test_waiting_ends_in_time_with_what_is_wrong(io: IO) -> None:
    def wait(seconds: float) -> int:
        slept = list[float]()
        options = status.Options(Mending(), Format.TABLE, lambda: sum(slept), seconds, slept.append)
        return status.run(options, io)

    assert wait(1.1) == status.HAS_PROBLEMS
    with pytest.raises(Failed, match="cannot be reached"):
        wait(0.4)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_a_span_is_said_in_its_largest_unit(seconds: float, text: str) -> None:
    assert status.span(seconds) == text


def test_a_clock_that_is_off_is_shown() -> None:
    assert status.cluster_row({**EAST, "clock": -61.0})[3] == "-61 s"
    assert status.cluster_row(EAST)[3] == "-"


def test_trust_is_shown_from_the_root_to_every_cluster(io: IO) -> None:
    options = trust_status.Options(FakeClient(), Format.WIDE)
    assert trust_status.run(options, io) == 0
    lines = table(io)
    assert [line[0] for line in lines] == ["root", "controller", "east", "west"]
    keys = "0123456789abcdef, fedcba98 until 2026-03-01T01:00:00Z"
    assert lines[2][1:4] == ["trusted", keys, "2026-03-08T00:00:00Z"]
    assert lines[3][1:] == ["revoked", "-", "-", "to come back it needs a new token"]


def test_revoking_says_what_is_not_cut_at_once_and_how_to_come_back(io: IO) -> None:
    client = FakeClient()
    assert trust_revoke.run(trust_revoke.Options(client, "east", consent(True)), io) == 0
    assert client.changed == [("revoke", "east")]
    assert out(io) == "cluster east is revoked: its certificates are rejected everywhere\n"
    assert "tcp_connection_seconds" in err(io)
    assert "fedctl token create east" in err(io)
    with pytest.raises(InvalidInput):
        trust_revoke.run(trust_revoke.Options(client, "East!", consent(True)), io)


@pytest.mark.parametrize("command", [trust_revoke, leave])
def test_what_is_cut_is_said_and_asked_before_a_cluster_goes(io: IO, command: Any) -> None:
    client, asked = FakeClient([EAST]), list[str]()

    def no(question: str) -> bool:
        asked.append(question)
        return False

    waiting = () if command is trust_revoke else (float, lambda _: None)
    assert command.run(command.Options(client, "us-east", no, *waiting), io) == 1
    (question,) = asked
    assert "cluster us-east" in question
    assert "its agent is connected, with 1 gateway" in err(io)
    assert "nothing was changed" in err(io)
    assert client.changed == []


def test_a_cluster_is_asked_for_a_new_key(io: IO) -> None:
    client = FakeClient()
    assert trust_rekey.run(trust_rekey.Options(client, "east"), io) == 0
    assert client.changed == [("rekey", "east")]
    assert "fedctl trust status" in err(io)


def test_leaving_waits_until_the_cluster_is_not_listed_any_more(io: IO) -> None:
    client = FakeClient([EAST])
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        client.items = []

    options = leave.Options(client, "us-east", consent(True), lambda: sum(slept), sleep)
    assert leave.run(options, io) == 0
    assert client.changed == [("leave", "us-east")]
    assert len(slept) == 1
    assert out(io) == "cluster us-east has left\n"


def test_leaving_that_does_not_end_is_said(io: IO) -> None:
    client, slept = FakeClient([EAST]), list[float]()
    options = leave.Options(client, "us-east", consent(True), lambda: sum(slept), slept.append)
    with pytest.raises(Failed, match="still listed"):
        leave.run(options, io)


# -- tokens, and who did what ----------------------------------------------------------------------

UNUSED = {
    "id": "12ab", "cluster": "us-east", "state": "unused", "created": 1_772_323_200,
    "expires": 1_772_326_800, "used_at": None, "used_from": "", "used_by": "",
}  # fmt: skip
SPENT = {
    **UNUSED, "state": "used", "used_at": 1_772_323_260, "used_from": "10.0.0.9",
    "used_by": "0123456789abcdef",
}  # fmt: skip


def test_join_tokens_are_listed_with_what_became_of_them(io: IO) -> None:
    client = FakeClient([UNUSED, SPENT])
    assert listed(token_list, client, Format.WIDE, io) == 0
    times = ["2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"]
    use = ["2026-03-01T00:01:00Z", "10.0.0.9", "0123456789abcdef"]
    assert table(io) == [
        ["12ab", "us-east", "unused", *times, "-", "-", "-"],
        ["12ab", "us-east", "used", *times, *use],
    ]
    assert listed(token_list, FakeClient(), Format.TABLE, io) == 0
    assert "fedctl token create" in err(io)


def test_a_token_is_revoked_and_one_that_was_used_says_what_that_does_not_undo(io: IO) -> None:
    client = FakeClient()
    assert token_revoke.run(token_revoke.Options(client, "12ab"), io) == 0
    assert out(io) == "join token 12ab for cluster us-east is revoked\n"
    assert err(io) == ""
    assert token_revoke.run(token_revoke.Options(client, "spent"), io) == 0
    assert "fedctl trust revoke us-east" in err(io)
    assert client.changed == [("token revoke", "12ab"), ("token revoke", "spent")]


def test_who_did_what_is_shown_of_all_or_of_one_cluster(io: IO) -> None:
    entry = {
        "at": 1_772_323_200.25, "what": "trust revoke", "who": "admin token", "cluster": "us-east",
        "address": "10.0.0.7", "outcome": "done", "detail": "",
    }  # fmt: skip
    other = {**entry, "what": "backup", "cluster": ""}
    client = FakeClient([entry, other])
    assert audit.run(audit.Options(client, "us-east", Format.WIDE), io) == 0
    line = ["2026-03-01T00:00:00Z", "trust revoke", "us-east", "admin token", "10.0.0.7"]
    assert table(io) == [[*line, "done", "-", "-", "-"]]
    assert audit.run(audit.Options(client, "", Format.TABLE), io) == 0
    assert len(out(io).splitlines()) == 2 + 3


def test_an_entry_of_an_object_says_who_asked_as_whom_and_what_changed(io: IO) -> None:
    entry = {
        "at": 1_772_323_200.25, "what": "patch", "who": "ann", "by": "admin", "cluster": "",
        "namespace": "shop", "name": "web", "address": "10.0.0.7", "how": "admin token",
        "outcome": "done", "detail": "", "changes": ["spec.a: 1 -> 2"], "dry_run": True,
        "number": 7,
    }  # fmt: skip
    client = FakeClient([entry, {**entry, "number": 8}])
    assert audit.run(audit.Options(client, "", Format.WIDE, before=8, limit=5), io) == 0
    shown = ["2026-03-01T00:00:00Z", "patch", "shop/web", "admin as ann", "10.0.0.7", "done"]
    assert table(io) == [[*shown, "dry run; spec.a: 1 -> 2", "admin token", "7"]]


def test_an_audit_log_that_was_changed_is_told_with_the_first_line_that_shows_it(
    tmp_path: Path, io: IO
) -> None:
    first = sealed_line({"what": "leave"}, 3, "0" * 64)
    second = sealed_line({"what": "join"}, 4, first["hash"])
    file = tmp_path / "000000000003.jsonl"
    file.write_bytes(text_of(first) + text_of(second))
    for path in (file, tmp_path):
        assert audit.verify(path, None, io) == 0
    said = "entries 3 to 4 are as they were written; older ones are not here"
    assert out(io).splitlines() == [said, f"hash of entry 4: {second['hash']}"] * 2
    file.write_bytes(file.read_bytes().replace(b"join", b"oops"))
    assert audit.verify(tmp_path, None, io) == 1
    assert "broken: 000000000003.jsonl, line 2 (entry 4) is not what was written" in err(io)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotReady, match="has no entries of an audit log"):
        audit.verify(tmp_path / "empty", None, io)
    with pytest.raises(Failed, match="cannot be read"):
        audit.verify(tmp_path / "nothing.jsonl", None, io)
