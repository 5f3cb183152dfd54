"""A folder that somebody else prepared is neither read nor acted upon."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from federation.cli.main import run
from federation.demo.configs import Paths
from federation.demo.layout import plan_layout
from federation.demo.owner import check_ours
from federation.demo.processes import start_time
from federation.demo.topology import marker_text
from federation.model.errors import Denied

OTHER = 12345
DENIED = 4
LAYOUT = plan_layout(clusters=1)
COMMANDS = {
    "up": ("up", "--detach"),
    "down": ("down",),
    "start": ("start",),
    "status": ("status",),
    "logs": ("logs", "controller"),
    "tour": ("run", "tour"),
    "failover": ("run", "failover"),
}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of whoever runs fedctl."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.communicate(b"\n")


@pytest.fixture
def prepared(tmp_path: Path, victim: subprocess.Popen[bytes]) -> Path:
    """A demo's folder that has one process end and another start."""
    folder = tmp_path / "prepared"
    (folder / "logs").mkdir(parents=True)
    Paths(folder).marker.write_text(marker_text(LAYOUT))
    started = start_time(victim.pid)
    dead = {"name": "controller", "log": str(tmp_path / "log"), "pid": victim.pid, "started": -1}
    alive = {**dead, "name": "us-east-agent", "started": started, "command": ["x"]}
    dead["command"] = ["/bin/sh", "-c", f"touch {tmp_path / 'executed'}"]
    (folder / "processes.json").write_text(json.dumps({"processes": [dead, alive]}))
    folder.chmod(0o700)
    return folder


def _given_away(folder: Path) -> Path:
    os.chown(folder, OTHER, -1)
    return folder


def _opened(folder: Path) -> Path:
    folder.chmod(0o777)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "how", [pytest.param(_given_away, marks=as_root), _opened], ids=["given away", "open"]
)
def test_no_command_of_the_demo_does_what_others_wrote_down(
    prepared: Path,
    victim: subprocess.Popen[bytes],
    capsys: pytest.CaptureFixture[str],
    how: Callable[[Path], Path],
    command: str,
) -> None:
    folder = how(prepared)
    assert run(["demo", *COMMANDS[command], "--state", str(folder)]) == DENIED
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert str(folder) in said.err
    assert victim.poll() is None
    assert not (prepared.parent / "executed").exists()
    assert Paths(prepared).marker.exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_usual_folder_is_not_found_through_a_link(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """With --state the link is the user's own; the usual name is known to everybody."""
    usual = prepared.parent / f"fedmesh-demo-{os.getuid()}"
    usual.symlink_to(prepared)
    monkeypatch.setattr("tempfile.tempdir", str(usual.parent))
    assert run(["demo", *COMMANDS[command]]) == DENIED


def test_what_is_ours_alone_or_not_there_is_fine(tmp_path: Path) -> None:
    check_ours(tmp_path / "none")
    check_ours(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Denied, match="is not a folder"):
        check_ours(tmp_path / "file")
