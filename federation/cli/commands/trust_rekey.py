"""`fedctl trust rekey`: have a cluster replace the key of its authority."""

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
    """The controller, and which cluster."""

    client: "Client"
    cluster: str


@click.command("rekey")
@click.argument("cluster")
@config_option
def command(cluster: str, config: Path | None) -> int:
    """Have CLUSTER make a new key for its authority, and use it once all others know it."""
    return run(Options(client_for(config), cluster), standard_io())


def run(options: Options, io: IO) -> int:
    """Ask for it; how far it is, is in the status."""
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    cluster = options.client.rekey(parse_cluster_id(options.cluster))["cluster"]
    io.result(f"cluster {cluster} was asked for a new key")
    io.say("see how far it is: fedctl trust status")
    return 0
