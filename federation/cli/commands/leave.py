"""`fedctl leave`: a cluster leaves the federation in order."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.consent import Consent, consent, may_cut, yes_option
from federation.cli.io import IO, standard_io
from federation.cli.options import client_for, config_option
from federation.cli.progress import waiting

if TYPE_CHECKING:
    from federation.client.client import Client

LONGEST_SECONDS = 60.0
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, which cluster, who is asked whether it is meant so, and how to wait."""

    client: "Client"
    cluster: str
    consent: Consent
    now: Callable[[], float]
    sleep: Callable[[float], None]


@click.command("leave")
@click.argument("cluster")
@yes_option
@config_option
def command(cluster: str, yes: bool, config: Path | None) -> int:
    """Have CLUSTER leave: others stop sending to it, then its certificates are rejected.

    Says what is cut and asks on a terminal; elsewhere it needs --yes.
    """
    waiting = (time.monotonic, time.sleep)  # noqa: TID251
    return run(Options(client_for(config), cluster, consent(yes), *waiting), standard_io())


def run(options: Options, io: IO) -> int:
    """Begin, and wait until it has left."""
    from federation.model.errors import Failed  # noqa: PLC0415
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    name = parse_cluster_id(options.cluster)
    if not may_cut(options.client, name, io, options.consent, "departure"):
        return 1
    cluster = options.client.delete_cluster(name)["cluster"]
    io.say(f"{cluster} leaves: others send it nothing more")
    latest = options.now() + LONGEST_SECONDS
    with waiting(io, f"waiting until {cluster} has left", options.now) as look:
        while any(item["id"] == cluster for item in options.client.clusters()):
            if options.now() > latest:
                raise Failed(f"{cluster} is still listed: look at the controller's log")
            look()
            options.sleep(_LOOK_SECONDS)
    io.result(f"cluster {cluster} has left")
    io.say("stop its agent; to come back it is added again and needs a new token")
    return 0
