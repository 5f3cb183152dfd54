"""A command that lists: its items in every format, and the next step when there are none."""

import json
from io import StringIO
from typing import Any, cast

import pytest

from federation.cli.io import IO, Column, Format
from federation.cli.listing import Listing, Options, field, list_command, run
from federation.client.client import Client

LISTING = Listing(
    lambda client: client.clusters(),
    (Column("cluster", field("id")), Column("note", field("note"), wide=True)),
    "none: add one",
)
ITEMS: list[dict[str, Any]] = [
    {"id": "east", "note": ""},
    {"id": "west", "note": None},
    {"id": "eu", "note": 0},
]


class Fake:
    def __init__(self, items: list[dict[str, Any]]) -> None:
        self._items = items

    def clusters(self) -> list[dict[str, Any]]:
        return self._items


def said(items: list[dict[str, Any]], output: Format) -> tuple[str, str]:
    io = IO(StringIO(), StringIO(), is_terminal=False)
    assert run(LISTING, Options(cast(Client, Fake(items)), output), io) == 0
    return io.out.getvalue(), io.err.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (Format.TABLE, "CLUSTER\neast\nwest\neu\n"),
        (Format.WIDE, "CLUSTER  NOTE\neast     -\nwest     -\neu       0\n"),
    ],
)
def test_tables_have_a_line_for_each_item(output: Format, shown: str) -> None:
    assert said(ITEMS, output) == (shown, "")


def test_json_is_all_of_the_items() -> None:
    assert json.loads(said(ITEMS, Format.JSON)[0]) == {"items": ITEMS}


def test_an_empty_list_says_what_to_do_next_beside_the_result() -> None:
    assert said([], Format.TABLE) == ("", "none: add one\n")


def test_the_command_has_the_options_of_all_lists() -> None:
    options = {o for p in list_command("List.", LISTING).params for o in p.opts}
    assert options == {"-o", "--output", "--no-headers", "--config", "--context"}
