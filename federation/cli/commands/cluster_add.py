"""`fedctl cluster add`: state where a cluster is and what it may do."""

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
    """The controller, and the operator's word about the cluster."""

    client: "Client"
    cluster: str
    region: str
    zones: tuple[str, ...]
    network: str
    gateway_cidrs: tuple[str, ...]
    namespaces: tuple[str, ...]


@click.command("add")
@click.argument("cluster")
@click.option("--region", required=True, help="The region it is in.")
@click.option("--zone", "zones", multiple=True, help="A zone it spans; may be repeated.")
@click.option(
    "--network-name",
    default="",
    help="Clusters of one network reach each other's endpoints (headless services).",
)
@click.option("--gateway-cidr", "cidrs", multiple=True, help="Where its gateways may be.")
@click.option("--namespace", "namespaces", multiple=True, help="What it may export; default: all.")
@config_option
def command(
    *,
    cluster: str,
    region: str,
    zones: tuple[str, ...],
    network_name: str,
    cidrs: tuple[str, ...],
    namespaces: tuple[str, ...],
    config: Path | None,
) -> int:
    """Add a cluster to the federation, or change what is said about it."""
    options = Options(client_for(config), cluster, region, zones, network_name, cidrs, namespaces)
    return run(options, standard_io())


def run(options: Options, io: IO) -> int:
    """Write the cluster; says how it joins."""
    from federation.api.documents import cluster_document  # noqa: PLC0415
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    cluster = parse_cluster_id(options.cluster)
    document = cluster_document(
        cluster,
        options.region,
        zones=options.zones,
        network=options.network,
        gateway_cidrs=options.gateway_cidrs,
        namespaces=options.namespaces,
    )
    options.client.put_cluster(document)
    io.result(f"cluster {cluster} is stated")
    io.say(f"let it join with the token of: fedctl token create {cluster}")
    return 0
