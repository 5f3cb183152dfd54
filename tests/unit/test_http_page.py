"""The page about HTTP is held by tests: every row names some, and they exist."""

import re

from tests.docs.pages import ROOT
from tests.unit.test_security_page import names_of_tests

PAGE = ROOT / "docs" / "reference" / "http.md"
COLUMNS = 3


def rows() -> dict[str, list[str]]:
    """What the page says of each subject, and the tests that are named for it."""
    lines = [
        line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line[:1] == "|"
    ]
    assert all(len(line) == COLUMNS for line in lines)
    found = {line[0].strip(): re.findall(r"`(test_\w+)`", line[-1]) for line in lines}
    return {what: named for what, named in found.items() if what not in ("what", "header", "---")}


def test_every_row_names_a_test() -> None:
    found = rows()
    assert len(found) > 30
    assert [what for what, named in found.items() if not named] == []


def test_every_test_that_is_named_exists() -> None:
    named = {name for names in rows().values() for name in names}
    assert sorted(named - names_of_tests()) == []
