"""The task pages are run as a reader would, one after the other: files written, commands typed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.docs.script import problem, script_of
from tests.e2e.envoys import kill_envoys
from tests.e2e.scripts import run_script, told

TASKS = ROOT / "docs" / "operations"
_SECONDS = 220


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder with a short path; whatever of ours still runs in it at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as made:
        yield Path(made)
        kill_envoys(Path(made))


def _in_order() -> tuple[Block, ...]:
    """Install without its last step, the pages that go on from there, and then that step."""
    install = blocks(TASKS / "install.md")
    stop = next(block for block in install if "kill $(jobs -p)" in block.text)
    begin = [block for block in install if block is not stop]
    others = ("export.md", "dns.md", "trust.md", "backup.md")
    return (*begin, *(block for page in others for block in blocks(TASKS / page)), stop)


@pytest.mark.envoy
@pytest.mark.timeout(_SECONDS + 20)
def test_the_task_pages_work_as_they_stand_one_after_the_other(folder: Path) -> None:
    if shutil.which("dig") is None:
        pytest.skip("dig (Debian: bind9-dnsutils) is not here")
    pages = _in_order()
    code, said = run_script(script_of(pages), folder, seconds=_SECONDS)
    # `wait` at the end gives the code of the processes that were told to stop
    assert problem(pages, said) == "", f"exit code {code}\n{told(folder)}"
    assert code == 0, f"exit code {code}\n{told(folder)}"
    assert "fedmesh-sealed 1 root key" in said, "the root key lies under its passphrase"
    assert "joining again" in (folder / "east-agent.log").read_text()
    assert not list(folder.glob("*/envoy.pid")), "an Envoy was left running"
