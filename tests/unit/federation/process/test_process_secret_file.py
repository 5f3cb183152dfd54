"""A file of one token holds exactly that, or is refused by name."""

from pathlib import Path

import pytest

from federation.model.errors import InvalidInput
from federation.process.secret_file import MOST_CHARACTERS, read_token_file


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_token_file(tmp_path / "none", "token") is None


@pytest.mark.parametrize("held", [b"abc", b"abc\n", b"\r\n  abc \t\n"])
def test_white_space_around_it_does_not_count(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "t").write_bytes(held)
    assert read_token_file(tmp_path / "t", "token") == "abc"


def test_the_longest_is_taken_and_no_longer_one(tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_bytes(b"x" * MOST_CHARACTERS)
    assert read_token_file(file, "token") == "x" * MOST_CHARACTERS
    for beyond in (1, 10_000_000):
        file.write_bytes(b"x" * (MOST_CHARACTERS + beyond))
        with pytest.raises(InvalidInput, match="token holds more than 4096 characters"):
            read_token_file(file, "token")


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (b"", "is empty"),
        (b" \n\n\t", "is empty"),
        (b"ab", "holds 2 characters, but a token must have between 3 and 4096"),
        (b"abc def", "does not hold one token"),
        (b"abc\ndef", "does not hold one token"),
        (bytes(9), "does not hold one token"),
        (b"abc\x1b[2J", "does not hold one token"),
        ("äöü".encode(), "does not hold one token"),
        (b"\xff" * 9, "does not hold one token"),
    ],
)
def test_what_is_no_token_is_refused(tmp_path: Path, held: bytes, reason: str) -> None:
    (tmp_path / "t").write_bytes(held)
    with pytest.raises(InvalidInput, match=f"token_file x {reason}"):
        read_token_file(tmp_path / "t", "token_file x", least=3)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="token_file x cannot be read: Is a directory"):
        read_token_file(tmp_path, "token_file x")
