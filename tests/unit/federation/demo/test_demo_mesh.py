"""The demo is taken down and started again truthfully, whatever became of its folder."""

import shutil
import sys
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path

import pytest

from federation.demo import configs, mesh
from federation.demo.layout import members, plan_layout
from federation.demo.processes import ProcessTable, kill_now, marked
from federation.demo.topology import marker_text
from federation.model.errors import Failed

WAIT = (sys.executable, "-S", "-c", "import signal; signal.pause()")
LAYOUT = plan_layout("127.77", 1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "demo"
    for name in ("", "logs", "state"):
        (folder / name).mkdir(mode=0o700)
    (folder / ".fedmesh-demo").write_text(marker_text(LAYOUT))
    yield folder
    kill_now(marked(folder))


def test_where_no_demo_was_there_is_nothing_to_take_down(tmp_path: Path) -> None:
    assert not mesh.down(tmp_path / "demo")


def test_a_demo_is_taken_down_with_its_folder(state: Path) -> None:
    process = ProcessTable(state).start("controller", WAIT, state / "logs" / "c.log")
    assert mesh.down(state)
    assert (process.alive, state.exists()) == (False, False)


def test_processes_whose_folder_somebody_removed_are_found_and_no_others(
    state: Path, tmp_path: Path
) -> None:
    process = ProcessTable(state).start("controller", WAIT, state / "logs" / "c.log")
    other = ProcessTable(tmp_path).start("other", WAIT, tmp_path / "other.log")
    shutil.rmtree(state)
    assert mesh.down(state)
    assert (process.alive, other.alive) == (False, True)
    assert not mesh.down(state)
    kill_now([other.pid])


def test_what_was_started_on_a_full_disk_is_said_to_run(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record was written before the disk was full; `topology.json` is not."""
    (controller,) = (m for m in members(LAYOUT) if m.name == "controller")
    table = ProcessTable(state)
    dead = table.start(controller.name, WAIT, configs.Paths(state).log("controller"))
    kill_now([dead.pid])

    def full(_: Path) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(mesh, "refresh", full)
    with pytest.raises(Failed, match=r"started controller, but .*topology.json cannot be written"):
        mesh.start_again(state, [controller])
    assert [process.alive for process in table.load()] == [True]
