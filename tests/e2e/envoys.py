"""Envoys that a test of the pages left running in its folder."""

import contextlib
import os
import signal
from pathlib import Path


def kill_envoys(folder: Path) -> None:
    """Kill those whose state is in a folder below this one, and no other."""
    for file in folder.glob("*/envoy.pid"):
        with contextlib.suppress(OSError, ValueError):
            _kill(int(file.read_text()), file.parent)


def _kill(pid: int, state: Path) -> None:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if str(state / "bootstrap.json").encode() in command:
        os.kill(pid, signal.SIGKILL)
