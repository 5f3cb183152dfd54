"""What a thief of the admin token makes is seen by fedctl and in the log, over a restart, too."""

import re
from pathlib import Path

import pytest
import yaml

from cluster_agent.authority.join import join
from federation.client.documents import cluster_document
from federation.model.errors import Denied
from federation.model.names import ClusterId
from federation.runtime.files import private_folder
from federation.trust.join_tokens import parse_join_token
from federation.trust.profile import LEAF_LIFE
from tests.e2e.lone_controller import LoneController, lone_controller
from tests.e2e.rig import fedctl, finish

pytestmark = pytest.mark.timeout(60)


def _ctl(controller: LoneController, *words: str) -> list[list[str]]:
    file = controller.folder / "fedctl.yaml"
    told = {
        "controller": f"https://{controller.host}:8443",
        "ca_file": str(controller.state / "root.pem"),
        "token_file": str(controller.state / "admin.token"),
    }
    file.write_text(yaml.safe_dump(told))
    listing = () if {"revoke", "--verify"} & set(words) else ("--no-headers", "-o", "wide")
    done = fedctl(*words, *listing, "--config", str(file))
    assert done.returncode == 0, done.stderr
    return [re.split(" {2,}", line) for line in done.stdout.splitlines()]


def _join(folder: Path, token: str) -> None:
    private_folder(folder)
    finish(join(folder, parse_join_token(token), LEAF_LIFE, is_patient=False))


def test_what_the_admin_token_made_is_seen_and_can_be_undone(tmp_path: Path) -> None:
    with lone_controller(tmp_path) as controller:
        client = controller.start()
        client.put_cluster(cluster_document(ClusterId("east"), region="eu"))
        used, stolen = [client.create_join_token("east", 600) for _ in range(2)]
        _join(tmp_path / "east", used["token"])
        states = {row[0]: row[2] for row in _ctl(controller, "token", "list")}
        assert states == {used["id"]: "used", stolen["id"]: "unused"}
        _ctl(controller, "token", "revoke", stolen["id"])
        with pytest.raises(Denied, match="was revoked"):
            _join(tmp_path / "thief", stolen["token"])
        before = _ctl(controller, "audit")
        controller.end()
        controller.start()
        assert _ctl(controller, "audit") == before
        host = controller.host
        assert [(row[1], row[2], row[3]) for row in before] == [
            ("first call", "-", "admin token"),
            ("cluster add", "east", "admin"),
            ("token create", "east", "admin"),
            ("token create", "east", "admin"),
            ("join", "east", f"join token {used['id']}"),
            ("token revoke", "east", "admin"),
        ]
        assert all(row[4].startswith("127.") and row[5] == "done" for row in before), host
        verified = _ctl(controller, "audit", "--verify", str(controller.state / "audit"))
        assert verified[0] == [f"entries 1 to {len(before)} are as they were written"]
        assert _ctl(controller, "audit", "--verify", "-") == verified
        for secret in (used["token"], stolen["token"], parse_join_token(stolen["token"]).secret):
            assert secret not in controller.log
            assert secret not in str(before)
        assert controller.log.count(" audit what=") == len(before)
