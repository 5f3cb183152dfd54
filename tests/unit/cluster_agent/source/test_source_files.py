"""What counts in a folder, and what of it cannot be read."""

import os
from errno import EIO
from pathlib import Path

import pytest

from cluster_agent.source.files import Scan, read_text, scan, which_folder


def test_a_link_that_was_put_in_place_of_a_file_after_the_look_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "a.yaml").symlink_to(tmp_path / "secret")
    (folder / "b.yaml").write_text("b: 1")
    (folder / "c.yaml").symlink_to("b.yaml")
    with pytest.raises(ValueError, match="leads out of the folder"):
        read_text(folder / "a.yaml", folder)
    assert read_text(folder / "c.yaml", folder) == "b: 1"
    os.mkfifo(folder / "d.yaml")
    assert read_text(folder / "d.yaml", folder) == ""


def test_links_to_themselves_are_named_and_links_to_nothing_are_passed_over(
    tmp_path: Path,
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "good.yaml").write_text("")
    (tmp_path / "sub" / "good.yaml").write_text("")
    for name in ("self.yaml", "self.txt", "sub/self.yml"):
        (tmp_path / name).symlink_to(Path(name).name)
    (tmp_path / "one.yaml").symlink_to("two.yaml")
    (tmp_path / "two.yaml").symlink_to("one.yaml")
    (tmp_path / "nowhere.yaml").symlink_to("missing.yaml")
    found = scan(tmp_path)
    assert set(found.files) == {"good.yaml", "sub/good.yaml"}
    loop = "it is a link that leads to itself"
    assert found.unreadable == dict.fromkeys(
        ("self.yaml", "one.yaml", "two.yaml", "sub/self.yml"), loop
    )


def test_links_to_folders_that_are_read_already_are_named_and_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    (folder / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for place in ("source", "source/sub", "source/sub/deep", "outside"):
        (tmp_path / place / "a.yaml").write_text("")
    links = {"me": ".", "alias": "sub", "up": "..", "root": "/", "deep": "sub/deep", "zone": "deep"}
    for name, target in (links | {"out": "../outside"}).items():
        (folder / name).symlink_to(target)
    found = scan(folder)
    assert set(found.files) == {"a.yaml", "sub/a.yaml", "deep/a.yaml"}
    above = "it is a link to a folder that holds this one"
    assert found.again == {
        "me/": "it is the folder itself",
        "alias/": "it is the same folder as sub/",
        "zone/": "it is the same folder as deep/",
        "up/": above,
        "root/": above,
    }
    assert found.unreadable == {}
    assert not found.hides("me/a.yaml"), "what it had is known to be elsewhere"


def test_a_file_that_went_since_the_look_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert read_text(tmp_path / "b.yaml", tmp_path) is None
    assert read_text(tmp_path / "a" / "b.yaml", tmp_path) is None


def test_what_says_something_of_the_machine_is_no_fault_of_an_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    scandir = os.scandir

    def fail(path: str) -> object:
        if str(path).endswith("sub"):
            raise OSError(EIO, "Input/output error")
        return scandir(path)

    monkeypatch.setattr("os.scandir", fail)
    with pytest.raises(OSError, match="Input/output"):
        scan(tmp_path)


def test_what_may_lie_in_a_folder_that_cannot_be_read_is_hidden() -> None:
    found = Scan((0, 0), unreadable={"sub/": "no", "b.yaml": "no"})
    hidden = [
        n for n in ("sub/a.yaml", "b.yaml", "sub.yaml", "a.yaml", "c/b.yaml") if found.hides(n)
    ]
    assert hidden == ["sub/a.yaml", "b.yaml"]


def test_another_folder_in_the_same_place_is_another_one(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    assert which_folder(folder) is None
    folder.mkdir()
    before = which_folder(folder)
    assert before == scan(folder).which
    folder.rename(tmp_path / "away")
    folder.mkdir()
    assert which_folder(folder) not in (None, before)
