"""`fedctl demo down`: stop the demo and remove its folder."""

from dataclasses import dataclass
from pathlib import Path

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import state_option


@dataclass(frozen=True, slots=True)
class Options:
    """Which demo."""

    state: Path


@click.command("down")
@state_option
def command(state: Path) -> int:
    """Stop the demo, also a crashed one."""
    return run(Options(state), standard_io())


def run(options: Options, io: IO) -> int:
    """Take it down; nothing to take down is success."""
    from federation.demo import mesh  # noqa: PLC0415

    if mesh.down(options.state):
        io.say(f"the demo is down, {options.state} is removed")
    else:
        io.say(f"there is no demo in {options.state}")
    return 0
