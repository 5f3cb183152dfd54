"""`fedctl leave`: a cluster leaves the federation in order."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import client_for, config_option

if TYPE_CHECKING:
    from federation.api.client import Client

LONGEST_SECONDS = 60.0
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, which cluster, and how to wait."""

    client: "Client"
    cluster: str
    now: Callable[[], float]
    sleep: Callable[[float], None]


@click.command("leave")
@click.argument("cluster")
@config_option
def command(cluster: str, config: Path | None) -> int:
    """Have CLUSTER leave: others move away from it first, then it is believed no more."""
    options = Options(client_for(config), cluster, time.monotonic, time.sleep)  # noqa: TID251
    return run(options, standard_io())


def run(options: Options, io: IO) -> int:
    """Begin, and wait until it has left."""
    from federation.model.errors import Failed  # noqa: PLC0415
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    cluster = options.client.delete_cluster(parse_cluster_id(options.cluster))["cluster"]
    io.say(f"{cluster} leaves: others send it nothing more")
    latest = options.now() + LONGEST_SECONDS
    while any(item["id"] == cluster for item in options.client.clusters()):
        if options.now() > latest:
            raise Failed(f"{cluster} is still listed: look at the controller's log")
        options.sleep(_LOOK_SECONDS)
    io.result(f"cluster {cluster} has left")
    io.say("stop its agent; to come back it is added again and needs a new token")
    return 0
