"""What `make demo` does: up, the tour, down, and an exit code that tells whether all was kept."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.e2e.rig import fedctl

pytestmark = pytest.mark.timeout(180)


def test_the_tour_keeps_its_promises_and_leaves_nothing_behind() -> None:
    with TemporaryDirectory(prefix="fm-") as folder:
        state = Path(folder) / "d"
        done = fedctl(
            *("demo", "run", "tour", "--state", str(state), "--network", "127.90"),
            *("--output", "json"),
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["kept"]
        assert [phase["failed"] for phase in report["phases"]] == [0, 0, 0]
        assert not state.exists()
