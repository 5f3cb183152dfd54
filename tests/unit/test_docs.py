"""The documentation is true: its YAML loads, its commands exist, its links lead somewhere."""

import re
from pathlib import Path

import click
import pytest
import yaml

from cluster_agent.dns.settings import DnsSettings
from cluster_agent.settings import AgentSettings
from federation.cli.config import load_config
from federation.cli.main import make_cli
from federation.controller.settings import ControllerSettings
from federation.resources.parse import parse_document
from federation.resources.settings import Settings, load_settings
from federation.supervisor.settings import IdentitySettings
from gateway.settings import GatewaySettings
from sidecar.settings import SidecarSettings
from tests.docs import checks, settings
from tests.docs.pages import ROOT, Block, anchors, blocks, commands, links, pages

PROCESSES = (
    "fedmesh-controller",
    "fedmesh-agent",
    "fedmesh-dns",
    "fedmesh-gateway",
    "fedmesh-identity",
    "fedmesh-sidecar",
)
MODELS: dict[str, type[Settings]] = {
    "controller.yaml": ControllerSettings,
    "agent.yaml": AgentSettings,
    "dns.yaml": DnsSettings,
    "gateway.yaml": GatewaySettings,
    "identity.yaml": IdentitySettings,
    "sidecar.yaml": SidecarSettings,
}
FEDCTL_PAGE = ROOT / "docs" / "reference" / "fedctl.md"

ALL_BLOCKS = [block for page in pages() for block in blocks(page)]
YAML_BLOCKS = [block for block in ALL_BLOCKS if block.language == "yaml"]
COMMANDS = [(block.where, words) for block in ALL_BLOCKS for words in commands(block)]
OURS = [(where, words) for where, words in COMMANDS if words[0] in ("fedctl", "make", *PROCESSES)]


def _names(command: click.Command, *path: str) -> list[tuple[tuple[str, ...], click.Command]]:
    """All commands below this one with their names."""
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command)
    found = [(n, command.get_command(context, n)) for n in command.list_commands(context)]
    return [entry for n, inner in found if inner for entry in _names(inner, *path, n)]


def _check_fedctl(words: list[str]) -> None:
    command: click.Command = make_cli()
    rest = list(words)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        inner = command.get_command(click.Context(command), name)
        assert inner is not None, f"fedctl has no command {name}"
        command = inner
    command.make_context(command.name or "", rest).close()


def _check_make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    wanted = [word for word in words if "=" not in word]
    assert set(wanted) <= set(targets), f"the Makefile has no target for {wanted}"


def _check_process(words: list[str]) -> None:
    options = {word for word in words if word.startswith("--")}
    assert options <= {"--config", "--log-level"}
    assert "--config" in options


def test_there_are_pages_with_yaml_and_commands() -> None:
    assert len(pages()) > 10
    assert len(YAML_BLOCKS) > 8
    assert len(OURS) > 20


@pytest.mark.parametrize(("where", "words"), OURS, ids=[" ".join(words) for _, words in OURS])
def test_commands_exist_with_their_options(where: str, words: list[str]) -> None:
    check = {"fedctl": _check_fedctl, "make": _check_make}.get(words[0], _check_process)
    try:
        check(words[1:])
    except click.ClickException as error:
        pytest.fail(f"{where}: {' '.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("block", YAML_BLOCKS, ids=lambda block: block.file or block.where)
def test_yaml_loads_as_what_it_is(block: Block, tmp_path: Path) -> None:
    documents = [document for document in yaml.safe_load_all(block.text) if document]
    if all("kind" in document for document in documents):
        for document in documents:
            # None would mean a kind that is passed over, so probably a slip of the pen
            assert parse_document(document, block.where) is not None, document["kind"]
        return
    file = tmp_path / Path(block.file).name
    file.write_text(block.text)
    if block.file.endswith("fedctl.yaml"):
        load_config(file)
        return
    model = next((m for name, m in MODELS.items() if block.file.endswith(name)), None)
    assert model is not None, f"{block.where}: neither a document with a kind nor a settings file"
    load_settings(model, file)


def test_links_lead_somewhere() -> None:
    broken = []
    for page in pages():
        for link in links(page):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if "://" in link:
                continue
            is_there = target.exists() and target.is_relative_to(ROOT)
            if not is_there or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_source_files_that_pages_name_exist() -> None:
    pattern = re.compile(r"`((?:federation|cluster_agent|gateway|sidecar|tests)/[\w/.]+)`")
    named = {(page.name, name) for page in pages() for name in pattern.findall(page.read_text())}
    assert named
    assert sorted(n for n in named if not (ROOT / n[1]).exists()) == []


def test_the_settings_page_is_current() -> None:
    assert settings.PAGE.read_text() == settings.page(), "run: make docs"


def test_the_page_of_checks_is_current() -> None:
    assert checks.PAGE.read_text() == checks.page(), "run: make docs"


def test_the_fedctl_page_has_every_command_with_its_options() -> None:
    text = FEDCTL_PAGE.read_text().replace("\\|", "/")
    rows = dict(re.findall(r"^\| `fedctl ([a-z ]+?)(?= [^a-z]|`)([^|]*)\|", text, re.MULTILINE))
    shared = {"--help", "--config"}
    for path, command in _names(make_cli()):
        name = " ".join(path)
        assert name in rows, f"fedctl {name} is not on the page"
        options = {o for p in command.params if isinstance(p, click.Option) for o in p.opts}
        shown = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rows[name]))
        assert shown <= options, f"fedctl {name}: the page has options that do not exist"
        missing = {o for o in options if o.startswith("--")} - shown - shared
        assert missing <= {"--output", "--no-headers", "--follow"}, (
            f"fedctl {name}: {missing} is not on the page"
        )


def test_pages_name_no_machine_and_no_registry() -> None:
    forbidden = re.compile(
        r"/home/|/Users/|(?<![\w{])/tmp/[a-z]"
        r"|pypi\.org|docker\.io|ghcr\.io|quay\.io|gcr\.io|registry\.[a-z-]+\.|localhost:\d+/simple"
    )
    found = [
        f"{page.relative_to(ROOT)}: {match[0]}"
        for page in pages()
        for match in forbidden.finditer(page.read_text())
    ]
    assert found == []
