"""`fedctl trust status`: chain, ages, and what comes next for each cluster."""

from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Column, Format, standard_io
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.client.client import Client

COLUMNS = (
    Column("who", itemgetter(0)),
    Column("trust", itemgetter(1)),
    Column("key", itemgetter(2), wide=True),
    Column("until", itemgetter(3)),
    Column("next", itemgetter(4)),
)


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, and how to show it."""

    client: "Client"
    output: Format


@click.command("status")
@output_option
@config_option
def command(output: Format, config: Path | None) -> int:
    """Show the root, the controller's certificate, and every cluster's authority."""
    return run(Options(client_for(config), output), standard_io())


def run(options: Options, io: IO) -> int:
    """Show it."""
    found = options.client.trust()
    io.show(options.output, found, COLUMNS, rows_of(found))
    return 0


def rows_of(found: dict[str, Any]) -> list[tuple[object, ...]]:
    """The root, the controller, then the clusters."""
    root, controller = found["root"], found["controller"]
    rows: list[tuple[object, ...]] = [
        ("root", "-", root["sha256"][:16], root["not_after"], "-"),
    ]
    if controller is not None:
        renewal = f"renewed at {controller['renews']}"
        rows.append(("controller", "-", "-", controller["not_after"], renewal))
    return rows + [_row(cluster) for cluster in found["clusters"]]


def _row(cluster: dict[str, Any]) -> tuple[object, ...]:
    shown = cluster["intermediate"]
    return (
        cluster["id"],
        cluster["state"],
        ", ".join(map(_key, cluster["anchors"])) or "-",
        shown["not_after"] if shown else "-",
        cluster["next"],
    )


def _key(anchor: dict[str, Any]) -> str:
    """A key, and until when it is believed when another one has taken its place."""
    return f"{anchor['key']} until {anchor['ends']}" if anchor["ends"] else str(anchor["key"])
