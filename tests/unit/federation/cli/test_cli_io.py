"""People get tables, pipes get tabs, programs get JSON and YAML."""

import json
from io import StringIO

import pytest
import yaml

from federation.cli.io import IO, Format, aligned

DOCUMENT = {"items": [{"id": "us-east"}, {"id": "eu"}]}
ROWS = [("us-east", 3), ("eu", 12)]
COLUMNS = ("cluster", "exports")


def shown(output: Format, *, is_terminal: bool) -> str:
    out = StringIO()
    IO(out, StringIO(), is_terminal).show(output, DOCUMENT, COLUMNS, ROWS)
    return out.getvalue()


def test_a_terminal_gets_a_table_with_a_header() -> None:
    assert shown(Format.TABLE, is_terminal=True) == ("CLUSTER  EXPORTS\nus-east  3\neu       12\n")


def test_a_pipe_gets_tabs_without_a_header() -> None:
    assert shown(Format.TABLE, is_terminal=False) == "us-east\t3\neu\t12\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_json_and_yaml_are_the_same_document_everywhere(is_terminal: bool) -> None:
    assert json.loads(shown(Format.JSON, is_terminal=is_terminal)) == DOCUMENT
    assert yaml.safe_load(shown(Format.YAML, is_terminal=is_terminal)) == DOCUMENT


def test_progress_does_not_mix_with_the_result() -> None:
    io = IO(StringIO(), StringIO(), is_terminal=False)
    io.say("working")
    io.result("done")
    assert (io.out.getvalue(), io.err.getvalue()) == ("done\n", "working\n")  # type: ignore[attr-defined]


def test_a_table_without_rows_is_its_header() -> None:
    assert aligned(COLUMNS, []) == "CLUSTER  EXPORTS"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_others_say_does_nothing_to_a_terminal_nor_to_the_rows(is_terminal: bool) -> None:
    out = StringIO()
    rows = [("east\nwest\t9", "\x1b[2J"), ("eu", "\x9b31m")]
    IO(out, StringIO(), is_terminal).show(Format.TABLE, {}, COLUMNS, rows)
    lines = out.getvalue().splitlines()
    assert len(lines) == (3 if is_terminal else 2)
    assert all(line.replace("\t", " ").isprintable() for line in lines)
    assert r"east\nwest\t9" in lines[-2]


def test_sentences_keep_their_lines_and_nothing_else() -> None:
    io = IO(StringIO(), StringIO(), is_terminal=True)
    io.say("two\nlines\x1b[2J")
    io.result("\ttab\r")
    assert (io.out.getvalue(), io.err.getvalue()) == ("\ttab\\r\n", "two\nlines\\x1b[2J\n")  # type: ignore[attr-defined]
