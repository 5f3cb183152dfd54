"""Certificates in motion: leaves of 10 s and authorities of 60 s under load, and new keys.

A demo of its own, which ends before that of the other tests begins.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from federation.verify.guarantees import failures
from tests.e2e.rig import Load, Mesh, fedctl, pause, wait_until

LEAF_SECONDS = 10
INTERMEDIATE_SECONDS = 60
_UP_SECONDS = 110
_BACK_SECONDS = 20.0


@contextlib.contextmanager
def brief_mesh() -> Iterator[Mesh]:
    """A running demo of two clusters in which everything is renewed all the time."""
    lives = ("--leaf", str(LEAF_SECONDS), "--intermediate", str(INTERMEDIATE_SECONDS))
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        state = Path(folder).resolve() / "d"
        command = (sys.executable, "-m", "federation.cli.main", "demo", "up", "--detach")
        where = ("--state", str(state), "--network", "127.60", "--clusters", "2")
        damping = ("--hold", "1", "--ramp", "2")
        mesh = Mesh(state)
        try:
            subprocess.run((*command, *where, *damping, *lives), check=True, timeout=_UP_SECONDS)
            mesh.check_health()
            yield mesh
        except BaseException:
            reports = Path(__file__).parents[2] / "reports" / "e2e" / "lives"
            shutil.rmtree(reports, ignore_errors=True)
            with contextlib.suppress(Exception):
                mesh.dump(reports)
            raise
        finally:
            fedctl("demo", "down", "--state", str(state))


@contextlib.contextmanager
def load_everywhere(mesh: Mesh, folder: Path) -> Iterator[list[Load]]:
    """GET within a cluster and across, and gRPC across, for as long as this lasts."""
    with contextlib.ExitStack() as stack:
        loads = []
        for name, cluster, service, protocol in (
            ("near", "us-west", "api", "http"),
            ("far", "us-east", "orders", "http"),
            ("far", "us-east", "orders", "grpc"),
        ):
            (folder / name).mkdir(exist_ok=True)
            load = mesh.traffic(cluster, folder / name, rate=50, service=service, protocol=protocol)
            loads.append(stack.enter_context(load))
        yield loads


def cluster_of(mesh: Mesh, name: str) -> dict[str, Any]:
    """How trust stands for one cluster."""
    found: list[dict[str, Any]] = mesh.client.trust()["clusters"]
    return next(cluster for cluster in found if cluster["id"] == name)


def keys_of(mesh: Mesh, name: str) -> list[str]:
    """The keys of a cluster, the newest first."""
    return [anchor["key"] for anchor in cluster_of(mesh, name)["anchors"]]


def rekey(mesh: Mesh, name: str) -> None:
    """Ask for a new key as an operator does."""
    done = fedctl("trust", "rekey", name, "--config", str(mesh.paths.fedctl))
    assert done.returncode == 0, done.stderr


def assert_nothing_failed(loads: list[Load], seconds: float) -> None:
    for load in loads:
        assert len(load.over.records) > 30 * seconds
        assert [f"{r.error} {r.status}" for r in failures(load.over.records)] == []


@pytest.mark.timeout(180)
def test_renewal_and_a_new_key_cost_no_request(tmp_path: Path) -> None:
    """The short form: several generations of leaves, one of authorities, a whole re-keying."""
    with brief_mesh() as mesh:
        (before,) = keys_of(mesh, "us-west")
        first = cluster_of(mesh, "us-west")["intermediate"]["not_after"]
        began = time.monotonic()
        with load_everywhere(mesh, tmp_path) as loads:
            pause(2)
            rekey(mesh, "us-west")
            wait_until("both keys are known", lambda: len(keys_of(mesh, "us-west")) == 2, 10)
            spread = wait_until("the new key signs", lambda: _signs(mesh, 1), 15)
            assert spread < INTERMEDIATE_SECONDS / 3, "nobody was away, so nobody was waited for"
            late = LEAF_SECONDS + 10
            wait_until("the old key goes", lambda: len(keys_of(mesh, "us-west")) == 1, late)
            pause(max(0.0, 35 - (time.monotonic() - began)))
        assert keys_of(mesh, "us-west") != [before]
        assert cluster_of(mesh, "us-west")["intermediate"]["not_after"] != first
        assert_nothing_failed(loads, 25)
        mesh.check_health()


def _signs(mesh: Mesh, times: int) -> bool:
    return mesh.log("us-west-agent").count("new key signs") == times


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_minutes_of_brief_lives_cost_no_request(tmp_path: Path) -> None:
    with brief_mesh() as mesh:
        with load_everywhere(mesh, tmp_path) as loads:
            pause(300)
        assert_nothing_failed(loads, 300)
        mesh.check_health()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_cluster_that_is_away_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    """Its agent is away: its own certificates run out, and it does not hear of the new key."""
    with brief_mesh() as mesh:
        mesh.kill_alone("us-east-agent")
        (folder := tmp_path / "own").mkdir()
        with mesh.traffic("us-west", folder, rate=50) as load:
            rekey(mesh, "us-west")
            began = time.monotonic()
            wait_until("both keys are known", lambda: len(keys_of(mesh, "us-west")) == 2, 10)
            wait_until("only it is waited for", lambda: _waiting(mesh) == ["us-east"], 10)
            wait_until("it goes on without", lambda: _signs(mesh, 1), INTERMEDIATE_SECONDS)
            waited = time.monotonic() - began
            assert waited < INTERMEDIATE_SECONDS * 2 / 3 + 3
            late = LEAF_SECONDS + 10
            wait_until("the old key goes", lambda: len(keys_of(mesh, "us-west")) == 1, late)
        assert_nothing_failed([load], waited)
        mesh.start("us-east-agent")
        wait_until("it is back", lambda: _calls(mesh), _BACK_SECONDS)
        (folder := tmp_path / "back").mkdir()
        with mesh.traffic("us-east", folder, service="orders", rate=50) as back:
            pause(5)
        assert_nothing_failed([back], 4)
        mesh.check_health()


def _waiting(mesh: Mesh) -> list[str]:
    found: list[str] = cluster_of(mesh, "us-west")["waiting"]
    return found


def _calls(mesh: Mesh) -> bool:
    """Whether the cluster that was away gets ten answers of the other in a row."""
    return all(mesh.call("us-east", "orders")[0] == 200 for _ in range(10))
