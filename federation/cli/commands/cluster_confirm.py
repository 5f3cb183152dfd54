"""`fedctl cluster confirm`: say that a withdrawal the controller holds back is meant so."""

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
    """The controller, and the cluster."""

    client: "Client"
    cluster: str


@click.command("confirm")
@click.argument("cluster")
@config_option
def command(cluster: str, config: Path | None) -> int:
    """Withdraw what is held back of CLUSTER, which vanished at once or never reported again."""
    return run(Options(client_for(config), cluster), standard_io())


def run(options: Options, io: IO) -> int:
    """Confirm; says what went."""
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    cluster = parse_cluster_id(options.cluster)
    released = options.client.confirm_cluster(cluster)["released"]
    if released:
        io.result(f"cluster {cluster}: withdrawn")
        io.say(f"it was held back: {released}")
    else:
        io.result(f"cluster {cluster}: nothing is held back")
    return 0
