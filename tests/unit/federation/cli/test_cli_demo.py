"""A command uses the demo that runs; only one of its own it takes down."""

import sys
from io import StringIO
from pathlib import Path

import pytest

from federation.cli import demo
from federation.cli.commands import run_failover
from federation.cli.io import IO
from federation.demo.layout import plan_layout
from federation.model.errors import InvalidInput
from tests.unit.fakes.fake_mesh import FakeMesh

WANTED = plan_layout("127.30")
QUIET = IO(sys.stdout, sys.stderr, is_terminal=False)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "d"


def test_a_demo_of_its_own_is_started_and_taken_down(
    monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    mesh = FakeMesh(runs=False)
    monkeypatch.setattr(demo, "mesh", mesh)
    with demo.running(state, WANTED, QUIET) as own:
        assert own.layout == WANTED
    with pytest.raises(KeyboardInterrupt), demo.running(state, WANTED, QUIET):
        raise KeyboardInterrupt
    assert mesh.done == ["up 127.30 d", "down d"] * 2


def test_the_folder_of_one_that_failed_or_broke_a_promise_is_kept_and_named(
    monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    mesh, io = FakeMesh(runs=False), IO(StringIO(), StringIO(), is_terminal=False)
    monkeypatch.setattr(demo, "mesh", mesh)
    with pytest.raises(ZeroDivisionError), demo.running(state, WANTED, io) as own:
        _ = 1 / (own.layout != WANTED)
    with demo.running(state, WANTED, io) as own:
        own.keep = True
    assert mesh.done == ["up 127.30 d", "halt d"] * 2
    said = io.err.getvalue()  # type: ignore[attr-defined]
    assert said.count(f"{state / 'logs'}") == 2
    assert f"fedctl demo down --state {state}" in said


def test_a_demo_that_runs_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    mesh = FakeMesh(runs=True)
    there = plan_layout("127.40", 2)
    monkeypatch.setattr(demo, "mesh", mesh)
    monkeypatch.setattr(demo, "read_layout", lambda _: there)
    with demo.running(state, WANTED, QUIET) as own:
        assert own.layout == there
    assert mesh.done == []


def test_a_report_is_written_into_no_link_and_no_device(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    for path in (tmp_path / "link", Path("/dev/null"), tmp_path / "none" / "f"):
        with pytest.raises(InvalidInput, match="--report is"):
            run_failover._check_writable(path)
    run_failover._check_writable(tmp_path / "new.json")
    assert [f.name for f in tmp_path.iterdir()] == ["link"]
