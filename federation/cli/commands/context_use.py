"""`fedctl context use`: have commands ask another controller from now on."""

import os
from pathlib import Path

import click

from federation.cli.io import standard_io
from federation.cli.options import config_option


@click.command("use")
@click.argument("name")
@config_option
def command(name: str, config: Path | None) -> int:
    """Make NAME the current context."""
    from federation.cli.config import (  # noqa: PLC0415
        CONTEXT_VARIABLE,
        config_path,
        load_contexts,
        save_contexts,
    )

    contexts = load_contexts(config_path(config, os.environ))
    io = standard_io()
    if contexts.current != name:
        save_contexts(contexts.using(name))
    io.result(f"context {name} is the current one")
    other = os.environ.get(CONTEXT_VARIABLE, "")
    if other not in ("", name):
        io.say(f"${CONTEXT_VARIABLE} is {other} and counts in this shell: unset it")
    return 0
