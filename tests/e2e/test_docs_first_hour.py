"""The guide of the first hour is typed as it stands, in a home of its own, and shows the truth."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.docs.script import problem, script_of
from tests.e2e.envoys import kill_envoys
from tests.e2e.scripts import run_script, told

PAGE = ROOT / "docs" / "guides" / "first-hour.md"
_OWN_HOME = "export HOME=$PWD; unset FEDCTL_CONFIG FEDCTL_CONTEXT KUBECONFIG\n"
_SECONDS = 150


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder with a short path; whatever of ours still runs in it at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as made:
        yield Path(made)
        kill_envoys(Path(made))


@pytest.mark.envoy
@pytest.mark.timeout(_SECONDS + 20)
def test_the_guide_works_as_it_stands(folder: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not here")
    page = blocks(PAGE)
    code, said = run_script(_OWN_HOME + script_of(page), folder, seconds=_SECONDS)
    assert problem(page, said) == "", f"exit code {code}\n{said[-1500:]}\n{told(folder)}"
    assert code == 0, f"exit code {code}\n{said[-1500:]}\n{told(folder)}"
    assert not list(folder.glob("*/envoy.pid")), "an Envoy was left running"
