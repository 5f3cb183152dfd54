"""`fedctl backup`: all that the controller must not lose, in one encrypted file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import client_for, config_option

if TYPE_CHECKING:
    from federation.client.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, where to write, and the passphrase to look inside with (or empty)."""

    client: "Client"
    file: Path
    passphrase: str


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="The passphrase of the controller's backups: open this one to be sure of it.",
)
@config_option
def command(file: Path, passphrase_file: Path | None, config: Path | None) -> int:
    """Write a backup of the controller to FILE: its store, root key and admin token.

    It is sealed with the passphrase of the controller's setting backup_passphrase_file.
    """
    from federation.controller.trust.root_key import read_passphrase  # noqa: PLC0415

    client, words = client_for(config), ""
    if passphrase_file is not None:
        words = read_passphrase(passphrase_file, "--passphrase-file")
    return run(Options(client, file, words), standard_io())


def run(options: Options, io: IO) -> int:
    """Fetch the backup, look at it, with the passphrase also inside, and only then write it."""
    from federation.controller.backup import check_backup, open_backup  # noqa: PLC0415
    from federation.model.errors import Conflict  # noqa: PLC0415
    from federation.runtime.files import write_private  # noqa: PLC0415

    if options.file.exists():
        raise Conflict(f"{options.file} exists already: name a new file")
    data = options.client.backup()
    what = "the backup that the controller sent"
    check_backup(data, what)
    found = f"sealed, {len(data)} bytes"
    if options.passphrase:
        found = open_backup(data, options.passphrase, what).summary()
    write_private(options.file, data)
    io.result(f"{options.file}: {found}")
    io.say("keep it where the controller is not, and its passphrase where the file is not")
    return 0
