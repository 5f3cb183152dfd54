"""`fedctl user token`: another token of a user of the API."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import USER_LIFE, client_for, config_option

if TYPE_CHECKING:
    from federation.client.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, whose token, and for how many seconds."""

    client: "Client"
    user: str
    expires_seconds: int


@click.command("token")
@click.argument("user", metavar="NAME")
@click.option("--expires", callback=USER_LIFE, default="30d", help="How long; 365d at most.")
@config_option
def command(user: str, expires: int, config: Path | None) -> int:
    """Print a new token of the user NAME; those that are there stay."""
    return run(Options(client_for(config), user, expires), standard_io())


def run(options: Options, io: IO) -> int:
    """Make the token and print it, and nothing else, to stdout."""
    made = options.client.create_user_token(options.user, options.expires_seconds)
    io.result(str(made["token"]))
    io.say(
        f"token {made['id']} of {options.user} ends at {made['expires']}; it is shown here only. "
        f"Revoke it: fedctl user revoke {options.user} --credential {made['id']}"
    )
    return 0
