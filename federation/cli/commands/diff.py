"""`fedctl diff`: what `fedctl apply` would change."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.objects.options import files_option, namespace_option
from federation.cli.options import config_option

if TYPE_CHECKING:
    from federation.cli.objects.session import Session

DIFFERS, FAILED = 1, 5
"""The exit codes of differences, and of failures, for which other commands have 1."""


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, and what would be applied."""

    session: "Session"
    files: tuple[str, ...]
    force: bool = False


@click.command("diff")
@files_option
@namespace_option
@click.option("--force-conflicts", "force", is_flag=True, help="Take over fields of others.")
@config_option
def command(files: tuple[str, ...], namespace: str, force: bool, config: Path | None) -> int:
    """Show what applying the documents of FILEs would change, as a unified diff of YAML.

    The exit code is 0 when nothing would, 1 when something would, 5 when it cannot be known.
    """
    from federation.cli.objects.session import open_session  # noqa: PLC0415
    from federation.model.errors import FedmeshError  # noqa: PLC0415

    io = standard_io()
    try:
        return run(Options(open_session(config, namespace), files, force), io)
    except FedmeshError as error:
        if error.exit_code != DIFFERS:
            raise
        io.say(f"fedctl: {error}")
        return FAILED


def run(options: Options, io: IO) -> int:
    """Show it; returns whether there are differences."""
    from federation.cli.objects.applying import check  # noqa: PLC0415
    from federation.cli.objects.differing import difference  # noqa: PLC0415
    from federation.cli.objects.manifests import read_manifests  # noqa: PLC0415

    manifests = read_manifests(options.files, options.session)
    differs = 0
    for one in check(manifests, options.session, io, force=options.force):
        for line in difference(one):
            io.result(line)
            differs = DIFFERS
    return differs
