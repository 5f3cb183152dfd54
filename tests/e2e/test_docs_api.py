"""The page about the API, run as a reader would, against the running demo."""

import tempfile
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.docs.script import problem, script_of
from tests.e2e.rig import Mesh
from tests.e2e.scripts import run_script

PAGE = ROOT / "docs" / "operations" / "api.md"


@pytest.mark.timeout(120)
def test_the_page_of_the_api_works_as_it_stands(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDCTL_CONFIG", str(mesh.paths.fedctl))
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        monkeypatch.setenv("HOME", folder)
        found = blocks(PAGE)
        code, said = run_script(script_of(found), Path(folder), seconds=100)
    assert problem(found, said) == "", said[-2000:]
    assert code == 0, said[-2000:]
    assert "trafficpolicy.fedmesh.dev/near condition met" in said
    assert "near serverside-applied" in said or "near created" in said
    assert "pruned" not in said
