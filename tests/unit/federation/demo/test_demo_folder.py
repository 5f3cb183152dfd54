"""The demo's folder is ours or untouched."""

import stat
from pathlib import Path

import pytest
import yaml

from federation.demo import folder
from federation.demo.configs import Paths
from federation.demo.layout import plan_layout
from federation.model.errors import Conflict, Failed
from federation.trust.workload_tokens import check_workload_token

LAYOUT = plan_layout(clusters=2)


def test_a_claimed_folder_is_private_and_can_be_removed(tmp_path: Path) -> None:
    state = tmp_path / "demo"
    folder.claim(state, LAYOUT)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    folder.fill(LAYOUT, Paths(state))
    folder.remove(state)
    assert not state.exists()


def test_a_folder_with_other_things_is_neither_claimed_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(Conflict, match="not a demo's"):
        folder.claim(tmp_path, LAYOUT)
    folder.remove(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed, match="--state"):
        folder.claim(tmp_path / "file" / "demo", LAYOUT)


def test_only_one_at_a_time_holds_the_lock(tmp_path: Path) -> None:
    folder.claim(tmp_path, LAYOUT)
    with (
        folder.locked(tmp_path),
        pytest.raises(Conflict, match="another fedctl"),
        folder.locked(tmp_path),
    ):
        pass
    with folder.locked(tmp_path):
        pass


def test_without_a_demo_there_is_nothing_to_lock(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), folder.locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_filled_folder_holds_what_the_processes_read(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    folder.fill(LAYOUT, paths)
    fedctl = yaml.safe_load(paths.fedctl.read_text())
    assert fedctl["controller"] == "https://127.10.0.1:8443"
    assert sorted(p.name for p in paths.source("us-west").iterdir()) == [
        "exports.yaml",
        "nodes.yaml",
        "pods.yaml",
        "services.yaml",
    ]
    settings = yaml.safe_load((tmp_path / "config" / "us-east-gateway.yaml").read_text())
    assert settings["name"] == "gateway-1"


def test_tokens_are_private_and_good_at_the_agent_of_their_cluster_only(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    folder.fill(LAYOUT, paths)
    east, west = (paths.workload_key(c).read_bytes() for c in ("us-east", "us-west"))
    assert east != west
    file = paths.token("us-east-api-1-sidecar")
    assert check_workload_token(east, file.read_text().strip(), now=0.0) == "demo/api"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
