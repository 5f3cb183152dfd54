"""`fedctl trust revoke`: believe a cluster no more, at once and everywhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import client_for, config_option

if TYPE_CHECKING:
    from federation.api.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, and which cluster."""

    client: "Client"
    cluster: str


@click.command("revoke")
@click.argument("cluster")
@config_option
def command(cluster: str, config: Path | None) -> int:
    """Revoke CLUSTER: nobody believes it any more, its keys are never accepted again."""
    return run(Options(client_for(config), cluster), standard_io())


def run(options: Options, io: IO) -> int:
    """Revoke it; say what that means and how it could come back."""
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    cluster = options.client.revoke(parse_cluster_id(options.cluster))["cluster"]
    io.result(f"cluster {cluster} is revoked: nobody believes it any more")
    io.say("TCP connections that are open end within tcp_connection_seconds of the agents")
    io.say(f"to let it come back: fedctl token create {cluster}, and an agent with an empty state")
    return 0
