"""Lines are on the disk and stay as they are; what a death left half done is cut off."""

import errno
import os
from pathlib import Path

import pytest

from federation.controller.audit_chain import Line, sealed_line, text_of, verify_lines
from federation.controller.audit_file import AuditFile, segments, verify_texts
from federation.model.errors import Failed


class Chain:
    """Makes lines that follow each other."""

    def __init__(self) -> None:
        self.number, self.hash = 0, ""

    def lines(self, count: int) -> list[Line]:
        made = []
        for _ in range(count):
            self.number += 1
            made.append(sealed_line({"what": f"act {self.number}"}, self.number, self.hash))
            self.hash = made[-1]["hash"]
        return made


async def filled(folder: Path, count: int, segment_bytes: int = 500) -> tuple[AuditFile, Chain]:
    file, chain = AuditFile(folder, segment_bytes, 4), Chain()
    await file.load(10)
    for _ in range(count):
        await file.append(chain.lines(1))
    return file, chain


def numbers(lines: tuple[Line, ...]) -> list[int]:
    return [line["number"] for line in lines]


async def test_segments_follow_each_other_and_the_chain_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    await filled(folder, 7)
    assert len(segments(folder)) > 2
    assert {f.stat().st_mode & 0o777 for f in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    verdict = verify_lines(verify_texts(folder))
    assert (verdict.first, verdict.last, verdict.broken) == (1, 7, "")


async def test_only_so_many_segments_are_kept_and_the_chain_says_where_it_begins(
    tmp_path: Path,
) -> None:
    await filled(tmp_path / "audit", 30)
    assert len(segments(tmp_path / "audit")) == 4
    verdict = verify_lines(verify_texts(tmp_path / "audit"))
    assert verdict.first == int(segments(tmp_path / "audit")[0].stem) > 1
    assert (verdict.last, verdict.broken) == (30, "")


async def test_lines_are_found_by_number_across_segments(tmp_path: Path) -> None:
    file, _ = await filled(tmp_path / "audit", 9)
    assert numbers(await file.select(0, 0, 4)) == [6, 7, 8, 9]
    assert numbers(await file.select(0, 4, 2)) == [2, 3]
    assert numbers(await file.select(2, 0, 5)) == [3, 4, 5, 6, 7]
    assert numbers(await file.select(2, 5, 5)) == [3, 4]
    assert numbers(await file.select(9, 0, 5)) == []
    for after in range(1, 9):
        assert numbers(await file.select(after, 0, 1)) == [after + 1]


async def test_wherever_a_write_was_cut_off_all_that_was_acknowledged_is_there(
    tmp_path: Path,
) -> None:
    """`kill -9` in the middle of the write of the fourth line."""
    _, chain = await filled(tmp_path / "audit", 3, 10_000)
    (path,) = segments(tmp_path / "audit")
    whole, (next_line,) = path.read_bytes(), chain.lines(1)
    text = text_of(next_line)
    for cut in range(len(text)):
        path.write_bytes(whole + text[:cut])
        file = AuditFile(tmp_path / "audit", 10_000)
        loaded = await file.load(10)
        assert (numbers(loaded.lines), loaded.last, loaded.broken) == ([1, 2, 3], 3, "")
        assert path.read_bytes() == whole
        await file.append([next_line])
        assert not verify_lines(verify_texts(tmp_path / "audit")).broken


async def test_a_segment_that_was_only_begun_is_begun_again(tmp_path: Path) -> None:
    _, chain = await filled(tmp_path / "audit", 3, 10_000)
    (tmp_path / "audit" / "000000000004.jsonl").write_bytes(b'{"number":4,"wh')
    file = AuditFile(tmp_path / "audit", 10_000)
    assert (await file.load(10)).last == 3
    await file.append(chain.lines(1))
    assert verify_lines(verify_texts(tmp_path / "audit")).last == 4
    assert len(segments(tmp_path / "audit")) == 1


async def test_what_a_full_disk_left_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, chain = await filled(tmp_path / "audit", 2, 10_000)
    write, lines = os.pwrite, chain.lines(3)

    def half(handle: int, data: bytes, offset: int) -> int:
        write(handle, data[: len(data) // 2], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", half)
        with pytest.raises(OSError, match="No space left"):
            await file.append(lines)
    await file.append(lines)
    verdict = verify_lines(verify_texts(tmp_path / "audit"))
    assert (verdict.last, verdict.broken) == (5, "")


async def test_what_was_changed_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    _, chain = await filled(tmp_path / "audit", 4, 10_000)
    (path,) = segments(tmp_path / "audit")
    changed = path.read_bytes().replace(b"act 2", b"act X")
    path.write_bytes(changed)
    file = AuditFile(tmp_path / "audit", 10_000)
    loaded = await file.load(10)
    assert loaded.broken.startswith("000000000001.jsonl, line 2 (entry 2) is not what was written")
    assert loaded.last == 4
    await file.append(chain.lines(1))
    assert path.read_bytes() == changed
    assert verify_lines(verify_texts(tmp_path / "audit")).broken == loaded.broken


async def test_no_number_is_used_twice_whatever_is_in_the_last_segment(tmp_path: Path) -> None:
    await filled(tmp_path / "audit", 3, 10_000)
    rubbish = tmp_path / "audit" / "000000000009.jsonl"
    rubbish.write_bytes(b"rubbish\n")
    file = AuditFile(tmp_path / "audit", 10_000)
    loaded = await file.load(10)
    assert loaded.last == 8
    await file.append([sealed_line({"what": "next"}, 10, "")])
    assert rubbish.read_bytes() == b"rubbish\n"


async def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file")
    with pytest.raises(Failed, match=r"audit log .*audit: File exists"):
        await AuditFile(tmp_path / "audit").load(10)
