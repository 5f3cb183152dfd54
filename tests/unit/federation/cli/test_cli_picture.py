"""The live picture shows what happens now, who answers, what failed so far and what is left."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from federation.cli.io import IO
from federation.cli.picture import Picture, can_draw, live
from federation.demo.scenarios.stage import Tally
from federation.demo.scenarios.steps import Flow, Promise, Step, nothing
from federation.verify.guarantees import Place
from federation.verify.history import Record

NONE = Tally()
LONG = ("no sidecar us-west", "no sidecar gRPC", "no sidecar TCP")


def step(name: str, *phases: str) -> Step:
    flows = (Flow("GET", "api"),)
    return Step(name, flows, Place("us-east"), nothing, {phase: Promise() for phase in phases})


def records(cluster: str, count: int) -> tuple[Record, ...]:
    return tuple(
        Record(f"{cluster}{i}", i, i, i + 0.02, 200, "", cluster, "api-1") for i in range(count)
    )


def clock(*times: float) -> Callable[[], float]:
    """A clock that shows these, the last one for good."""
    rest = list(times)
    return lambda: rest.pop(0) if len(rest) > 1 else rest[0]


def drawn(picture: Picture, width: int = 120, *, no_color: bool | None = None) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=no_color is not None, no_color=no_color)
    console.print(picture.draw(width))
    return out.getvalue()


def test_every_flow_has_a_line_with_its_answers() -> None:
    picture = Picture(clock(0))
    picture.step(step("gateway killed"), 2, 9)
    picture.phase("lost")
    picture.pulse("GET", (*records("eu-west", 3), *records("us-west", 1)), Tally(400, 2))
    picture.pulse("gRPC", (Record("x", 0, 0, 1, 0, "reset"),), Tally(9, 9))
    text = drawn(picture)
    assert "[2/9] gateway killed: lost" in text
    assert "eu-west 75%, us-west 25%" in text
    assert "2 of 400  20 ms" in text
    assert text.splitlines()[-1].split()[:4] == ["gRPC", "9", "of", "9"]


def test_it_says_what_is_left_and_what_has_failed_so_far() -> None:
    picture = Picture(clock(0, 60))
    picture.step(step("one", "lost", "back"), 1, 4)
    text = drawn(picture)
    assert "then: before, lost, back; 60 s passed; 0 failed in all" in text
    picture.pulse("GET", (), Tally(100, 3))
    picture.step(step("two", "lost", "back"), 2, 4)
    picture.phase("before")
    picture.phase("lost")
    picture.pulse("GET", (), Tally(100, 1))
    assert "then: back; 60 s passed; about 3 min left; 4 failed in all" in drawn(picture)
    picture.phase("back")
    assert "the last phase" in drawn(picture)


def test_numbers_that_are_not_new_say_of_when_they_are() -> None:
    picture = Picture(clock(0, 0, 0, 20))
    picture.pulse("GET", records("eu-west", 1), NONE)
    assert "failed in all; as of 20 s ago" in drawn(picture)


def test_the_bar_is_divided_as_the_answers_are() -> None:
    picture = Picture(clock(0))
    picture.pulse("GET", (*records("eu-west", 1), *records("us-west", 1)), NONE)
    text = drawn(picture)
    assert (text.count("█"), text.count("▒")) == (15, 15)
    plain = Picture(clock(0), fills="#=")
    plain.pulse("GET", records("eu-west", 1), NONE)
    assert drawn(plain).isascii()


@pytest.mark.parametrize("width", [60, 80, 100])
def test_it_fits_the_terminal_and_every_flow_stays_one_line(width: int) -> None:
    picture = Picture(clock(0))
    picture.step(step("controller, agents, supervisors killed one by one, and so on"), 1, 9)
    for flow in LONG:
        recent = (*records("us-west", 57), *records("eu-west", 43))
        picture.pulse(flow, recent, Tally(12_000, 10))
    lines = drawn(picture, width).splitlines()
    assert len(lines) == 2 + 1 + len(LONG)
    assert max(map(len, lines)) <= width
    if width >= 80:
        for flow in LONG:
            (line,) = [line for line in lines if line.startswith(flow)]
            assert "10 of 12000" in line
            assert "us-west 57%, eu-west 43%" in line
            assert "█" in line
            assert "▒" in line


def test_colours_can_be_off() -> None:
    picture = Picture(clock(0))
    picture.pulse("GET", records("eu-west", 1), NONE)
    assert "\x1b[32m" in drawn(picture, no_color=False)
    assert "\x1b[32m" not in drawn(picture, no_color=True)


def test_a_new_step_begins_with_an_empty_picture() -> None:
    picture = Picture(clock(0))
    picture.pulse("GET", records("eu-west", 1), NONE)
    picture.step(step("next"), 1, 1)
    assert "GET" not in drawn(picture)


def test_only_a_terminal_that_can_go_back_is_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = IO(io.StringIO(), io.StringIO(), is_terminal=True)
    monkeypatch.setenv("TERM", "xterm")
    assert can_draw(talk, Console(force_terminal=True))
    monkeypatch.setenv("TERM", "dumb")
    assert not can_draw(talk, Console(force_terminal=True))
    assert not can_draw(IO(io.StringIO(), io.StringIO(), is_terminal=False))


def test_what_is_said_meanwhile_keeps_its_stream_when_that_is_no_terminal() -> None:
    talk = IO(io.StringIO(), io.StringIO(), is_terminal=True)
    with live(talk) as (_, above):
        above.say("to the log")
        above.result("to the terminal")
    assert talk.err.getvalue() == "to the log\n"  # type: ignore[attr-defined]
    assert "to the terminal\n" in talk.out.getvalue()  # type: ignore[attr-defined]
