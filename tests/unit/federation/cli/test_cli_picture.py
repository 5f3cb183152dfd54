"""The live picture shows what happens now, and who answers."""

import io

from rich.console import Console

from federation.cli.picture import Picture
from federation.verify.history import Record


def records(cluster: str, count: int) -> tuple[Record, ...]:
    return tuple(
        Record(f"{cluster}{i}", i, i, i + 0.02, 200, "", cluster, "api-1") for i in range(count)
    )


def drawn(picture: Picture) -> str:
    out = io.StringIO()
    Console(file=out, width=120, force_terminal=False).print(picture.draw())
    return out.getvalue()


def test_every_flow_has_a_line_with_its_answers() -> None:
    picture = Picture()
    picture.step("gateway killed", 2, 9)
    picture.phase("lost")
    picture.pulse("GET", (*records("eu-west", 3), *records("us-west", 1)))
    picture.pulse("gRPC", (Record("x", 0, 0, 1, 0, "reset"),))
    text = drawn(picture)
    assert "[2/9] gateway killed: lost" in text
    assert "eu-west 75%, us-west 25%" in text
    assert "20 ms" in text
    assert text.splitlines()[-1].split()[:2] == ["gRPC", "1"]


def test_the_bar_is_divided_as_the_answers_are() -> None:
    picture = Picture()
    picture.pulse("GET", (*records("eu-west", 1), *records("us-west", 1)))
    assert drawn(picture).count("█") == 30


def test_a_new_step_begins_with_an_empty_picture() -> None:
    picture = Picture()
    picture.pulse("GET", records("eu-west", 1))
    picture.step("next", 1, 1)
    assert "GET" not in drawn(picture)
