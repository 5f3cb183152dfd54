"""What a process keeps on disk beside its memory: written at once, or as soon as that is possible.

For state that is used whether it is written or not. What must be on disk before it is used is
written by `federation.runtime.files`, and whoever does that waits until it can be. What is large is
written beside the loop (`Disk.keep_behind`).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from federation.runtime.files import write_atomic
from federation.runtime.loops import Loop, reason_of


@dataclass(frozen=True, slots=True)
class File:
    """What a file is to hold; `durable`: it counts only once it is on the disk."""

    path: Path
    data: bytes
    mode: int = 0o600
    durable: bool = False


Make = Callable[[], tuple[File, ...]]
Job = Callable[[], Awaitable[None]]
"""Writes what is not on the disk yet, whatever that is by then; raises OSError."""


def write_together(files: tuple[File, ...]) -> None:
    """Replace files; raises OSError, leaving all old ones when there is no room for a new one."""
    if len(files) == 1:
        write_atomic(files[0].path, files[0].data, mode=files[0].mode, durable=files[0].durable)
        return
    made = [file.path.with_name(f".{file.path.name}.new") for file in files]
    try:
        for beside, file in zip(made, files, strict=True):
            write_atomic(beside, file.data, mode=file.mode, durable=file.durable)
        for beside, file in zip(made, files, strict=True):
            beside.replace(file.path)
    except BaseException:
        for beside in made:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
        raise


class Disk:
    """The files of one process; `loop` writes later what could not be written."""

    def __init__(self, write: Callable[[tuple[File, ...]], None] = write_together) -> None:
        self._write = write
        self._waiting: dict[Path, tuple[Job, OSError]] = {}
        self._wake = asyncio.Event()
        self.loop = Loop("disk", self.turn, says="state cannot be written")

    def keep(self, *files: File) -> None:
        """Write files as one: all are replaced, or none."""
        self.keep_made(files[0].path, lambda: files)

    def keep_made(self, path: Path, make: Make) -> None:
        """The same with files that are made when they are written, `path` among them.

        While they cannot be written they are not held a second time.
        """

        async def again() -> None:
            self._write(make())

        try:
            self._write(make())
        except OSError as error:
            self._wait(path, again, error)
        else:
            self._waiting.pop(path, None)

    async def keep_behind(self, path: Path, job: Job) -> None:
        """Have a job write `path`, which may take its time; tried again when it could not."""
        try:
            await job()
        except OSError as error:
            self._wait(path, job, error)
        else:
            self._waiting.pop(path, None)

    def _wait(self, path: Path, job: Job, error: OSError) -> None:
        self._waiting[path] = (job, error)
        self._wake.set()

    def forget(self, path: Path) -> None:
        """Do not write what still waits to be written there."""
        self._waiting.pop(path, None)

    def waits(self, path: Path) -> str:
        """Why what was kept at `path` is not on the disk; empty when it is."""
        return reason_of(self._waiting[path][1]) if path in self._waiting else ""

    async def turn(self) -> None:
        """Wait until something could not be written, and write it; raises OSError."""
        await self._wake.wait()
        for path, waiting in tuple(self._waiting.items()):
            if self._waiting.get(path) is waiting:
                await self._try(path, waiting)
        for _, error in self._waiting.values():
            raise error
        self._wake.clear()

    async def _try(self, path: Path, waiting: tuple[Job, OSError]) -> None:
        """Write what waits; meanwhile something newer may be written, or this be forgotten."""
        job, after = waiting[0], None
        try:
            await job()
        except OSError as error:
            after = error
        if self._waiting.get(path) is not waiting:
            return
        if after is None:
            del self._waiting[path]
        else:
            self._waiting[path] = (job, after)
