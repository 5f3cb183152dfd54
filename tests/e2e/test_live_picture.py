"""The live picture of `fedctl demo run failover` on a real terminal of 80 and 100 columns."""

import pytest

from tests.e2e.terminal import Screen, run_on_terminal

pytestmark = pytest.mark.timeout(30)

STORY = """
import time
from federation.cli.commands import run_failover
from federation.cli.io import Format, standard_io
from federation.demo.scenarios.stage import Tally
from federation.demo.scenarios.steps import Flow, Promise, Result, Row, Step, nothing
from federation.verify.guarantees import Place, Summary
from federation.verify.history import Record

FLOWS = ("GET", "gRPC", "no sidecar", "no sidecar gRPC", "no sidecar us-west", "POST", "TCP")
recent = tuple(Record(str(i), i, i, i + 0.01, 200, "", "eu-west", "api-1") for i in range(9))
shares = (("us-west", 0.57), ("eu-west", 0.43))
step = Step("gateway killed", (Flow("GET", "api"),), Place("us-east"), nothing, {"lost": Promise()})
rows = tuple(
    Row(step.name, phase, flow, Summary(phase, 2000, 0, shares, 0.001, 0.004, 0.0251), 0, 0.03)
    for phase in ("before", "lost") for flow in FLOWS
)
io = standard_io()
with run_failover._picture(io) as (told, above):
    for number in (1, 2):
        told.step(step, number, 2)
        for flow in FLOWS:
            told.pulse(flow, recent, Tally(2000, 0))
        told.phase("lost")
        time.sleep(0.4)
        run_failover._show(Result(f"step {number}", rows, ("a fact",), ()), Format.TABLE, above)
        time.sleep(0.4)
io.say("the end")
"""


@pytest.mark.parametrize(
    ("columns", "environment"),
    [
        (80, {"TERM": "xterm-256color"}),
        (80, {"TERM": "xterm", "NO_COLOR": "1"}),
        (100, {"TERM": "xterm-256color"}),
    ],
    ids=["80", "80 without colour", "100"],
)
def test_no_line_of_a_result_is_drawn_over(columns: int, environment: dict[str, str]) -> None:
    written, text = run_on_terminal(STORY, columns=columns, environment=environment)
    lines = text.splitlines()
    for number in (1, 2):
        at = lines.index(f"step {number}: kept")
        assert lines[at + 1].split()[:3] == ["PHASE", "FLOW", "FAILED"]
        shown = lines[at + 2 : at + 2 + 14]
        assert all("0 of 2000" in line and "0.03 s" in line for line in shown)
        assert lines[at + 16] == "  a fact"
    assert max(map(len, lines)) <= columns
    assert lines[-1] == "the end", "of the picture itself nothing is left"
    assert "[2/2] gateway killed: lost" in written
    assert ("\x1b[32m" in written) is ("NO_COLOR" not in environment)


def test_a_terminal_that_cannot_go_back_gets_plain_lines() -> None:
    written, text = run_on_terminal(STORY, columns=80, environment={"TERM": "dumb"})
    assert "\x1b" not in written
    assert "[1/2] gateway killed\n  lost\n" in text
    assert text.count("0 of 2000") == 2 * 14


def test_the_screen_of_these_tests_draws_over_what_it_is_told_to() -> None:
    screen = Screen(10, 4)
    screen.feed("one\r\ntwo\r\n\x1b[1A\x1b[2Kxx\r\n")
    assert screen.text == "one\nxx"
    screen.feed("0123456789ab")
    assert screen.text == "one\nxx\n0123456789\nab"
