"""`fedctl context list`: the controllers that fedctl knows."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Column, Format, standard_io
from federation.cli.options import config_option, context_flag, output_option

if TYPE_CHECKING:
    from federation.cli.contexts import Contexts

COLUMNS = (
    Column("current", lambda item: "*" if item["current"] else ""),
    Column("name", lambda item: item["name"]),
    Column("controller", lambda item: item["controller"]),
    Column("shows", lambda item: item["shows"]),
    Column("ca file", lambda item: item["ca_file"], wide=True),
    Column("problem", lambda item: item["problem"] or "-", wide=True),
)


@dataclass(frozen=True, slots=True)
class Options:
    """The contexts, the one that is used (empty: not clear), and how to show them."""

    contexts: "Contexts"
    used: str
    output: Format


@click.command("list")
@output_option
@config_option
def command(output: Format, config: Path | None) -> int:
    """Show the contexts of the configuration; * marks the one that commands use."""
    from federation.cli.config import config_path, context_name, load_contexts  # noqa: PLC0415

    contexts = load_contexts(config_path(config, os.environ), may_lack=True)
    used = context_name(context_flag(), os.environ) or contexts.current
    if not used and len(contexts.all) == 1:
        used = contexts.chosen()
    return run(Options(contexts, used, output), standard_io())


def run(options: Options, io: IO) -> int:
    """Show them; one that is wrong says so."""
    items = [item_of(options.contexts, name, options.used) for name in sorted(options.contexts.all)]
    io.show(options.output, {"items": items}, COLUMNS, items)
    if not items:
        io.say(f"{options.contexts.path} has no context: 'fedctl init' makes one")
    return 0


def item_of(contexts: "Contexts", name: str, used: str) -> dict[str, Any]:
    """A context as an item of the list, without secrets."""
    from federation.model.errors import InvalidInput  # noqa: PLC0415

    item: dict[str, Any] = {"name": name, "current": name == used}
    try:
        found = contexts.config(name)
    except InvalidInput as error:
        unknown = {"controller": "-", "shows": "-", "ca_file": "-"}
        return {**item, **unknown, "problem": str(error)}
    said = {"controller": found.controller, "shows": found.shows, "ca_file": str(found.ca_file)}
    return {**item, **said, "problem": ""}
