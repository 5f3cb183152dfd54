"""`fedctl backup`: all that the controller must not lose, in one encrypted file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import client_for, config_option

if TYPE_CHECKING:
    from federation.api.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, where to write, and the passphrase."""

    client: "Client"
    file: Path
    passphrase: str


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="A file with the passphrase; default: ask for it.",
)
@config_option
def command(file: Path, passphrase_file: Path | None, config: Path | None) -> int:
    """Write a backup of the controller to FILE: its store, root key and admin token."""
    from federation.cli.passphrase import ask_passphrase  # noqa: PLC0415

    client = client_for(config)
    return run(Options(client, file, ask_passphrase(passphrase_file, twice=True)), standard_io())


def run(options: Options, io: IO) -> int:
    """Fetch the backup, open it once to be sure of it, and only then write it."""
    from federation.controller.backup import open_backup  # noqa: PLC0415
    from federation.model.errors import Conflict  # noqa: PLC0415
    from federation.runtime.files import write_private  # noqa: PLC0415

    if options.file.exists():
        raise Conflict(f"{options.file} exists already: name a new file")
    data = options.client.backup(options.passphrase)
    found = open_backup(data, options.passphrase, "the backup that the controller sent")
    write_private(options.file, data)
    io.result(f"{options.file}: {found.summary()}")
    io.say("keep it where the controller is not, and its passphrase where the file is not")
    return 0
