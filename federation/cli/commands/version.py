"""`fedctl version`: which release this is."""

from dataclasses import dataclass
from importlib.metadata import version

import click

from federation.cli.io import IO, standard_io


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    version: str


@click.command("version")
def command() -> int:
    """Show the version of fedmesh."""
    return run(Options(version("fedmesh")), standard_io())


def run(options: Options, io: IO) -> int:
    """Show it."""
    io.result(f"fedctl {options.version}")
    return 0
