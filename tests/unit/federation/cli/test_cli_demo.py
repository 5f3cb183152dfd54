"""A command uses the demo that runs; only one of its own it takes down."""

import sys
from pathlib import Path

import pytest

from federation.cli import demo
from federation.cli.commands import run_failover
from federation.cli.io import IO
from federation.demo.layout import Layout, plan_layout
from federation.model.errors import InvalidInput

WANTED = plan_layout("127.30")
QUIET = IO(sys.stdout, sys.stderr, is_terminal=False)


class FakeMesh:
    """Notes what was asked of it."""

    def __init__(self, *, runs: bool) -> None:
        self.runs = runs
        self.done: list[str] = []

    def is_running(self, _: Path) -> bool:
        return self.runs

    def up(self, _: Path, layout: Layout, __: object) -> float:
        self.done.append(f"up {layout.network}")
        return 1.0

    def down(self, _: Path) -> bool:
        self.done.append("down")
        return True


def test_a_demo_of_its_own_is_started_and_taken_down_also_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mesh = FakeMesh(runs=False)
    monkeypatch.setattr(demo, "mesh", mesh)
    with pytest.raises(ZeroDivisionError), demo.running(tmp_path, WANTED, QUIET) as layout:
        _ = 1 / (layout != WANTED)
    assert mesh.done == ["up 127.30", "down"]


def test_a_demo_that_runs_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mesh = FakeMesh(runs=True)
    there = plan_layout("127.40", 2)
    monkeypatch.setattr(demo, "mesh", mesh)
    monkeypatch.setattr(demo, "read_layout", lambda _: there)
    with demo.running(tmp_path, WANTED, QUIET) as layout:
        assert layout == there
    assert mesh.done == []


def test_a_report_is_written_into_no_link_and_no_device(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    for path in (tmp_path / "link", Path("/dev/null"), tmp_path / "none" / "f"):
        with pytest.raises(InvalidInput, match="--report is"):
            run_failover._check_writable(path)
    run_failover._check_writable(tmp_path / "new.json")
    assert [f.name for f in tmp_path.iterdir()] == ["link"]
