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

REPORTS = Path(__file__).parents[2] / "reports" / "e2e"
_FAILED = pytest.StashKey[bool]()
_HEALTHY = pytest.StashKey[bool]()


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
