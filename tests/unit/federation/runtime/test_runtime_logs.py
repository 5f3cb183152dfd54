"""Log lines for people."""

import logging

import pytest

from federation.runtime import logs
from tests.unit.federation.runtime.test_runtime_escapes import HOSTILE


def record(text: str, error: Exception | None = None) -> logging.LogRecord:
    about = (type(error), error, None) if error is not None else None
    return logging.LogRecord("any", logging.ERROR, __file__, 1, text, None, about)


def written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: logging.LogRecord
) -> str:
    """What a process writes for a record."""
    root = logging.getLogger()
    with monkeypatch.context() as patch:
        patch.setattr(root, "handlers", [])  # those of the test runner are not ours to close
        patch.setattr(root, "level", root.level)
        logs.set_up()
        root.handle(found)
    return capsys.readouterr().err


def test_a_line_has_its_time_level_and_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = logs.event("joined", cluster="eu-west", why="a new token")
    at, _, rest = written(monkeypatch, capsys, record(text)).partition(" ")
    assert at.endswith("+00:00")
    assert rest == "error   joined cluster=eu-west why='a new token'\n"


def test_an_exception_follows_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = written(monkeypatch, capsys, record("failed", ValueError("odd"))).splitlines()
    assert [lines[0].endswith(" failed"), *lines[1:]] == [True, "  ValueError: odd"]


@pytest.mark.parametrize("text", [text for text, _ in HOSTILE.values()])
def test_nothing_from_outside_ends_a_line_or_reaches_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    for found in (record(logs.event("call refused", path=text)), record(text)):
        line = written(monkeypatch, capsys, found)
        assert line.removesuffix("\n").isprintable()


def test_the_text_of_an_exception_cannot_pass_for_a_line_of_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ValueError("odd\n2030-01-01T00:00:00+00:00 info    certified\x1b[2J")
    lines = written(monkeypatch, capsys, record("failed", error)).splitlines()
    assert lines[1:] == [
        "  ValueError: odd",
        "  2030-01-01T00:00:00+00:00 info    certified\\x1b[2J",
    ]
