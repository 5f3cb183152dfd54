"""Only what a watch names is looked at, unless that may not be enough."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from cluster_agent.source import looking
from cluster_agent.source.files import Scan, Stamp, scan
from cluster_agent.source.looking import Looking


class World:
    """A folder that was looked at, with all that was found read; counts looks at the whole."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.whole = 0
        self.stamps: dict[str, Stamp] = {}
        monkeypatch.setattr(looking, "scan", self._scan)
        (path / "sub").mkdir()
        for name in ("a.yaml", "b.yaml", "sub/c.yaml"):
            (path / name).write_text("x: 1")
        self.looking = Looking(path)
        self.look(None)
        self.stamps = {name: found.stamp for name, found in self.looking.fresh.items()}
        self.look(None)
        self.whole = 0

    def _scan(self, path: Path) -> Scan:
        self.whole += 1
        return scan(path)

    def look(self, only: Iterable[str] | None) -> tuple[set[str], set[str]]:
        self.looking.take(self.looking.look(self.stamps, only))
        return set(self.looking.fresh), self.looking.missing


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_changed_and_missing_files_are_found_by_their_names_alone(world: World) -> None:
    (world.path / "a.yaml").write_text("x: 22")
    (world.path / "sub" / "c.yaml").unlink()
    assert world.look(["a.yaml", "sub/c.yaml", "b.yaml"]) == ({"a.yaml"}, {"sub/c.yaml"})
    assert world.look([]) == ({"a.yaml"}, {"sub/c.yaml"}), "until they are read"
    assert world.whole == 0


def test_what_no_file_of_ours_is_called_is_not_looked_at(world: World) -> None:
    names = [".a.yaml.new", ".fedmesh/status.yaml", "notes.txt", "sub/notes.txt", "sub/deep/a.yaml"]
    assert world.look(names) == (set(), set())
    assert world.whole == 0
    assert not any(map(world.looking.wakes, names))


def test_what_names_do_not_tell_is_seen_by_a_look_at_the_whole(world: World) -> None:
    (world.path / "new.yaml").write_text("x: 1")
    assert world.look(["new.yaml"])[0] == {"new.yaml"}
    (world.path / "other").mkdir()
    (world.path / "other" / "d.yaml").write_text("x: 1")
    assert world.look(["other"])[0] == {"new.yaml", "other/d.yaml"}
    (world.path / "sub").rename(world.path / ".sub")
    assert world.look(["sub"])[1] == {"sub/c.yaml"}
    assert world.whole == 3


@pytest.mark.parametrize("target", ["/etc/hostname", "a.yaml"])
def test_a_file_that_became_a_link_is_followed_with_care(world: World, target: str) -> None:
    (world.path / "b.yaml").unlink()
    (world.path / "b.yaml").symlink_to(target)
    fresh, missing = world.look(["b.yaml"])
    assert world.whole == 1
    assert (fresh, missing) == (({"b.yaml"}, set()) if target == "a.yaml" else (set(), {"b.yaml"}))


def test_what_a_link_leads_to_may_change_under_another_name(world: World) -> None:
    (world.path / ".v1").mkdir()
    (world.path / ".v1" / "d.yaml").write_text("x: 1")
    (world.path / ".now").symlink_to(".v1")
    (world.path / "d.yaml").symlink_to(".now/d.yaml")
    world.look(["d.yaml"])
    world.stamps["d.yaml"] = world.looking.fresh["d.yaml"].stamp
    world.look([])
    (world.path / ".v1" / "d.yaml").write_text("x: 22")
    assert world.looking.wakes(".v1/d.yaml")
    assert world.look([".v1/d.yaml"]) == ({"d.yaml"}, set())


def test_another_folder_in_its_place_is_looked_at_as_a_whole(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world.path.rename(tmp_path_factory.mktemp("away") / "source")
    world.path.mkdir()
    (world.path / "a.yaml").write_text("x: 1")
    before = world.looking.seen.which
    assert world.look(["a.yaml"]) == ({"a.yaml"}, {"b.yaml", "sub/c.yaml"})
    assert (world.whole, world.looking.seen.which != before) == (1, True)


def test_an_entry_that_cannot_be_read_may_hide_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.looking.seen.unreadable["sub/"] = "Permission denied"
    world.look(["a.yaml"])
    assert world.whole == 1
    monkeypatch.setattr(Path, "lstat", lambda _: (_ for _ in ()).throw(PermissionError()))
    world.look(["a.yaml"])
    assert world.whole == 2
