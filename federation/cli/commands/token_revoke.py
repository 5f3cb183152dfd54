"""`fedctl token revoke`: a join token is void, whether or not it was used."""

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
    """The controller, and which token."""

    client: "Client"
    id: str


@click.command("revoke")
@click.argument("token_id", metavar="ID")
@config_option
def command(token_id: str, config: Path | None) -> int:
    """Revoke the join token ID: nobody can join with it any more."""
    return run(Options(client_for(config), token_id), standard_io())


def run(options: Options, io: IO) -> int:
    """Say so, and what it does not undo."""
    found = options.client.revoke_join_token(options.id)
    io.result(f"join token {found['id']} for cluster {found['cluster']} is revoked")
    if found["used_by"]:
        io.say(
            f"it was used before; if that was not your agent: fedctl trust revoke "
            f"{found['cluster']}"
        )
    return 0
