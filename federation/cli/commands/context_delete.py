"""`fedctl context delete`: fedctl forgets a controller."""

import os
from pathlib import Path

import click

from federation.cli.io import standard_io
from federation.cli.options import config_option


@click.command("delete")
@click.argument("name")
@config_option
def command(name: str, config: Path | None) -> int:
    """Take the context NAME out of the configuration; its files, and the controller, stay."""
    from federation.cli.config import config_path, load_contexts, save_contexts  # noqa: PLC0415

    contexts = load_contexts(config_path(config, os.environ))
    rest = contexts.without(name)
    save_contexts(rest)
    io = standard_io()
    io.result(f"context {name} deleted")
    if rest.all and not rest.current:
        io.say("no context is the current one: choose one by 'fedctl context use NAME'")
    return 0
