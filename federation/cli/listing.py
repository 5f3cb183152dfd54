"""The commands that list what the controller has: `fedctl cluster list` and its kind.

In: how the items are fetched, their columns, what to say when there are none. Out: the command.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Column, Format, standard_io
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.client.client import Client

Items = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of the controller's; `nothing` is said when it is empty, with the next thing to do."""

    fetch: Callable[["Client"], Items]
    columns: tuple[Column, ...]
    nothing: str


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, and how to show its list."""

    client: "Client"
    output: Format


def list_command(about: str, listing: Listing) -> click.Command:
    """The command that shows a list."""

    @click.command("list", help=about)
    @output_option
    @config_option
    def command(output: Format, config: Path | None) -> int:
        return run(listing, Options(client_for(config), output), standard_io())

    return command


def run(listing: Listing, options: Options, io: IO) -> int:
    """Show it; an empty list is success."""
    items = listing.fetch(options.client)
    io.show(options.output, {"items": items}, listing.columns, items)
    if not items:
        io.say(listing.nothing)
    return 0


def field(name: str) -> Callable[[dict[str, Any]], object]:
    """A cell that shows a field of an item; `-` when it is empty."""
    return lambda item: "-" if item[name] in (None, "") else item[name]
