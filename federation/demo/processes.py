"""Starts, records, finds and stops the demo's processes, and touches no others.

Every process is in a session of its own and is written into `processes.json` at once, with its pid
and start time, so that another fedctl can stop it later, also after a crash. As a second lock,
each one carries the demo's folder in its environment; Envoys inherit it from their supervisors.
"""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from federation.model.errors import Failed
from federation.runtime.files import read_if_there, write_atomic

MARK = "FEDMESH_DEMO_PROCESS"
_STATE_FIELD = 0
_START_FIELD = 19
_LOG_TAIL_LINES = 20
_BACKGROUND = 19
_WISHES = 5
_Known = tuple[int, int | None]
_FRESH_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


@dataclass(frozen=True, slots=True)
class Process:
    """A process as recorded; `started` is its start time in clock ticks since boot."""

    name: str
    command: tuple[str, ...]
    log: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether it still runs (and is not another one under the same pid)."""
        return start_time(self.pid) == self.started


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it is gone or only a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rfind(")") + 2 :].split()
    return None if fields[_STATE_FIELD] in ("Z", "X") else int(fields[_START_FIELD])


class ProcessTable:
    """The processes of the demo in `folder`, as written down there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "processes.json"

    def load(self) -> tuple[Process, ...]:
        """All recorded processes by name, dead ones included; none when nothing is recorded."""
        data = read_if_there(self._file)
        if data is None:
            return ()
        try:
            items = json.loads(data)["processes"]
            return tuple(Process(**{**i, "command": tuple(i["command"])}) for i in items)
        except (ValueError, KeyError, TypeError) as error:
            raise Failed(f"{self._file} is damaged: {error}") from error

    def start(
        self, name: str, command: tuple[str, ...], log: Path, *, background: bool = False
    ) -> Process:
        """Start a process and record it.

        Raises Failed when it cannot be started, or not be recorded: then it does not run.
        """
        others = [p for p in self.load() if p.name != name]
        pid = _spawn(command, log, {**os.environ, MARK: str(self._folder)})
        started = start_time(pid)
        process = Process(name, command, str(log), pid, -1 if started is None else started)
        try:
            self._save([*others, process])
        except OSError as error:
            kill_now([pid])
            raise Failed(
                f"{name} is not started, since it cannot be recorded: {self._file} cannot be "
                f"written ({error.strerror})"
            ) from error
        if background:
            _yield_to_others(pid)
        return process

    def forget(self, name: str) -> None:
        """Strike a process that was stopped for good off the record."""
        self._save(p for p in self.load() if p.name != name)

    def _save(self, processes: Iterable[Process]) -> None:
        items = [asdict(process) for process in sorted(processes, key=lambda p: p.name)]
        data = json.dumps({"format": 1, "processes": items}, indent=1).encode()
        write_atomic(self._file, data, mode=0o600)


def _yield_to_others(pid: int) -> None:
    """Let a process of a session of its own have what others leave of the processor.

    Where Linux shares time among sessions (autogroup), the nice value of a process counts only
    within its session, and the session has one of its own. What the process starts in sessions of
    their own does not inherit that. The kernel takes ten such wishes a second from users.
    """
    for _ in range(_WISHES):
        with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
            if _wish(Path(f"/proc/{pid}/autogroup")):
                return
        pause(0.11)


def _wish(file: Path) -> bool:
    try:
        file.write_text(f"{_BACKGROUND}")
    except BlockingIOError:
        return False
    return True


def _spawn(command: tuple[str, ...], log: Path, environment: dict[str, str]) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        return os.posix_spawn(
            command[0],
            command,
            environment,
            file_actions=files,
            setsid=True,
            setsigdef=_FRESH_SIGNALS,
            setsigmask=(),
        )
    except OSError as error:
        raise Failed(f"cannot start {command[0]}: {error.strerror}") from error


def marked(folder: Path) -> tuple[int, ...]:
    """Pids of all our living processes with this demo's mark: recorded or not, Envoys too."""
    wanted = f"{MARK}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if entry.stat().st_uid != os.geteuid():
                continue
            is_ours = wanted in (entry / "environ").read_bytes().split(b"\0")
            if is_ours and start_time(int(entry.name)) is not None:
                found.append(int(entry.name))
    return tuple(sorted(found))


def envoy_of(state: Path) -> int | None:
    """The pid of the Envoy that runs with this state folder, None when there is none."""
    text = (read_if_there(state / "envoy.pid") or b"").strip()
    if not text.isdigit():
        return None
    pid = int(text)
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if f"{state}/".encode() in command and start_time(pid) is not None:
            return pid
    return None


def send_signal(pid: int, started: int | None, number: signal.Signals) -> bool:
    """Signal exactly the process that had this start time; False when it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        is_same = started is not None and start_time(pid) == started
        if is_same:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return is_same


def kill_now(pids: Iterable[int]) -> None:
    """SIGKILL, in this order, and wait until they are gone."""
    known = [(pid, start_time(pid)) for pid in pids]
    for pid, started in known:
        send_signal(pid, started, signal.SIGKILL)
    _wait_gone(known, 5.0)


def stop(pids: Iterable[int], grace_seconds: float) -> None:
    """SIGTERM to all, SIGKILL to those that are still there after the grace, and wait."""
    known = [(pid, start_time(pid)) for pid in pids]
    for pid, started in known:
        send_signal(pid, started, signal.SIGTERM)
    left = _wait_gone(known, grace_seconds)
    for pid, started in left:
        send_signal(pid, started, signal.SIGKILL)
    still = _wait_gone(left, 5.0)
    if still:
        raise Failed(f"process {still[0][0]} does not end, even when killed")


def _wait_gone(known: Iterable[_Known], seconds: float) -> list[_Known]:
    """Wait until the processes are gone; returns those that are not."""
    deadline = time.monotonic() + seconds
    left: list[_Known] = []
    for pid, started in known:
        if started is not None and not _is_gone(pid, started, deadline - time.monotonic()):
            left.append((pid, started))
    return left


def _is_gone(pid: int, started: int, seconds: float) -> bool:
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            poller = select.poll()
            poller.register(handle, select.POLLIN)
            poller.poll(max(0, int(seconds * 1000)))
        finally:
            os.close(handle)
    bury(pid)
    return start_time(pid) != started


def bury(pid: int) -> None:
    """Let the system forget a child of ours that has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def pause(seconds: float) -> None:
    """Wait; the demo has no loop that this could block."""
    time.sleep(seconds)  # noqa: TID251


def log_tail(log: Path) -> str:
    """The last lines of a log."""
    data = read_if_there(log) or b""
    lines = data.decode("utf-8", "replace").splitlines()[-_LOG_TAIL_LINES:]
    return "\n".join(f"    {line}" for line in lines)
