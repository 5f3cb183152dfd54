"""What scenarios measured, as tables of 80 columns, and wide."""

from io import StringIO

import pytest

from federation.cli.io import IO, Format
from federation.cli.results import FLOWS, PHASES, VISITS, Measured, answered_by, percent, seconds
from federation.demo.scenarios.steps import Row
from federation.demo.scenarios.tour import Visit
from federation.verify.guarantees import Summary

SHARES = (("us-west", 0.568), ("us-east", 0.432))
SUMMARY = Summary("killed", 2_004, 0, SHARES, 0.0013, 0.0041, 0.0251)
VISIT = Visit(
    "us-east",
    "spiffe://us-east.fedmesh.demo/ns/demo/sa/web",
    (("us-east/api-1", 11), ("us-east/api-2", 9)),
    0,
)
ROW = Row("step", "before", "no sidecar us-west", SUMMARY, shifted=0.031)


def lines(output: Format, *args: object) -> list[str]:
    out = StringIO()
    IO(out, StringIO(), is_terminal=False).show(output, None, *args)  # type: ignore[arg-type]
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (0.0001, "<1%"), (0.432, "43%"), (0.9999, ">99%"), (1.0, "100%")],
)
def test_only_nothing_is_zero_and_only_everything_is_a_hundred(share: float, text: str) -> None:
    assert percent(share) == text


def test_words_for_what_is_not_there() -> None:
    assert answered_by(()) == "-"
    assert seconds(None) == "never"


@pytest.mark.parametrize(
    ("columns", "item"),
    [(VISITS, VISIT), (PHASES, Measured(SUMMARY, "back in 8.5 s")), (FLOWS, ROW)],
    ids=["visits", "phases", "flows"],
)
def test_a_table_fits_80_columns_and_wide_has_all(columns: object, item: object) -> None:
    assert max(map(len, lines(Format.TABLE, columns, [item]))) <= 80
    (_, line) = lines(Format.WIDE, columns, [item])
    assert "us-west 56.8%, us-east 43.2%" in line or "us-east/api-1 11, us-east/api-2 9" in line


def test_failures_are_shown_with_what_was_sent_and_what_was_in_flight() -> None:
    lost = Row("step", "lost", "TCP", Summary("lost", 90, 3, (), 0, 0, 0), in_flight=2)
    assert "3 of 90 (2 in flight)" in lines(Format.TABLE, FLOWS, [lost])[1]
