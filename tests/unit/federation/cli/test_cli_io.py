"""People and pipes get tables, programs get JSON and YAML."""

import json
from io import StringIO
from operator import itemgetter

import click
import pytest
import yaml

from federation.cli.io import IO, Column, Format, aligned, standard_io
from federation.cli.options import output_option

DOCUMENT = {"items": [{"id": "us-east"}, {"id": "eu"}]}
ITEMS = [("us-east", 3, "one, two"), ("eu", 12, "")]
COLUMNS = (
    Column("cluster", itemgetter(0)),
    Column("exports", itemgetter(1)),
    Column("names", itemgetter(2), wide=True),
    Column("count", itemgetter(2), narrow=lambda item: len(item[2])),
)
NAMES = ("cluster", "exports")
SHOWN = "CLUSTER  EXPORTS  COUNT\nus-east  3        8\neu       12       0\n"


def shown(output: Format, *, is_terminal: bool, headers: bool = True) -> str:
    out = StringIO()
    io = IO(out, StringIO(), is_terminal, headers=headers)
    io.show(output, DOCUMENT, COLUMNS, ITEMS)
    return out.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_table_is_the_same_on_a_terminal_and_in_a_pipe(is_terminal: bool) -> None:
    assert shown(Format.TABLE, is_terminal=is_terminal) == SHOWN


def test_wide_has_all_columns_and_whole_cells() -> None:
    first, second, _ = shown(Format.WIDE, is_terminal=False).splitlines()
    assert first.split() == ["CLUSTER", "EXPORTS", "NAMES", "COUNT"]
    assert second == "us-east  3        one, two  one, two"


def test_headers_can_be_left_out() -> None:
    text = shown(Format.TABLE, is_terminal=False, headers=False)
    assert text == SHOWN.partition("\n")[2]


@pytest.mark.parametrize(("words", "headers"), [((), True), (("--no-headers",), False)])
def test_no_headers_is_an_option_of_whatever_lists_something(
    words: tuple[str, ...], headers: bool
) -> None:
    seen: list[tuple[Format, bool]] = []

    @click.command()
    @output_option
    def command(output: Format) -> None:
        seen.append((output, standard_io().headers))

    command.main(["-o", "wide", *words], standalone_mode=False)
    assert seen == [(Format.WIDE, headers)]
    assert standard_io().headers


def test_a_table_without_rows_is_nothing() -> None:
    io = IO(StringIO(), StringIO(), is_terminal=True)
    io.show(Format.TABLE, DOCUMENT, COLUMNS, [])
    assert io.out.getvalue() == ""  # type: ignore[attr-defined]


LONG = [("us-east", "a" * 60, "b" * 40), ("eu", "c", "d")]


@pytest.mark.parametrize("width", [80, 100])
def test_on_a_terminal_the_longest_cells_are_cut_to_its_width(width: int) -> None:
    text = aligned(("x", "y", "z"), LONG, width)
    lines = text.splitlines()
    assert max(map(len, lines)) == width
    assert lines[1].startswith(f"us-east  {'a' * 20}")
    assert lines[1].count("…") == 2 if width == 80 else 1
    assert lines[2].split() == ["eu", "c", "d"]
    assert aligned(("x", "y", "z"), LONG).splitlines()[1].endswith("b" * 40)


def test_a_very_narrow_terminal_keeps_a_bit_of_each_column() -> None:
    assert aligned(("x", "y"), [("abcdefgh", "ijklmnop")], 5).splitlines()[1] == "abc…  ijk…"


def test_only_on_terminals_anything_is_cut() -> None:
    for io, cut in (
        (IO(StringIO(), StringIO(), True, 20), True),
        (IO(StringIO(), StringIO(), False), False),
    ):
        io.table(("x", "y"), [("us-east", "a" * 60)])
        assert ("…" in io.out.getvalue()) is cut  # type: ignore[attr-defined]
        io.show(Format.WIDE, None, COLUMNS[:1], [("b" * 60, 1, "")])
        assert "b" * 60 in io.out.getvalue()  # type: ignore[attr-defined]


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
    assert aligned(NAMES, []) == "CLUSTER  EXPORTS"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_others_say_does_nothing_to_a_terminal_nor_to_the_rows(is_terminal: bool) -> None:
    out = StringIO()
    rows = [("east\nwest\t9", "\x1b[2J"), ("eu", "\x9b31m")]
    IO(out, StringIO(), is_terminal).show(Format.TABLE, {}, COLUMNS[:2], rows)
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert r"east\nwest\t9" in lines[-2]


def test_sentences_keep_their_lines_and_nothing_else() -> None:
    io = IO(StringIO(), StringIO(), is_terminal=True)
    io.say("two\nlines\x1b[2J")
    io.result("\ttab\r")
    assert (io.out.getvalue(), io.err.getvalue()) == ("\ttab\\r\n", "two\nlines\\x1b[2J\n")  # type: ignore[attr-defined]
