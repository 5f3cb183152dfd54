"""A passphrase comes from a file or a terminal, and never from nowhere."""

import io
from pathlib import Path

import pytest

from federation.cli.passphrase import ask_passphrase
from federation.model.errors import InvalidInput

WORDS = "correct horse battery"


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "words").write_text(f"{WORDS}\n")
    assert ask_passphrase(tmp_path / "words") == WORDS
    with pytest.raises(InvalidInput, match="--passphrase-file"):
        ask_passphrase(tmp_path / "none")


def test_without_a_terminal_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{WORDS}\n"))
    with pytest.raises(InvalidInput, match="name a file by --passphrase-file"):
        ask_passphrase(None)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_is_asked_for_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def prompt(_: str, **how: object) -> str:
        asked.append(how)
        return WORDS

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("click.prompt", prompt)
    assert ask_passphrase(None) == WORDS
    assert asked == [{"hide_input": True, "err": True}]


def test_a_short_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("click.prompt", lambda *_, **__: "short")
    with pytest.raises(InvalidInput, match="passphrase has 5 characters"):
        ask_passphrase(None)
