"""The units of deploy/systemd are sound, and lead to programs, options and settings that exist."""

import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from federation.process.start import parser_of
from tests.docs.pages import ROOT, blocks

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
PAGE = ROOT / "docs" / "operations" / "systemd.md"
PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
HARDENED = {
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("LockPersonality", "yes"),
    ("StateDirectoryMode", "0700"),
    ("UMask", "0077"),
    ("Restart", "always"),
}


def entries(unit: Path) -> list[tuple[str, str]]:
    """The settings of a unit; a name may come several times."""
    lines = [line for line in unit.read_text().splitlines() if "=" in line and line[0] != "#"]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def program(unit: Path) -> tuple[str, list[str]]:
    """The name of what a unit starts, and its arguments."""
    words = shlex.split(dict(entries(unit))["ExecStart"])
    return Path(words[0]).name, words[1:]


def instances() -> dict[str, tuple[Path, str]]:
    """The settings of the page by file name, with their unit and the name of the instance."""
    found = {}
    for block in blocks(PAGE):
        if block.language == "yaml":
            stem = block.file.removesuffix(".yaml")
            name, _, kind = stem.rpartition("-")
            suffix = f"{kind}@" if name else kind
            found[block.file] = (UNITS[0].parent / f"fedmesh-{suffix}.service", name)
    return found


def test_every_process_has_a_unit() -> None:
    wanted = {name for name in PROGRAMS if name.startswith("fedmesh-")}
    assert {program(unit)[0] for unit in UNITS} == wanted


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_its_program_as_that_can_be_started(unit: Path) -> None:
    name, arguments = program(unit)
    assert unit.name.startswith(name)
    parsed = parser_of(name, "").parse_args(arguments)
    assert parsed.config.parent == Path("/etc/fedmesh")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_takes_every_right_away_that_is_not_needed(unit: Path) -> None:
    found = dict(entries(unit))
    assert HARDENED - set(entries(unit)) == set()
    assert found["User"] == program(unit)[0]
    is_proxy = "gateway" in unit.name or "sidecar" in unit.name
    assert found.get("KillMode") == ("process" if is_proxy else None)


@pytest.mark.parametrize("file", instances())
def test_the_settings_of_the_page_are_where_the_unit_has_its_files(file: str) -> None:
    unit, name = instances()[file]
    found = {key: value.replace("%i", name) for key, value in entries(unit)}
    assert found["ExecStart"].endswith(f" --config /etc/fedmesh/{file}")
    (text,) = [block.text for block in blocks(PAGE) if block.file == file]
    settings = yaml.safe_load(text)
    assert settings["state"] == f"/var/lib/{found['StateDirectory']}"
    if "source" in settings:
        assert settings["source"] == found["ReadWritePaths"]


def test_the_page_shows_settings_for_every_unit() -> None:
    assert {unit for unit, _ in instances().values()} == set(UNITS)
    text = PAGE.read_text()
    assert all(unit.name.replace("@.service", "@") in text for unit in UNITS)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_no_mistake(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    here = tmp_path / unit.name.replace("@.", "@instance.")
    text = unit.read_text().replace("/opt/fedmesh/bin", str(Path(sys.executable).parent))
    here.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(here)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
