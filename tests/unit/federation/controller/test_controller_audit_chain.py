"""Whatever is changed in a chain of lines, the first line that breaks it is named."""

import json
from typing import Any

import pytest

from federation.controller.audit_chain import (
    LONGEST_LINE,
    Line,
    read_line,
    sealed_line,
    text_of,
    verify_lines,
)
from federation.model.errors import InvalidInput


def chain(count: int = 5) -> list[Line]:
    lines: list[Line] = []
    for number in range(1, count + 1):
        previous = lines[-1]["hash"] if lines else ""
        said = {"at": 1_000.123 + number, "what": "leave", "cluster": "", "dry_run": False}
        lines.append(sealed_line(said, number, previous))
    return lines


def broken(lines: list[Line]) -> str:
    texts = [(f"line {n}", text_of(line)[:-1]) for n, line in enumerate(lines, start=1)]
    return verify_lines(texts).broken


def test_a_chain_that_nobody_touched_holds() -> None:
    verdict = verify_lines((f"line {n}", line) for n, line in enumerate(chain(), start=1))
    assert (verdict.first, verdict.last, verdict.lines) == (1, 5, 5)
    assert verdict.hash == chain()[-1]["hash"]
    assert not broken(chain())
    assert "cluster" not in chain()[0], "what is empty takes no room"
    assert verify_lines([]).lines == 0


def test_a_chain_may_begin_later() -> None:
    verdict = verify_lines(("it", line) for line in chain()[2:])
    assert (verdict.first, verdict.last, verdict.broken) == (3, 5, "")


@pytest.mark.parametrize("field", ["at", "what", "number", "previous", "hash"])
@pytest.mark.parametrize("at", range(5))
def test_a_line_that_was_changed_is_named(field: str, at: int) -> None:
    lines = chain()
    if field not in lines[at]:
        return
    lines[at] = {**lines[at], field: 77 if field in ("at", "number") else "0" * 64}
    assert broken(lines).startswith(f"line {at + 1} ")
    assert "is not what was written" in broken(lines)


@pytest.mark.parametrize("at", range(1, 4))
def test_a_line_that_was_taken_out_or_put_in_is_named(at: int) -> None:
    lines = chain()
    assert broken(lines[:at] + lines[at + 1 :]).startswith(f"line {at + 1} ")
    assert broken(lines[: at + 1] + lines[at:]).startswith(f"line {at + 2} ")
    swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
    assert broken(swapped).startswith(f"line {at + 1} ")


def test_a_line_made_anew_breaks_the_one_after() -> None:
    lines = chain()
    lines[1] = sealed_line({**lines[1], "what": "nothing"}, 2, lines[0]["hash"])
    assert broken(lines).startswith("line 3 (entry 3) does not follow entry 2")


def test_numbers_follow_each_other() -> None:
    lines = chain(1)
    lines.append(sealed_line({"what": "leave"}, 3, lines[0]["hash"]))
    assert "does not have the number after 1" in broken(lines)


LINE: Any = chain(1)[0]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"\0" * 20,
        b"[" * 5_000,
        json.dumps(LINE).encode(),
        text_of({**LINE, "number": "1"})[:-1],
        text_of({**LINE, "number": True})[:-1],
        text_of({"at": 1})[:-1],
        text_of({**LINE, "what": "x" * LONGEST_LINE})[:-1],
        text_of(LINE)[:-2] + b',"what":"other"}',
    ],
)
def test_what_the_controller_does_not_write_is_no_line(text: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_line(text)
    assert verify_lines([("line 1", text)]).broken.startswith("line 1: ")
