"""The files of the audit log: lines are appended, on the disk when a call returns, never changed.

In: lines of `federation.controller.audit_chain`. Out: segments `NUMBER.jsonl`, named after their
first line; the chain goes on from one to the next. What a death in the middle of a write left is
half a line, which nobody was told of, and is cut off. Everything here waits for the disk in a
thread.
"""

import asyncio
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from federation.controller.audit_chain import Line, read_line, text_of, verify_lines
from federation.model.errors import Failed, InvalidInput
from federation.runtime.files import private_folder, sync_folder
from federation.runtime.logs import event

log = logging.getLogger(__name__)

SEGMENT_BYTES = 10 * 1024 * 1024
"""A segment that would grow beyond is followed by another one."""
MOST_SEGMENTS = 20
"""How many are kept; beyond that the oldest goes, and the chain begins with the next."""
_NAME = re.compile(r"\d{12}\.jsonl")
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Loaded:
    """The last lines of the log; `last` is the highest number in use, `broken` what is wrong."""

    lines: tuple[Line, ...] = ()
    last: int = 0
    broken: str = ""


class AuditFile:
    """The segments in a folder; one call at a time."""

    def __init__(
        self, folder: Path, segment_bytes: int = SEGMENT_BYTES, most_segments: int = MOST_SEGMENTS
    ) -> None:
        self._folder = folder
        self._most_bytes = segment_bytes
        self._most_segments = most_segments
        self._path: Path | None = None
        self._size = 0

    async def load(self, most: int) -> Loaded:
        """Cut off half a line, and return the last `most` lines; raises Failed."""
        try:
            return await asyncio.to_thread(self._load, most)
        except OSError as error:
            raise Failed(f"audit log {self._folder}: {error.strerror or error}") from error

    async def append(self, lines: Sequence[Line]) -> None:
        """Write lines; raises OSError, and then the same lines must come again."""
        await asyncio.to_thread(self._append, tuple(lines))

    async def select(self, after: int, before: int, most: int) -> tuple[Line, ...]:
        """Lines with numbers between, in their order: the first ones where `after` is not 0, else
        the last ones; `before` 0 is no end. Raises Failed.
        """
        try:
            return await asyncio.to_thread(self._select, after, before, most)
        except OSError as error:
            raise Failed(f"audit log {self._folder}: {error.strerror or error}") from error

    def _load(self, most: int) -> Loaded:
        private_folder(self._folder)
        sync_folder(self._folder.parent)
        found = segments(self._folder)
        while found and not _cut(found[-1]):
            found[-1].unlink()
            found.pop()
        if not found:
            return Loaded()
        self._path, self._size = found[-1], found[-1].stat().st_size
        verdict = verify_lines(_texts(found[-1:]))
        lines = tuple(reversed(list(islice(_backwards(found), most))))
        last = max([int(found[-1].stem) - 1, *(line["number"] for line in lines)])
        if not lines or lines[-1]["number"] < last or verdict.broken:
            self._path = None  # goes on in a segment of its own
        return Loaded(lines, last, verdict.broken)

    def _append(self, lines: tuple[Line, ...]) -> None:
        data = b"".join(map(text_of, lines))
        path, size = self._path, self._size
        if path is None or (size and size + len(data) > self._most_bytes):
            path, size = self._folder / f"{lines[0]['number']:012}.jsonl", 0
        handle = os.open(path, _WRITE, 0o600)
        try:
            os.ftruncate(handle, size)  # what an attempt left that failed
            written = 0
            while written < len(data):
                written += os.pwrite(handle, data[written:], size + written)
            os.fsync(handle)
        finally:
            os.close(handle)
        if path != self._path:
            sync_folder(self._folder)
            for old in segments(self._folder)[: -self._most_segments]:
                old.unlink()
        self._path, self._size = path, size + len(data)

    def _select(self, after: int, before: int, most: int) -> tuple[Line, ...]:
        found = segments(self._folder)
        if after:
            later = [s for n, s in enumerate(found) if _first(found[n + 1 :]) > after + 1]
            lines = (line for line in _forwards(later) if line["number"] > after)
            within = (line for line in lines if not before or line["number"] < before)
            return tuple(islice(within, most))
        earlier = [s for s in found if not before or int(s.stem) < before]
        within = (line for line in _backwards(earlier) if not before or line["number"] < before)
        return tuple(reversed(list(islice(within, most))))


def segments(folder: Path) -> list[Path]:
    """The segments in a folder, the oldest first; none where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _NAME.fullmatch(file.name))


def verify_texts(path: Path) -> Iterator[tuple[str, bytes]]:
    """The lines of a segment, or of all in a folder, with where they stand; raises OSError."""
    return _texts(segments(path) if path.is_dir() else [path])


def _texts(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        with file.open("rb") as opened:
            for number, text in enumerate(opened, start=1):
                yield f"{file.name}, line {number}", text.removesuffix(b"\n")


def _cut(file: Path) -> bool:
    """Cut off what follows the last whole line; False when nothing is left then."""
    with file.open("r+b") as opened:
        data = opened.read()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            log.warning(event("half a line is cut off", file=file, bytes=len(data) - whole))
            opened.truncate(whole)
            opened.flush()
            os.fsync(opened.fileno())
    return whole > 0


def _forwards(files: Sequence[Path]) -> Iterator[Line]:
    for file in files:
        yield from _lines(file)


def _backwards(files: Sequence[Path]) -> Iterator[Line]:
    for file in reversed(files):
        yield from reversed(_lines(file))


def _lines(file: Path) -> list[Line]:
    """The lines of a segment that can be read; the others are told by who verifies."""
    found: list[Line] = []
    for _, text in _texts([file]):
        try:
            found.append(read_line(text))
        except InvalidInput:
            continue
    return found


def _first(files: Sequence[Path]) -> float:
    return int(files[0].stem) if files else float("inf")
