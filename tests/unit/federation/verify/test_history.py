"""A history reads back as it was written, also while it is being written."""

from pathlib import Path

import pytest

from federation.model.errors import InvalidInput, NotReady
from federation.verify.history import (
    About,
    History,
    Lag,
    Phase,
    Record,
    about_line,
    end_line,
    lines_of,
    load,
    parse,
    parse_records,
    record_line,
    save,
)

ABOUT = About("127.0.0.1:1", "api", "/", "GET", 200.0)
GOOD = Record("r-0", 1.0, 1.01, 1.05, 200, "", "us-east", "api-1")
BAD = Record("r-1", 1.5, 1.5, 2.0, 0, "timeout")
LAG = Lag(0.01, 0.005, 100)


def test_a_history_reads_back_as_it_was_written(tmp_path: Path) -> None:
    history = History(ABOUT, (GOOD, BAD), LAG)
    save(tmp_path / "h.jsonl", history)
    assert load(tmp_path / "h.jsonl") == history


def test_a_history_of_before_there_were_protocols_is_one_of_http() -> None:
    line = '{"kind":"about","target":"t","host":"h","path":"/","method":"GET","rate":1.0}\n'
    assert parse(line).about.protocol == "http"


def test_a_half_written_last_line_is_left_for_later() -> None:
    text = "".join(lines_of(History(ABOUT, (GOOD, BAD))))
    found = parse(text[:-10])
    assert found.records == (GOOD,)
    assert not found.complete


def test_a_history_without_its_end_is_not_complete() -> None:
    assert not History(ABOUT, (GOOD,)).complete
    assert History(ABOUT, (GOOD,), LAG).complete


def test_lateness_of_the_generator_is_not_in_the_latency() -> None:
    assert GOOD.latency == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("status", "error", "failed"),
    [(200, "", False), (302, "", False), (404, "", True), (503, "", True), (0, "reset", True)],
)
def test_a_request_failed_when_its_caller_did_not_get_it(
    status: int, error: str, failed: bool
) -> None:
    assert Record("r", 0, 0, 1, status, error).failed is failed


def test_a_request_in_flight_at_the_fault_belongs_to_the_fault() -> None:
    history = History(ABOUT, (GOOD, BAD), LAG)
    assert history.within(Phase("before", 0.0, 1.6)) == (GOOD,)
    assert history.within(Phase("after", 1.6, 9.0)) == (BAD,)


@pytest.mark.parametrize(
    "line",
    ["no json", "[]", "{}", '{"kind":"other"}', '{"kind":"request","id":"x"}',
     '{"kind":"end","worst":1,"p99":1,"samples":1,"more":1}'],
)  # fmt: skip
def test_a_line_that_is_no_line_of_a_history_is_named(line: str) -> None:
    text = "".join(lines_of(History(ABOUT, ()))) + line + "\n"
    with pytest.raises(InvalidInput, match="line 2"):
        parse(text)


def test_a_file_that_is_not_there_or_empty_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady):
        load(tmp_path / "missing")
    with pytest.raises(NotReady):
        parse("")


def test_the_requests_of_any_whole_lines_are_found_among_the_others() -> None:
    lines = [about_line(ABOUT), record_line(GOOD), record_line(BAD), end_line(LAG)]
    assert parse_records("".join(lines)) == [GOOD, BAD]
    assert parse_records(lines[2] + lines[1]) == [BAD, GOOD]
    assert parse_records(lines[1].rstrip()) == [GOOD]
    assert parse_records(lines[0] + lines[3]) == parse_records("") == []
