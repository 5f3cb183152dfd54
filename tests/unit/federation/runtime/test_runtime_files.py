"""Files are whole or not there, and private ones are private."""

import os
import socket
import stat
from errno import ENOSPC
from pathlib import Path

import pytest

from federation.runtime.files import (
    exclusive,
    forget_private,
    overwrite_private,
    private_folder,
    read_if_there,
    remove_unfinished,
    set_socket_mode,
    write_atomic,
    write_inside,
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


def test_a_link_in_place_of_a_file_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"not yours")
    (tmp_path / "f").symlink_to("other")
    write_atomic(tmp_path / "f", b"new")
    assert not (tmp_path / "f").is_symlink()
    assert (tmp_path / "other").read_bytes() == b"not yours"


def test_nobody_can_lay_a_link_where_a_file_is_written_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever guesses the name gains an error: the file is made anew, never opened."""
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    for guess in (".f.guessed.tmp", f".f.{os.getpid()}.tmp"):
        (tmp_path / guess).symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        write_atomic(tmp_path / "f", b"new")
    monkeypatch.undo()
    write_atomic(tmp_path / "f", b"new")
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("link", ["inner", "inner/f"])
def test_a_write_into_a_folder_of_others_stays_in_it(tmp_path: Path, link: str) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "f").write_bytes(b"not yours")
    folder = tmp_path / "shared"
    (folder / link).parent.mkdir(parents=True)
    at = folder / link
    at.symlink_to(tmp_path / "victim" / ("" if link == "inner" else "f"))
    if link == "inner":
        with pytest.raises(NotADirectoryError):
            write_inside(folder, "inner", "f", b"new")
    else:
        write_inside(folder, "inner", "f", b"new")
        assert at.read_bytes() == b"new"
    assert [f.read_bytes() for f in (tmp_path / "victim").iterdir()] == [b"not yours"]


def test_what_was_half_written_when_its_process_was_killed_is_removed(tmp_path: Path) -> None:
    for name in (".f.0123456789abcdef.tmp", "f", ".f.tmp", ".lock"):
        (tmp_path / name).write_bytes(b"")
    remove_unfinished(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == [".f.tmp", ".lock", "f"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_no_private_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(PermissionError, match=r"another user \(uid 12345\)"):
        private_folder(tmp_path)


def test_a_lock_is_not_taken_through_a_link(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"), exclusive(tmp_path):
        pass
    assert not (tmp_path / "victim").exists()


def test_only_a_socket_gets_the_mode_of_a_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
    set_socket_mode(tmp_path / "s", 0o660)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o660
    (tmp_path / "victim").write_bytes(b"")
    (tmp_path / "victim").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    for other in ("link", "victim"):
        with pytest.raises(PermissionError, match="not a socket"):
            set_socket_mode(tmp_path / other, 0o660)
    assert stat.S_IMODE((tmp_path / "victim").stat().st_mode) == 0o600


def test_a_secret_that_is_forgotten_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "key"
    forget_private(file)
    file.write_bytes(b"the old secret")
    with file.open("rb") as before:
        forget_private(file)
        assert before.read() == bytes(len(b"the old secret"))
    assert list(tmp_path.iterdir()) == []


def test_an_error_names_the_file_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path}/key'"):
        write_private(tmp_path / "key", b"k")
    assert list(tmp_path.iterdir()) == []
