"""`fedctl context show`: the context that commands use."""

import os
from pathlib import Path

import click

from federation.cli.commands import context_list
from federation.cli.io import Format, standard_io
from federation.cli.options import config_option, context_flag, output_option


@click.command("show")
@click.argument("name", default="")
@output_option
@config_option
def command(name: str, output: Format, config: Path | None) -> int:
    """Show the context NAME, by default the one that commands use; never its secrets."""
    from federation.cli.config import config_path, context_name, load_contexts  # noqa: PLC0415

    contexts = load_contexts(config_path(config, os.environ))
    used = contexts.chosen(context_name(context_flag(), os.environ))
    found = contexts.config(name or used)
    item = context_list.item_of(contexts, found.name, used)
    standard_io().show(output, item, context_list.COLUMNS, [item])
    return 0
