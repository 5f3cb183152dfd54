"""Colours are for terminals, and only where nobody said no."""

from io import StringIO

import pytest

from federation.cli.colour import Colour, is_coloured, painted
from federation.cli.io import IO


@pytest.mark.parametrize(
    ("terminal", "environ", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_where_there_are_colours(terminal: bool, environ: dict[str, str], coloured: bool) -> None:
    io = IO(StringIO(), StringIO(), is_terminal=terminal)
    assert is_coloured(io, environ) is coloured


def test_a_word_is_painted_and_no_more() -> None:
    assert painted("ok", Colour.GREEN) == "\x1b[32mok\x1b[0m"
