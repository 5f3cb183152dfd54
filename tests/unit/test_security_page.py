"""The threat model is held by tests: every line names some, and they exist."""

import re

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "security.md"
COLUMNS = 5


def threats() -> dict[str, list[str]]:
    """What is stolen, and the tests that are named for it."""
    part = PAGE.read_text().partition("## What is stolen\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    assert all(len(line) == COLUMNS for line in lines)
    return {line[0].strip(): re.findall(r"`(test_\w+)`", line[-1]) for line in lines[2:]}


def names_of_tests() -> set[str]:
    """The names of all tests of the project."""
    files = (ROOT / "tests").rglob("test_*.py")
    found = (re.findall(r"^(?:async )?def (test_\w+)", f.read_text(), re.MULTILINE) for f in files)
    return {name for names in found for name in names}


def test_every_threat_names_a_test() -> None:
    found = threats()
    assert len(found) > 10
    assert [what for what, named in found.items() if not named] == []


def test_every_test_that_is_named_exists() -> None:
    named = {name for names in threats().values() for name in names}
    assert sorted(named - names_of_tests()) == []
