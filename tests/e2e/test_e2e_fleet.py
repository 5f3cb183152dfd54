"""An agent that stalls, and a cluster that vanishes: others go on, and nobody believes too much."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.documents import api_workload, export, exports, service, text_of
from tests.e2e.rig import Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(150)

NAMES = tuple(f"fleet-{number}" for number in range(5))


def exported(mesh: Mesh, cluster: str) -> int:
    return int(next(c for c in mesh.client.clusters() if c["id"] == cluster)["exports"])


@contextlib.contextmanager
def many_exports(mesh: Mesh) -> Iterator[Path]:
    """A file with five more services of us-east, exported; yields it."""
    workload = api_workload(mesh.layout, "us-east")
    documents = [d for name in NAMES for d in (*service(name, workload), export(name))]
    before = exported(mesh, "us-east")
    with mesh.edited("us-east", "fleet.yaml", text_of(*documents)):
        wait_until("known", lambda: exported(mesh, "us-east") == before + len(NAMES), 10)
        wait_until("answered", lambda: mesh.call("eu-west", NAMES[-1])[0] == 200, 10)
        yield mesh.source("us-east") / "fleet.yaml"


def test_most_exports_that_are_deleted_before_ones_eyes_are_withdrawn(mesh: Mesh) -> None:
    with many_exports(mesh) as file:
        file.unlink()
        wait_until("withdrawn", lambda: mesh.call("eu-west", NAMES[0])[0] == 404, 15)
        assert mesh.problems("us-east") == []


def test_most_exports_that_are_missing_after_a_start_stay_until_a_person_says_so(
    mesh: Mesh,
) -> None:
    with many_exports(mesh) as file:
        before = exported(mesh, "us-east")
        mesh.kill_alone("us-east-agent")
        file.unlink()
        mesh.start("us-east-agent")
        held = f"{len(NAMES)} exports vanished together"
        wait_until("held back", lambda: held in "; ".join(mesh.problems("us-east")), 20)
        pause(1.0)
        assert exported(mesh, "us-east") == before
        assert held in mesh.client.confirm_cluster("us-east")["released"]
        wait_until("withdrawn", lambda: mesh.call("eu-west", NAMES[0])[0] == 404, 15)
        assert mesh.problems("us-east") == []


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def frozen(mesh: Mesh, name: str) -> Iterator[None]:
    pid = mesh.process(name)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
def test_an_agent_that_stalls_holds_up_nobody_and_fills_no_memory(mesh: Mesh) -> None:
    workload = api_workload(mesh.layout, "us-east")
    controller = mesh.process("controller")["pid"]
    took = []
    with mesh.edited("us-east", "churn.yaml", text_of(*service("churn", workload))):
        before = resident_mb(controller)
        with frozen(mesh, "eu-west-agent"):
            for number in range(20):
                with mesh.edited("us-east", "churn-export.yaml", exports("churn")):
                    seconds = wait_until(
                        "followed", lambda: mesh.call("us-west", "churn")[0] == 200, 5
                    )
                    took.append(seconds)
                wait_until("withdrawn", lambda: mesh.call("us-west", "churn")[0] == 404, 15)
                assert mesh.call("eu-west", "api")[0] == 200, f"requests go on, turn {number}"
                pause(0.5)
        assert sorted(took)[len(took) // 2] < 1.0, took
        assert resident_mb(controller) - before < 15
        with mesh.edited("us-east", "churn-export.yaml", exports("churn")):
            wait_until("caught up", lambda: mesh.call("eu-west", "churn")[0] == 200, 15)
