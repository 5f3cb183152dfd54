"""What cannot be written is used, said, and written as soon as there is room."""

import asyncio
import errno
from pathlib import Path

import pytest

from federation.runtime.disk import Disk, File, write_together
from federation.runtime.loops import LONGEST_PAUSE, running


class SmallDisk:
    """A disk that has no room for a while."""

    def __init__(self) -> None:
        self.is_full = True
        self.tried = 0

    def write(self, files: tuple[File, ...]) -> None:
        self.tried += 1
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device", str(files[0].path))
        write_together(files)


@pytest.mark.looptime
async def test_the_last_state_is_written_when_there_is_room_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small = SmallDisk()
    disk = Disk(small.write)
    file = tmp_path / "state.json"
    async with running([disk.loop]):
        disk.keep(File(file, b"1"))
        disk.keep(File(file, b"2"))
        disk.keep(File(tmp_path / "other", b"3"))
        assert disk.waits(file) == f"No space left on device: {file}"
        await asyncio.sleep(60)
        assert disk.loop.trouble == f"No space left on device: {file}"
        assert caplog.text.count("state cannot be written") == 1
        small.is_full = False
        await asyncio.sleep(LONGEST_PAUSE)
        assert file.read_bytes() == b"2"
        assert file.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "other").read_bytes() == b"3"
        assert (disk.waits(file), disk.loop.trouble) == ("", "")
        tried = small.tried
        await asyncio.sleep(60)
        assert small.tried == tried, "nothing waits any more"


@pytest.mark.looptime
async def test_what_was_forgotten_or_written_meanwhile_is_not_written_again(
    tmp_path: Path,
) -> None:
    small = SmallDisk()
    disk = Disk(small.write)
    gone, newer = tmp_path / "gone", tmp_path / "newer"
    disk.keep(File(gone, b"1"))
    disk.keep(File(newer, b"1"))
    disk.forget(gone)
    small.is_full = False
    disk.keep(File(newer, b"2"))
    async with running([disk.loop]):
        await asyncio.sleep(60)
    assert not gone.exists()
    assert newer.read_bytes() == b"2"


@pytest.mark.looptime
async def test_a_file_is_made_of_what_is_true_when_it_is_written(tmp_path: Path) -> None:
    small, file = SmallDisk(), tmp_path / "state"
    disk = Disk(small.write)
    held = [b"old"]
    disk.keep_made(file, lambda: (File(file, held[0]),))
    held[0] = b"new"
    small.is_full = False
    async with running([disk.loop]):
        await asyncio.sleep(1)
    assert file.read_bytes() == b"new"


@pytest.mark.looptime
async def test_what_is_written_beside_the_loop_is_tried_again_until_it_is_written(
    tmp_path: Path,
) -> None:
    disk, file = Disk(), tmp_path / "state"
    fails, tried = [True], []

    async def job() -> None:
        tried.append(fails[0])
        await asyncio.sleep(0.1)
        if fails[0]:
            raise OSError(errno.ENOSPC, "No space left on device", str(file))

    async with running([disk.loop]):
        await disk.keep_behind(file, job)
        await asyncio.sleep(20)
        assert disk.loop.trouble == disk.waits(file) == f"No space left on device: {file}"
        fails[0] = False
        await asyncio.sleep(LONGEST_PAUSE + 1)
        assert (disk.loop.trouble, disk.waits(file)) == ("", "")
        assert tried[-1] is False
        count = len(tried)
        await asyncio.sleep(20)
        assert len(tried) == count, "nothing waits any more"


@pytest.mark.looptime
async def test_what_is_newer_is_not_lost_while_something_older_is_tried(tmp_path: Path) -> None:
    disk, file = Disk(), tmp_path / "state"

    async def never() -> None:
        await asyncio.sleep(1)
        raise OSError(errno.ENOSPC, "No space left on device", str(file))

    async with running([disk.loop]):
        await disk.keep_behind(file, never)
        await asyncio.sleep(0.5)
        disk.keep(File(file, b"new"))
        assert disk.waits(file) == ""
        await asyncio.sleep(20)
    assert (disk.waits(file), file.read_bytes()) == ("", b"new")


def test_files_that_belong_together_are_all_old_or_all_new(tmp_path: Path) -> None:
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    write_together((File(key, b"1"), File(chain, b"1", mode=0o644)))
    (tmp_path / ".chain.pem.new").mkdir()  # in the way of the second
    with pytest.raises(OSError, match=r"chain\.pem"):
        write_together((File(key, b"2"), File(chain, b"2")))
    assert (key.read_bytes(), chain.read_bytes()) == (b"1", b"1")
    assert chain.stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / ".key.pem.new").exists()
