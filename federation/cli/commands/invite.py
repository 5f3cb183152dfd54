"""`fedctl invite`: a cluster may join; prints the command that it joins with."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.commands import cluster_add
from federation.cli.consent import consent, yes_option
from federation.cli.io import IO, standard_io
from federation.cli.options import JOIN_TOKEN_LIFE, client_for, config_option

if TYPE_CHECKING:
    from federation.client.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, the operator's word about the cluster, and for how many seconds."""

    client: "Client"
    word: cluster_add.Options
    expires_seconds: int


@click.command("invite")
@click.argument("cluster")
@cluster_add.word_options
@click.option("--expires", callback=JOIN_TOKEN_LIFE, default="1h", help="How long; 7d at most.")
@yes_option
@config_option
def command(
    *,
    cluster: str,
    region: str,
    zones: tuple[str, ...],
    network_name: str,
    cidrs: tuple[str, ...],
    namespaces: tuple[str, ...],
    expires: int,
    yes: bool,
    config: Path | None,
) -> int:
    """State CLUSTER when it is new, and print the command by which it joins, once.

    The command is to be run on the cluster's host. Whoever has it can join as that cluster until
    it expires. Of a cluster that is there, what is named changes, as 'fedctl cluster add' does it.
    """
    client = client_for(config)
    word = (region, zones, network_name, cidrs, namespaces, ())
    stated = cluster_add.Options(client, cluster, *word, consent(yes))
    return run(Options(client, stated, expires), standard_io())


def run(options: Options, io: IO) -> int:
    """State the cluster where that is needed, make the token, print the command and no more."""
    from federation.model.errors import InvalidInput  # noqa: PLC0415
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    word = options.word
    cluster = parse_cluster_id(word.cluster)
    known = next((c for c in options.client.clusters() if c["id"] == cluster), None)
    if known is None and not word.region:
        raise InvalidInput(
            f"cluster {cluster} is new: say where it is, by 'fedctl invite {cluster} --region "
            "REGION', and --zone for each zone if you know them"
        )
    is_named = any((word.region, word.zones, word.network, word.gateway_cidrs, word.namespaces))
    if is_named and cluster_add.state(word, IO(io.err, io.err, is_terminal=False)) is None:
        return 1
    if known is not None and known["joined"]:
        io.say(f"cluster {cluster} has joined already: with this it joins again, in its old place")
    token = options.client.create_join_token(cluster, options.expires_seconds)["token"]
    io.say(f"run this on the host of {cluster}; it works once, and is a secret until then:")
    io.result(f"fedctl join {token} --state {cluster}-agent")
    return 0
