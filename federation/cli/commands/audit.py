"""`fedctl audit`: who did what to the federation, when and from where."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, Column, Format, moment, standard_io
from federation.cli.listing import field
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.client.client import Client

COLUMNS = (
    Column("time", lambda item: moment(item["at"])),
    Column("what", field("what")),
    Column("cluster", field("cluster")),
    Column("who", field("who")),
    Column("from", field("address"), wide=True),
    Column("outcome", field("outcome")),
    Column("detail", field("detail"), wide=True),
)


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, of which cluster (all when empty), and how to show it."""

    client: "Client"
    cluster: str
    output: Format


@click.command("audit")
@click.option("--cluster", default="", help="Only what was done to this cluster.")
@output_option
@config_option
def command(cluster: str, output: Format, config: Path | None) -> int:
    """Show who did what: tokens, joins, clusters, keys, backups; the newest last."""
    return run(Options(client_for(config), cluster, output), standard_io())


def run(options: Options, io: IO) -> int:
    """Show it."""
    found = options.client.audit()
    items = [i for i in found if options.cluster in ("", i["cluster"])]
    io.show(options.output, {"items": items}, COLUMNS, items)
    if not items:
        io.say(
            "nothing is noted yet" + (f" of cluster {options.cluster}" if options.cluster else "")
        )
    return 0
