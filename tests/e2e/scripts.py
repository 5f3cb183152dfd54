"""Pages of the documentation run as a reader would: files written, commands typed."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT

_SECONDS = 100


def run_script(script: str, folder: Path, seconds: float = _SECONDS) -> tuple[int, str]:
    """Run a script with all it starts in a process group of its own, which ends with it.

    Returns its exit code (-1 when it did not end in time) and what it said.
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    output = folder / "output.log"
    with output.open("wb") as sink:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = shell.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    return code, output.read_text()


def told(folder: Path) -> str:
    """The ends of all logs, for a test that failed."""
    logs = sorted(folder.glob("*.log"))
    return "\n".join(f"--- {log.name}\n{log.read_text()[-1500:]}" for log in logs)
