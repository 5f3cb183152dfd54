"""A federation that is begun by fedctl alone, in a folder of its own: real processes, loopback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT

CONTROLLER = "127.66.0.1"
_SECONDS = 60
_STOP_SECONDS = 10


class FirstHour:
    """A person with a shell: a working folder that is also the home, and what was started there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""
        self.started: list[subprocess.Popen[bytes]] = []
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("FEDCTL_", "KUBECONFIG"))}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**bare, "HOME": str(folder), "PATH": path, "PYTHONPATH": str(ROOT)}

    def run(self, *words: str, code: int = 0, stdin: str = "") -> str:
        """Run a command to its end; returns what it printed on stdout."""
        ended = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert ended.returncode == code, f"{words[:3]}: {ended.stdout}{ended.stderr}"
        self.said = ended.stderr
        return ended.stdout

    def fedctl(self, *words: str, code: int = 0) -> str:
        """Run a command of fedctl."""
        return self.run("fedctl", *words, code=code)

    def start(self, line: str) -> subprocess.Popen[bytes]:
        """Start what a command printed, as it stands."""
        name = f"{len(list(self.folder.glob('*.log')))}.log"
        with (self.folder / name).open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.started.append(process)
        return process

    def is_connected(self, cluster: str) -> bool:
        """Whether the controller says so; False while it cannot be asked."""
        ended = subprocess.run(
            ["fedctl", "cluster", "list", "--no-headers"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        rows = [line.split() for line in ended.stdout.splitlines()]
        return any(row[0] == cluster and "connected" in row for row in rows)

    def stop(self) -> None:
        """End all that was started."""
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_STOP_SECONDS)
        self.started.clear()
