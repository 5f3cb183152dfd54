"""A real controller process without clusters around it: started, asked, killed, started again."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from federation.client.client import Client
from federation.model.errors import FedmeshError
from tests.e2e.rig import wait_until

Settings = dict[str, Any]


@dataclass(slots=True)
class LoneController:
    """One controller; `folder` holds its settings, log and state, `source` the code if not ours."""

    folder: Path
    host: str = "127.45.0.1"
    more: Settings = field(default_factory=dict)
    source: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Path:
        """Its state folder."""
        return self.folder / "state"

    @property
    def log(self) -> str:
        """All it has said, over all its lives."""
        return (self.folder / "controller.log").read_text()

    def client(self, seconds: float = 5.0) -> Client:
        """As its administrator."""
        token = (self.state / "admin.token").read_text()
        return Client(f"https://{self.host}:8443", self.state / "root.pem", token, seconds)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it; does not wait."""
        settings = {
            "domain": "mesh.test",
            "state": str(self.state),
            "grpc_listen": f"{self.host}:7443",
            "api_listen": f"{self.host}:8443",
            **self.more,
        }
        config = self.folder / "controller.yaml"
        config.write_text(yaml.safe_dump(settings))
        command = (sys.executable, "-m", "federation.controller.main", "--config", str(config))
        with (self.folder / "controller.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.source)
        return self.process

    def start(self) -> Client:
        """Start it and wait until it answers."""
        process = self.spawn()

        def is_there() -> bool:
            assert process.poll() is None, self.log[-2000:]
            try:
                return self.client().is_healthy()
            except (OSError, FedmeshError):
                return False

        wait_until("the controller serves", is_there, 20)
        return self.client()

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End it and wait until it is gone; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(10)


@contextlib.contextmanager
def lone_controller(folder: Path, **more: Any) -> Iterator[LoneController]:
    """A controller that does not run yet; whatever of it runs at the end is killed."""
    made = LoneController(folder, more=more)
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.end()
