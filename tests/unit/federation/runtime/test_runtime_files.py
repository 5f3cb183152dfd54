"""Files are whole or not there, and private ones are private."""

from pathlib import Path

import pytest

from federation.runtime.files import (
    exclusive,
    overwrite_private,
    private_folder,
    read_if_there,
    write_atomic,
    write_private,
)


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "f"
    write_atomic(file, b"old and long")
    write_atomic(file, b"new")
    assert file.read_bytes() == b"new"
    assert [f.name for f in tmp_path.iterdir()] == ["f"]


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        write_atomic(folder, b"new")
    assert [f.name for f in tmp_path.iterdir()] == ["f"]


def test_only_its_owner_may_read_a_private_file_even_when_it_was_open_before(
    tmp_path: Path,
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"old")
    file.chmod(0o644)
    write_private(file, b"secret")
    assert file.stat().st_mode & 0o777 == 0o600


def test_only_its_owner_may_enter_a_private_folder_even_when_it_was_open_before(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True, mode=0o755)
    assert private_folder(folder) == folder
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_not_there_is_none_and_an_unreadable_one_an_error(tmp_path: Path) -> None:
    assert read_if_there(tmp_path / "f") is None
    with pytest.raises(IsADirectoryError):
        read_if_there(tmp_path)


def test_a_folder_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    with exclusive(tmp_path), pytest.raises(BlockingIOError), exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass


def test_what_was_in_an_overwritten_file_is_nowhere_any_more(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"the old secret")
    with file.open("rb") as before:
        overwrite_private(file, b"new")
        assert before.read() == bytes(len(b"the old secret"))
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [f.name for f in tmp_path.iterdir()] == ["key"]
    with pytest.raises(FileNotFoundError):
        overwrite_private(tmp_path / "none", b"new")
