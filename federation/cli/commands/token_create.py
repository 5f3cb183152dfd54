"""`fedctl token create`: a token with which a cluster joins, once."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import JOIN_TOKEN_LIFE, client_for, config_option

if TYPE_CHECKING:
    from federation.client.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, for which cluster, and for how many seconds."""

    client: "Client"
    cluster: str
    expires_seconds: int


@click.command("create")
@click.argument("cluster")
@click.option("--expires", callback=JOIN_TOKEN_LIFE, default="1h", help="How long; 7d at most.")
@config_option
def command(cluster: str, expires: int, config: Path | None) -> int:
    """Print a join token for CLUSTER; it can be used once."""
    return run(Options(client_for(config), cluster, expires), standard_io())


def run(options: Options, io: IO) -> int:
    """Make the token and print it, and nothing else, to stdout."""
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    cluster = parse_cluster_id(options.cluster)
    token = options.client.create_join_token(cluster, options.expires_seconds)["token"]
    io.result(str(token))
    io.say(f"give it to the agent of {cluster} as its join_token_file; it works once")
    return 0
