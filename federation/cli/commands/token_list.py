"""`fedctl token list`: the join tokens that were made, and what has become of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Format, moment, standard_io
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.api.client import Client

COLUMNS = ("id", "cluster", "state", "created", "expires", "used", "from", "key")


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, and how to show it."""

    client: "Client"
    output: Format


@click.command("list")
@output_option
@config_option
def command(output: Format, config: Path | None) -> int:
    """List the join tokens; their secrets are kept nowhere."""
    return run(Options(client_for(config), output), standard_io())


def run(options: Options, io: IO) -> int:
    """Show them."""
    items = options.client.join_tokens()
    io.show(options.output, {"items": items}, COLUMNS, [row_of(item) for item in items])
    if not items:
        io.say("no join tokens: make one with fedctl token create CLUSTER")
    return 0


def row_of(item: dict[str, Any]) -> tuple[object, ...]:
    """The line of one token."""
    return (
        item["id"],
        item["cluster"],
        item["state"],
        moment(item["created"]),
        moment(item["expires"]),
        moment(item["used_at"]),
        item["used_from"] or "-",
        item["used_by"] or "-",
    )
