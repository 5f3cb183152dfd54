"""One demo for all end-to-end tests, healthy before and after each of them.

A rig that is broken is so never taken for a broken promise. A test that fails leaves
`reports/e2e/<test>` with the logs, the topology and what every Envoy holds.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import Mesh, Unhealthy
from tests.e2e.turns import Turns

REPORTS = Path(__file__).parents[2] / "reports" / "e2e"
_FAILED = pytest.StashKey[bool]()
_HEALTHY = pytest.StashKey[bool]()
_TURNS = pytest.StashKey[Turns]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Iterator[None]:  # before the time of the test begins to count
    """Wait for the turn of the test; those that are alone follow each other without a pause."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    if _TURNS not in item.config.stash:
        # All processes of a run have their folders for temporary files in one.
        item.config.stash[_TURNS] = Turns(Path(item.config.getoption("basetemp")).parent / "turns")
    turns = item.config.stash[_TURNS]
    turns.take(alone=_is_alone(item))
    try:
        return (yield)
    finally:
        if nextitem is None or not (_is_alone(item) and _is_alone(nextitem)):
            turns.end()


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:  # the wrapped hook's own report is passed on
    report = yield
    if report.failed:  # type: ignore[attr-defined]
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """A running demo of three clusters; its folder's path is short, as its sockets need."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        state = Path(folder).resolve() / "d"
        rig = Mesh(state)
        try:
            rig.begin()
            yield rig
        finally:
            rig.end()


@pytest.fixture(autouse=True)
def rig_is_healthy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check the demo around every test that uses it; keep what tells why a test failed."""
    if "mesh" not in request.fixturenames:
        yield
        return
    mesh: Mesh = request.getfixturevalue("mesh")
    if not request.session.stash.get(_HEALTHY, False):
        mesh.check_health()
    request.session.stash[_HEALTHY] = False
    yield
    try:
        if not request.node.stash.get(_FAILED, False):
            mesh.check_health()
            request.session.stash[_HEALTHY] = True  # the next test need not ask again
    except Exception:
        request.node.stash[_FAILED] = True
        raise
    finally:
        if request.node.stash.get(_FAILED, False):
            folder = REPORTS / re.sub(r"[^\w.-]+", "_", request.node.name)
            shutil.rmtree(folder, ignore_errors=True)
            mesh.dump(folder)
            mesh.repair()
            _or_anew(mesh)


def _or_anew(mesh: Mesh) -> None:
    """One broken test must not fail those after it."""
    try:
        mesh.check_health()
    except Unhealthy:
        mesh.end()
        mesh.begin()
