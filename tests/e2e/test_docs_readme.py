"""The blocks of README.md are pasted into a shell as they stand, with the demo of the tests."""

import json

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.e2e.rig import NETWORK, Mesh
from tests.e2e.scripts import run_script

pytestmark = pytest.mark.timeout(120)
PASTED = [block for block in blocks(ROOT / "README.md") if block.language == "sh"]
CALLER = "spiffe://eu-west.fedmesh.demo/ns/demo/sa/web"


def _here(block: Block, mesh: Mesh) -> str:
    """The block for the demo that runs, which is not started and taken down again."""
    first, second = NETWORK.split(".")
    text = block.text.replace(f"{first}.13.", f"{first}.{int(second) + 3}.")
    text = text.replace("${TMPDIR:-/tmp}/fedmesh-demo-$(id -u)", str(mesh.state))
    for line in ("make demo", "make test", ". .venv/bin/activate", "fedctl demo up --detach"):
        text = text.replace(f"{line}\n", "")
    return text.replace("fedctl demo down\n", "")


def test_the_blocks_do_what_the_page_says(mesh: Mesh) -> None:
    source = mesh.paths.source("eu-west") / "services.yaml"
    before = source.read_text()
    script = "\n".join(f"{_here(block, mesh)}\necho" for block in PASTED)
    try:
        code, said = run_script(script, mesh.state / "logs")
    finally:
        source.write_text(before)
    assert code == 0, said
    answers = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [answer["caller"] for answer in answers] == [CALLER, CALLER]
    first, second = (answer["cluster"] for answer in answers)
    assert first == "eu-west"
    assert second in ("us-east", "us-west")
    assert "demo/api" in said
