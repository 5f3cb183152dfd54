"""Tokens of users as text."""

import pytest

from federation.model.errors import InvalidInput
from federation.trust.user_tokens import UserToken, format_user_token, parse_user_token

TOKEN = UserToken("0123456789abcdef", "s" * 43)
TEXT = f"fmu1.0123456789abcdef.{'s' * 43}"


def test_a_token_is_text_and_back_and_does_not_show_its_secret() -> None:
    assert format_user_token(TOKEN) == TEXT
    assert parse_user_token(TEXT) == TOKEN
    assert "sss" not in repr(TOKEN)


@pytest.mark.parametrize(
    "text", ["", "fmu1", TEXT[:-1], TEXT + "s", TEXT.upper(), TEXT + "\n", " " + TEXT, "fmj1.x"]
)
def test_any_other_text_is_none(text: str) -> None:
    assert parse_user_token(text) is None


def test_what_could_not_be_read_back_is_not_made() -> None:
    with pytest.raises(InvalidInput, match="16 digits and 43 characters"):
        format_user_token(UserToken("x", "y"))
