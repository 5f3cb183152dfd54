"""The examples of docs/operations/dns.md, as they stand there."""

import shutil
import subprocess

import pytest

from tests.docs.pages import ROOT, blocks
from tests.e2e.rig import NETWORK, Mesh

PAGE = ROOT / "docs" / "operations" / "dns.md"
pytestmark = pytest.mark.timeout(120)


def examples() -> list[tuple[str, str]]:
    """The commands of the page and what it says they print."""
    found: list[tuple[str, str]] = []
    for block in blocks(PAGE):
        for line in block.text.splitlines() if block.language == "console" else ():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), ""))
            else:
                command, said = found[-1]
                found[-1] = (command, f"{said}{line}\n")
    return found


def here(text: str) -> str:
    """The page is about the demo's own network, the tests use another one."""
    first, second = NETWORK.split(".")
    for cluster in range(3, 0, -1):
        text = text.replace(f"{first}.{10 + cluster}.", f"{first}.{int(second) + cluster}.")
    return text


@pytest.mark.parametrize(("command", "said"), examples(), ids=lambda text: text.strip()[:60])
def test_an_example_prints_what_the_page_says(mesh: Mesh, command: str, said: str) -> None:
    tool = command.split(maxsplit=1)[0]
    if shutil.which(tool) is None or shutil.which("dig") is None:
        pytest.skip(f"{tool} (Debian: bind9-dnsutils, knot-dnsutils, curl) is not here")
    done = subprocess.run(
        ["bash", "-c", here(command)], capture_output=True, text=True, check=True, timeout=20
    )
    if said:
        assert done.stdout == here(said)
    else:
        assert '"cluster": "us-east"' in done.stdout
        assert 'us-east.fedmesh.demo/entry"' in done.stdout
    assert mesh.is_ready("us-east-gateway")
