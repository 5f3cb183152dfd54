"""How long a token may live: refused on the command line, before anything is made."""

import click
import pytest

from federation.api.v1alpha1.credentials import LONGEST_SECONDS as OF_USERS
from federation.api.v1alpha1.join_token import LONGEST_SECONDS as OF_CLUSTERS
from federation.cli.options import JOIN_TOKEN_LIFE, USER_LIFE
from federation.controller.membership.join_tokens import MAX_TOKEN_SECONDS

CONTEXT = click.Context(click.Command("x"))
OPTION = click.Option(["--expires"])


def test_the_command_line_takes_what_the_controller_takes() -> None:
    assert USER_LIFE(CONTEXT, OPTION, "365d") == OF_USERS
    assert JOIN_TOKEN_LIFE(CONTEXT, OPTION, "7d") == OF_CLUSTERS == MAX_TOKEN_SECONDS


@pytest.mark.parametrize("value", ["366d", "59s", "soon"])
def test_no_user_has_a_longer_or_shorter_credential(value: str) -> None:
    with pytest.raises(click.BadParameter, match=value):
        USER_LIFE(CONTEXT, OPTION, value)


def test_no_join_token_lives_longer() -> None:
    with pytest.raises(click.BadParameter, match="must be from 1s to 7d"):
        JOIN_TOKEN_LIFE(CONTEXT, OPTION, "8d")
