"""The failover table as a user runs it: the short form always, the whole with the slow tests.

The name makes it the first of the end-to-end tests: the machine then has no other demo to carry.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

pytestmark = pytest.mark.alone

REPORT = "report.json"
ABOUT_TIME = re.compile(
    r": the slowest request took |: p99 went from |: shifted in |: 0\.\d\d% of the answers left "
)
"""Of a busy machine: what is slow, and the one request that met a time-out and was answered by
another cluster."""


def run_failover(network: str, *more: str, seconds: float) -> dict[str, Any]:
    """The report of a run."""
    with TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        file = Path(folder) / REPORT
        command = (
            *(sys.executable, "-m", "federation.cli.main", "demo", "run", "failover"),
            *("--state", str(Path(folder) / "d"), "--network", network, "--report", str(file)),
        )
        done = subprocess.run(
            (*command, *more), capture_output=True, text=True, timeout=seconds, check=False
        )
        assert file.exists(), f"{done.stdout}\n{done.stderr}"
        found: dict[str, Any] = json.loads(file.read_text())
        assert done.returncode == (0 if found["kept"] else 1)
        assert sorted(p.name for p in Path(folder).iterdir()) == [REPORT]
        return found


def gets_that_failed(report: dict[str, Any]) -> list[str]:
    return [
        f"{step['step']}, {phase['phase']}"
        for step in report["steps"]
        for phase in step["phases"]
        if phase["flow"] == "GET" and phase["failed"]
    ]


@pytest.mark.timeout(420)
def test_nothing_that_dies_costs_a_request_in_short() -> None:
    """Whatever the machine is busy with; times are judged by the whole run."""
    report = run_failover("127.80", "--short", seconds=400)
    assert len(report["steps"]) >= 8
    assert gets_that_failed(report) == []
    assert [s for s in report["broken"] if not ABOUT_TIME.search(s)] == []


@pytest.mark.slow
@pytest.mark.timeout(2000)
def test_nothing_that_dies_costs_a_request() -> None:
    report = run_failover("127.80", seconds=1900)
    assert report["broken"] == []
    assert len(report["steps"]) >= 15
    assert gets_that_failed(report) == []
