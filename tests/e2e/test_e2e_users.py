"""Users come in by certificate or token, may what role bindings say, and are out when revoked."""

import subprocess
from pathlib import Path

import pytest
import yaml

from federation.client.client import Client
from tests.e2e.lone_controller import LoneController, lone_controller
from tests.e2e.rig import fedctl

pytestmark = pytest.mark.timeout(60)


def _admin(controller: LoneController) -> Path:
    file = controller.folder / "fedctl.yaml"
    told = {
        "controller": f"https://{controller.host}:8443",
        "ca_file": str(controller.state / "root.pem"),
        "token_file": str(controller.state / "admin.token"),
    }
    file.write_text(yaml.safe_dump(told))
    return file


def _bind(client: Client, user: str, role: str) -> None:
    document = {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{user}-{role}"},
        "spec": {"role": role, "subjects": [{"kind": "User", "name": user}]},
    }
    client._call("POST", "/apis/fedmesh.dev/v1alpha1/rolebindings", document)


def _ctl(config: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return fedctl(*words, "--config", str(config))


@pytest.mark.parametrize("how", ["certificate", "token"])
def test_a_user_may_what_is_bound_and_nothing_when_revoked(tmp_path: Path, how: str) -> None:
    with lone_controller(tmp_path) as controller:
        client = controller.start()
        admin, out = _admin(controller), tmp_path / "ann"
        words = ("--token",) if how == "token" else ()
        added = _ctl(admin, "user", "add", "ann", "--group", "ops", "--out", str(out), *words)
        assert added.returncode == 0, added.stderr
        ann = out / "ann.fedctl.yaml"
        denied = _ctl(ann, "cluster", "list")
        assert denied.returncode == 4
        assert "no role binding is for this user or its groups" in denied.stderr
        _bind(client, "ann", "viewer")
        assert _ctl(ann, "cluster", "list").returncode == 0
        assert _ctl(ann, "audit").returncode == 4
        made = _ctl(ann, "cluster", "add", "east", "--region", "eu")
        assert made.returncode == 4, "a viewer writes nothing"
        controller.end()
        client = controller.start()
        assert _ctl(ann, "cluster", "list").returncode == 0, "a restart forgets nobody"
        _bind(client, "ann", "operator")
        assert _ctl(ann, "cluster", "add", "east", "--region", "eu").returncode == 0
        listed = _ctl(admin, "user", "list", "--no-headers", "-o", "wide").stdout
        assert listed.split()[:4] == ["ann", "ops", "no", "1"]
        assert how in listed
        entries = _ctl(admin, "audit", "--no-headers").stdout
        by = [line.split()[-2] for line in entries.splitlines() if "cluster add" in line]
        assert by == ["ann"]
        revoked = _ctl(admin, "user", "revoke", "ann")
        assert revoked.returncode == 0, revoked.stderr
        assert _ctl(ann, "cluster", "list").returncode == 4
        token = _ctl(admin, "user", "token", "ann").stdout.strip()
        (out / "new.token").write_text(token)
        told = yaml.safe_load(admin.read_text()) | {"token_file": str(out / "new.token")}
        (out / "new.yaml").write_text(yaml.safe_dump(told))
        assert _ctl(out / "new.yaml", "cluster", "list").returncode == 0
        assert token not in controller.log
        assert token not in _ctl(admin, "audit", "-o", "json").stdout
