"""`fedctl audit`: who did what to the federation, when and from where."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Format, moment, standard_io
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.api.client import Client

COLUMNS = ("time", "what", "cluster", "who", "from", "outcome", "detail")


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
    io.show(options.output, {"items": items}, COLUMNS, [row_of(item) for item in items])
    return 0


def row_of(item: dict[str, Any]) -> tuple[object, ...]:
    """The line of one entry."""
    return (
        moment(item["at"]),
        item["what"],
        item["cluster"] or "-",
        item["who"],
        item["address"] or "-",
        item["outcome"],
        item["detail"] or "-",
    )
