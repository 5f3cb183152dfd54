"""The documentation is true: its YAML loads, its commands exist, its links lead somewhere."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cluster_agent.dns.settings import DnsSettings
from cluster_agent.settings import AgentSettings
from federation.api.kinds import OWN
from federation.api.parse import parse_document
from federation.apiserver.judging import envelope, judged, strictly
from federation.cli.config import load_config
from federation.cli.main import make_cli
from federation.controller.settings import ControllerSettings
from federation.process.settings import Settings, load_settings
from federation.supervisor.settings import IdentitySettings
from gateway.settings import GatewaySettings
from sidecar.settings import SidecarSettings
from tests.docs import checks, kinds, pictures, script, settings
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
    context = click.Context(command, **command.context_settings)
    rest = list(words)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        inner = command.get_command(context, name)
        assert inner is not None, f"fedctl has no command {name}"
        command, context = inner, click.Context(inner, context, **inner.context_settings)
    command.make_context(command.name or "", rest, context).close()


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


def is_of_the_api(document: Any) -> bool:
    """Whether it is an object of a kind that only the API takes; raises when it is a wrong one."""
    said = (document["apiVersion"], document["kind"])
    found = [k for k in OWN if "create" in k.verbs and (k.api_version, k.kind) == said]
    for kind in found:
        namespace = document["metadata"].get("namespace", "")
        whole, _ = strictly(kind, envelope(kind, document, namespace), "Strict")
        judged(kind, whole)
    return bool(found)


@pytest.mark.parametrize("block", YAML_BLOCKS, ids=lambda block: block.file or block.where)
def test_yaml_loads_as_what_it_is(block: Block, tmp_path: Path) -> None:
    documents = [document for document in yaml.safe_load_all(block.text) if document]
    if all("kind" in document for document in documents):
        for document in documents:
            if is_of_the_api(document):
                continue
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


@pytest.mark.parametrize("source", sorted(pictures.SOURCES.glob("*.dot")), ids=lambda s: s.name)
def test_a_picture_is_drawn_from_its_source_and_shown(source: Path) -> None:
    assert pictures.is_current(source), "run: make docs"
    shown = f"pictures/{source.stem}.svg"
    assert any(shown in page.read_text() for page in pages()), f"no page shows {shown}"


def test_the_page_of_kinds_is_current() -> None:
    assert kinds.PAGE.read_text() == kinds.page(), "run: make docs"


def test_the_page_of_checks_is_current() -> None:
    assert checks.PAGE.read_text() == checks.page(), "run: make docs"


def test_the_fedctl_page_has_every_command_with_its_options() -> None:
    text = FEDCTL_PAGE.read_text().replace("\\|", "/")
    rows = dict(re.findall(r"^\| `fedctl ([a-z -]+?)(?= [^a-z]|`)([^|]*)\|", text, re.MULTILINE))
    shared = {"--help", "--config", "--context"}
    for path, command in _names(make_cli()):
        name = " ".join(path)
        assert name in rows, f"fedctl {name} is not on the page"
        options = [p for p in command.params if isinstance(p, click.Option)]
        known = {o for p in options for o in (*p.opts, *p.secondary_opts)}
        shown = set(re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*", rows[name]))
        assert shown <= known, f"fedctl {name}: the page has options that do not exist"
        missing = {p.opts[-1] for p in options if not shown.intersection(p.opts)} - shared
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


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    decisions = ROOT / "docs" / "decisions"
    wanted = {page for page in index.parent.rglob("*.md") if page != index}
    assert {page for page in wanted if page.parent != decisions} <= listed
    assert decisions in listed


@pytest.mark.parametrize(
    "block", [b for b in ALL_BLOCKS if b.language == "sh"], ids=lambda b: b.where
)
def test_commands_can_be_pasted(block: Block) -> None:
    """Without prompts; comments are left out, since an interactive zsh does not take them."""
    for line in block.text.splitlines():
        assert not re.match(r"\s*([$#>%]\s|#)", line), line
    done = subprocess.run(
        ["bash", "-n"], input=block.text, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_every_page_says_first_whom_it_is_for() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        if page.parent.name != "decisions":
            text = re.sub(r"<!--.*?-->", "", page.read_text())
            first = text.partition("\n")[2].strip()
            assert first.startswith("For "), page.name


SH = Block(ROOT / "p.md", 1, "sh", "echo 1\n")
JSON = Block(ROOT / "p.md", 5, "json", '{"a": 1}\n')


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('@@ block p.md:1\nx\n{"a":1}\n@@ block none: all are done\n', ""),
        ('@@ block p.md:1\n{"a":2}\n@@ block none: all are done\n', "p.md:5: the page says"),
        ("@@ block p.md:1\nno\n@@ block none: all are done\n", "but it was\nno"),
        ('@@ block p.md:1\n{"a":1}\n', "p.md:1 was the last"),
        ("", "nothing was the last"),
    ],
)
def test_a_page_that_says_something_else_is_found(said: str, reason: str) -> None:
    found = script.problem((SH, JSON), said)
    assert (found == "") is (reason == "")
    assert reason in found


def test_pages_show_what_their_commands_print() -> None:
    shown = {
        after.page.stem
        for page in pages()
        for block, after in pairwise(blocks(page))
        if script.is_output(block, after)
    }
    assert shown >= {"install", "export", "dns", "trust"}


def test_a_script_has_files_and_commands_in_order() -> None:
    file = Block(ROOT / "p.md", 1, "yaml", "# a/b.yaml\nx: 1\n")
    text = script.script_of((file, SH, JSON))
    assert text.index("cat > a/b.yaml") < text.index("@@ block p.md:1") < text.index("echo 1")
    assert '"a"' not in text
