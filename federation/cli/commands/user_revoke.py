"""`fedctl user revoke`: a token or certificate of a user is refused from now on, or all are."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import client_for, config_option

if TYPE_CHECKING:
    from federation.client.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, whose, and which credential (all when empty)."""

    client: "Client"
    user: str
    credential: str = ""


@click.command("revoke")
@click.argument("user", metavar="NAME")
@click.option("--credential", default="", metavar="ID", help="Only this token or certificate.")
@config_option
def command(user: str, credential: str, config: Path | None) -> int:
    """Refuse all tokens and certificates of the user NAME, or one of them."""
    return run(Options(client_for(config), user, credential), standard_io())


def run(options: Options, io: IO) -> int:
    """Say what is refused; the user itself stays."""
    said = options.client.revoke_user(options.user, options.credential)
    io.result(str(said["message"]))
    if not options.credential:
        io.say(f"user {options.user} stays; without it: kubectl delete user {options.user}")
    return 0
