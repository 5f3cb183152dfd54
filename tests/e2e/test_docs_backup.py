"""The page docs/operations/backup.md is run as it stands, after the beginning of install.md."""

import tempfile
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.e2e.scripts import run_script, told

INSTALL = ROOT / "docs" / "operations" / "install.md"
PAGE = ROOT / "docs" / "operations" / "backup.md"
_UP_TO_AGENTS = 6

# What happens between the commands: machines are lost, and processes are started again.
_BEFORE = {
    "fedctl restore": "kill $controller; wait $controller || true; rm -rf controller",
    "fedmesh-agent --config east": "kill $agent; wait $agent || true",
    "> keyed-controller.log": "kill $controller; wait $controller || true",
    "cluster add east": """\
kill -9 $controller; wait $controller || true
rm -rf restored
fedmesh-controller --config restored-controller.yaml > lost-controller.log 2>&1 &
controller=$!
until fedctl cluster list 2> /dev/null; do sleep 0.2; done
""",
}
_AFTER = {"fedmesh-controller --config": "controller=$!", "fedmesh-agent --config": "agent=$!"}


def _file(block: Block) -> str:
    return f"mkdir -p $(dirname {block.file})\ncat > {block.file} <<'END'\n{block.text}END\n"


def _install() -> list[str]:
    """Controller and agents as on the page before."""
    found = blocks(INSTALL)
    commands = [block.text for block in found if block.language == "sh"][:_UP_TO_AGENTS]
    return [
        *(_file(block) for block in found if block.language == "yaml"),
        *commands,
        "set -- $(jobs -p); controller=$1; agent=$2",
    ]


def _page() -> list[str]:
    lines = []
    for block in blocks(PAGE):
        if block.language == "yaml":
            lines.append(_file(block))
        if block.language == "sh":
            lines += [text for words, text in _BEFORE.items() if words in block.text]
            lines.append(block.text)
            lines += [text for words, text in _AFTER.items() if words in block.text]
    return lines


@pytest.mark.slow
@pytest.mark.timeout(130)
def test_the_backup_page_works_as_it_stands() -> None:
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as made:
        folder = Path(made)
        end = "echo; echo the page is done; kill $(jobs -p); wait || true"
        code, said = run_script("\n".join([*_install(), *_page(), end]), folder)
        assert "the page is done" in said, f"exit code {code}\n{told(folder)}"
        assert "fedmesh-sealed 1 root key" in said
        assert "joining again" in (folder / "east-agent.log").read_text()
