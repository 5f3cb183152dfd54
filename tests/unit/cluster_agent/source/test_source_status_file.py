"""What has become of exports is in a file of the folder, and costs what is news."""

import threading
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster_agent.source import status_file
from cluster_agent.source.directory import DirectorySource
from cluster_agent.source.objects import Condition, Problem
from cluster_agent.source.status import Target
from cluster_agent.source.status_file import StatusFile
from federation.api.parse import MCS_GROUP

WELL = Condition("Valid", "True", "Valid", "well")
WRONG = Condition("Valid", "False", "NoService", "there is none: 'yes'\n# é")


def target(name: str) -> Target:
    return Target(MCS_GROUP, "ServiceExport", "shop", name)


class World:
    """A folder, its status, and what was written."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.problems: tuple[Problem, ...] = ()
        self.file = folder / ".fedmesh" / "status.yaml"
        self.status = StatusFile(folder, lambda: self.problems)
        self.dumped = 0
        self.threads: set[int] = set()
        dump = status_file._dumped

        def count(value: object) -> str:
            self.dumped += 1
            self.threads.add(threading.get_ident())
            return dump(value)

        monkeypatch.setattr(status_file, "_dumped", count)

    def read(self) -> Any:
        return yaml.safe_load(self.file.read_text())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def entry(name: str, *conditions: Condition) -> dict[str, object]:
    told = [
        {"type": c.type, "status": c.status, "reason": c.reason, "message": c.message}
        for c in conditions
    ]
    return {"kind": "ServiceExport", "namespace": "shop", "name": name, "conditions": told}


async def test_what_is_told_is_there_in_the_order_of_names(world: World) -> None:
    await world.status.tell({})
    assert world.read() == {"exports": [], "problems": []}
    world.problems = (Problem("a.yaml:1", "it: is wrong"),)
    await world.status.tell({target("web"): (WELL, WRONG), target("api"): (WRONG,)})
    assert world.read() == {
        "exports": [entry("api", WRONG), entry("web", WELL, WRONG)],
        "problems": ["a.yaml:1: it: is wrong"],
    }
    assert world.file.read_text().startswith("# written by the agent; edits are overwritten\n")
    world.problems = ()
    await world.status.tell({target("web"): None})
    assert world.read() == {"exports": [entry("api", WRONG)], "problems": []}


async def test_it_is_written_when_it_changed_and_never_on_the_loop(world: World) -> None:
    await world.status.tell({target("api"): (WELL,)})
    before = world.file.stat()
    await world.status.tell({})
    await world.status.tell({target("api"): (WELL,), target("gone"): None})
    assert world.file.stat().st_ino == before.st_ino
    await world.status.tell({target("api"): (WRONG,)})
    assert world.file.stat().st_ino != before.st_ino
    assert threading.get_ident() not in world.threads


async def test_news_of_one_export_cost_its_part_and_not_the_others(world: World) -> None:
    await world.status.tell({target(f"api-{number}"): (WELL,) for number in range(100)})
    world.dumped = 0
    await world.status.tell({target("api-7"): (WRONG,)})
    assert world.dumped == 2, "its part, and the list of problems"
    assert len(world.read()["exports"]) == 100


async def test_without_room_all_is_told_again_and_a_folder_of_others_is_said_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(status_file, "write_inside", full)
        with pytest.raises(OSError, match="No space"):
            await world.status.tell({target("api"): (WELL,)})
    await world.status.tell({target("api"): (WELL,)})
    assert world.read()["exports"] == [entry("api", WELL)]
    world.file.unlink()
    world.file.parent.rmdir()
    world.file.parent.write_text("a file is in the way")
    for _ in range(2):
        await world.status.tell({target("api"): (WRONG,)})
    assert caplog.text.count("status cannot be written") == 1
    world.file.parent.unlink()
    await world.status.tell({target("api"): (WELL,)})
    assert world.read()["exports"] == [entry("api", WELL)]


async def test_the_status_is_no_part_of_the_source(world: World, tmp_path: Path) -> None:
    await world.status.tell({target("api"): (WELL,)})
    source = DirectorySource(tmp_path)
    await source.turn()
    assert (dict(source.objects), source.problems) == ({}, ())


async def test_whoever_may_write_the_folder_cannot_have_the_agent_write_elsewhere(
    tmp_path: Path,
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / ".fedmesh").symlink_to(victim)
    status = StatusFile(folder, lambda: ())
    await status.tell({target("api"): (WELL,)})
    assert list(victim.iterdir()) == []
    (folder / ".fedmesh").unlink()
    (folder / ".fedmesh").mkdir()
    (folder / ".fedmesh" / "status.yaml").symlink_to(victim / "passwd")
    await status.tell({target("api"): (WRONG,)})
    assert list(victim.iterdir()) == []
    assert "NoService" in (folder / ".fedmesh" / "status.yaml").read_text()
