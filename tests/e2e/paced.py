"""Load at thousands of requests a second, by wrk; tests that need it are skipped without it."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from federation.demo.layout import SERVICE_PORT, service_host
from federation.verify import history, paced
from tests.e2e.rig import Load, Mesh, wait_until

needs_wrk = pytest.mark.skipif(not paced.is_there(), reason="wrk is not installed")
CLIENT = "us-east-web-1-sidecar"


@contextlib.contextmanager
def sending(
    mesh: Mesh, file: Path, rate: float, *, method: str = "GET", service: str = "orders"
) -> Iterator[Load]:
    """Requests of us-east's client through its sidecar for as long as this lasts."""
    command = (
        *(sys.executable, "-m", "federation.verify.paced", "--target", mesh.proxy("us-east")),
        *("--host", service_host(service), "--method", method, "--rate", f"{rate:g}"),
        *("--connections", f"{max(64, round(rate * 1.2))}", "--out", str(file)),
    )
    load = Load(file)
    with subprocess.Popen(command) as generator:
        try:
            wait_until("the load begins", lambda: _lines(file) > rate / 4, 15)
            yield load
        finally:
            generator.send_signal(signal.SIGTERM)
            generator.wait(20)
    load.history = history.load(file)


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def counted(mesh: Mesh, service: str, what: str) -> int:
    """The sum of one of Envoy's numbers over the client's clusters of a service's HTTP port."""
    said = json.loads(mesh.ask_envoy(CLIENT, f"/stats?format=json&filter={what}$"))["stats"]
    name = f"{SERVICE_PORT}.{service}."
    return sum(s["value"] for s in said if name in s.get("name", "") and "value" in s)
