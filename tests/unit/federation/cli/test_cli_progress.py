"""Waiting is shown on a terminal, and nowhere else."""

from io import StringIO

import pytest

from federation.cli.io import IO
from federation.cli.progress import waiting


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("err", "is_shown"), [(Terminal(), True), (StringIO(), False)])
def test_a_line_is_drawn_in_place_and_taken_away(err: StringIO, is_shown: bool) -> None:
    times = iter((0.0, 0.5, 3.0))
    with waiting(
        IO(StringIO(), err, is_terminal=True), "waiting for x", lambda: next(times)
    ) as look:
        look()
        assert err.getvalue() == "", "what is short is not talked about"
        look()
    assert ("waiting for x: 3 s" in err.getvalue()) is is_shown
    assert err.getvalue().endswith("\r\x1b[K" if is_shown else "")
