"""A journal has what was written as a whole, whatever became of the process that wrote it."""

import errno
import os
from pathlib import Path

import pytest

from federation.runtime.journal import FLOOR_BYTES, DamagedError, Journal


def journal(folder: Path, *records: bytes) -> Journal:
    found = Journal(folder / "f")
    found.replace(records)
    return found


def test_records_come_back_in_their_order(tmp_path: Path) -> None:
    kept = journal(tmp_path, b"whole", b"")
    assert kept.add([b"a", b"b"])
    again = Journal(kept.path)
    assert again.read() == [b"whole", b"", b"a", b"b"]
    assert again.add([b"c"])
    assert Journal(kept.path).read()[-1] == b"c"


def test_a_file_that_is_not_there_has_no_records_and_wants_a_whole_state(tmp_path: Path) -> None:
    kept = Journal(tmp_path / "f")
    assert (kept.read(), kept.has_room(0), kept.add([b"a"])) == ([], False, False)
    assert not kept.path.exists()


def test_only_its_owner_may_read_it_also_when_it_grows(tmp_path: Path) -> None:
    kept = journal(tmp_path, b"whole")
    kept.add([b"a"])
    assert kept.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept_bytes", [0, 1, 7, 8, 9, 13])
def test_whatever_is_left_of_a_record_it_is_not_there(tmp_path: Path, kept_bytes: int) -> None:
    kept = journal(tmp_path, b"whole")
    end = kept.path.stat().st_size
    kept.add([b"123456"])
    kept.path.write_bytes(kept.path.read_bytes()[: end + kept_bytes])
    again = Journal(kept.path)
    assert again.read() == [b"whole"]
    if kept_bytes:
        assert not again.add([b"next"]), "nothing is written behind half a record"
        again.replace([b"whole", b"next"])
    else:
        assert again.add([b"next"])
    assert Journal(kept.path).read() == [b"whole", b"next"]


def test_a_record_of_other_bytes_than_were_written_ends_what_is_read(tmp_path: Path) -> None:
    kept = journal(tmp_path, b"whole")
    kept.add([b"one", b"two", b"three"])
    kept.path.write_bytes(kept.path.read_bytes().replace(b"two", b"owt"))
    assert Journal(kept.path).read() == [b"whole", b"one"]


@pytest.mark.parametrize("left", [0, 5, 20, 35])
def test_without_a_whole_state_there_is_nothing(tmp_path: Path, left: int) -> None:
    kept = journal(tmp_path, b"first", b"second")
    kept.path.write_bytes(kept.path.read_bytes()[:left])
    with pytest.raises(DamagedError):
        Journal(kept.path).read()


def test_changes_take_no_more_room_than_a_whole_state(tmp_path: Path) -> None:
    kept = journal(tmp_path, b"w" * 2 * FLOOR_BYTES)
    whole = kept.path.stat().st_size
    while kept.add([b"x" * 1000]):
        assert kept.path.stat().st_size <= 2 * whole
    assert kept.path.stat().st_size > 2 * whole - 1100
    kept.replace([b"small"])
    while kept.add([b"x" * 1000]):
        pass
    assert FLOOR_BYTES - 1100 < kept.path.stat().st_size < FLOOR_BYTES + 100


def test_a_file_that_somebody_changed_is_written_anew(tmp_path: Path) -> None:
    kept = journal(tmp_path, b"whole")
    with kept.path.open("ab") as file:
        file.write(b"?")
    assert not kept.add([b"a"])
    kept.replace([b"whole", b"a"])
    kept.path.unlink()
    assert not kept.add([b"b"])
    kept.replace([b"whole", b"a", b"b"])
    assert Journal(kept.path).read() == [b"whole", b"a", b"b"]


def test_no_link_in_its_place_is_followed(tmp_path: Path) -> None:
    kept = journal(tmp_path, b"whole")
    other = tmp_path / "other"
    kept.path.rename(other)
    kept.path.symlink_to(other)
    before = other.read_bytes()
    assert not kept.add([b"a"]), "the next write is a whole state"
    kept.replace([b"new"])
    assert (other.read_bytes(), kept.path.is_symlink()) == (before, False)


def test_a_full_disk_leaves_what_was_there_and_the_rest_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = journal(tmp_path, b"whole")
    room = [3]
    pwrite = os.pwrite

    def small(handle: int, data: memoryview, at: int) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        size, room[0] = min(room[0], len(data)), 0
        return pwrite(handle, data[:size], at)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", small)
        with pytest.raises(OSError, match="No space"):
            kept.add([b"abcdef"])
        assert Journal(kept.path).read() == [b"whole"]
    assert kept.add([b"abcdef"])
    assert Journal(kept.path).read() == [b"whole", b"abcdef"]
