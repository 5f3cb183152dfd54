"""The page docs/operations/install.md is run as a reader would: files written, commands typed."""

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.e2e.scripts import run_script, told

PAGE = ROOT / "docs" / "operations" / "install.md"
_ANSWER = '"caller": "spiffe://west.example.internal/ns/shop/sa/web"'


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder with a short path; whatever of ours still runs in it at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as made:
        yield Path(made)
        for file in Path(made).glob("*/envoy.pid"):
            with contextlib.suppress(OSError, ValueError):
                _kill_envoy(int(file.read_text()), file.parent)


def _kill_envoy(pid: int, state: Path) -> None:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if str(state / "bootstrap.json").encode() in command:
        os.kill(pid, signal.SIGKILL)


def _write_files(folder: Path) -> None:
    for block in blocks(PAGE):
        if block.language == "yaml":
            file = folder / block.file
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text)


@pytest.mark.envoy
@pytest.mark.timeout(130)
def test_the_install_page_works_as_it_stands(folder: Path) -> None:
    _write_files(folder)
    script = "\n".join(block.text for block in blocks(PAGE) if block.language == "sh")
    code, said = run_script(script, folder)
    # `wait` at the end of the page gives the code of the processes that were told to stop
    assert _ANSWER in said, f"exit code {code}\n{told(folder)}"
    assert code == 0, f"exit code {code}\n{told(folder)}"
    assert not list(folder.glob("*/envoy.pid")), "an Envoy was left running"
