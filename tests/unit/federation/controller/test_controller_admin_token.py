"""The API's token: made once, taken as an operator writes it, and never one that opens to all."""

from pathlib import Path

import pytest

from federation.controller.admin_token import SHORTEST, open_admin_token
from federation.model.errors import InvalidInput

GOOD = "0123456789abcdefghijklmnopqrstuv"


def test_it_is_made_once_and_kept_private(tmp_path: Path) -> None:
    file = tmp_path / "admin.token"
    made = open_admin_token(file)
    assert len(made) >= SHORTEST
    assert open_admin_token(file) == made
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_operators_own_is_taken_without_white_space(tmp_path: Path) -> None:
    file = tmp_path / "admin.token"
    file.write_text(f" {GOOD}\n")
    assert open_admin_token(file) == GOOD


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (b"", "is empty"),
        (b"\n \t\n", "is empty"),
        (GOOD[:-1].encode(), "holds 31 characters, but a token must have between 32 and 4096"),
        (b"x" * 5_000, "more than 4096 characters"),
        (bytes(43), "does not hold one token"),
        (b"one token and another one, in one file", "does not hold one token"),
        ("ü".encode() * 20, "does not hold one token"),
    ],
)
def test_what_would_open_to_anybody_or_nobody_is_refused(
    tmp_path: Path, held: bytes, reason: str
) -> None:
    file = tmp_path / "admin.token"
    file.write_bytes(held)
    with pytest.raises(InvalidInput, match=f"the API's token .*/admin.token .*{reason}.*remove"):
        open_admin_token(file)
    assert file.read_bytes() == held


def test_one_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        open_admin_token(tmp_path)
