"""`fedctl restore`: a backup becomes the state folder of a controller, offline."""

from dataclasses import dataclass
from pathlib import Path

import click

from federation.cli.io import IO, standard_io


@dataclass(frozen=True, slots=True)
class Options:
    """The backup, where to, and the passphrases of the backup and for the root key (or empty)."""

    file: Path
    state: Path
    passphrase: str
    key_passphrase: str
    new_epoch: str


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--state",
    required=True,
    type=click.Path(path_type=Path),
    help="The controller's state folder: empty, or not there yet.",
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="A file with the backup's passphrase; default: ask for it.",
)
@click.option(
    "--root-key-passphrase-file",
    type=click.Path(path_type=Path),
    help="Encrypt the root key at once, as the controller's setting of this name would.",
)
def command(
    file: Path, state: Path, passphrase_file: Path | None, root_key_passphrase_file: Path | None
) -> int:
    """Write the backup in FILE into a state folder, for a controller that does not run yet."""
    import secrets  # noqa: PLC0415

    from federation.cli.passphrase import ask_passphrase  # noqa: PLC0415
    from federation.controller.trust.root_key import read_passphrase  # noqa: PLC0415

    key_words = ""
    if root_key_passphrase_file is not None:
        key_words = read_passphrase(root_key_passphrase_file, "--root-key-passphrase-file")
    words = ask_passphrase(passphrase_file)
    state = state.expanduser().absolute()
    return run(Options(file, state, words, key_words, secrets.token_hex(8)), standard_io())


def run(options: Options, io: IO) -> int:
    """Open the backup and fill the folder; says what comes next."""
    from federation.controller.backup import open_backup, restore  # noqa: PLC0415
    from federation.runtime import tasks  # noqa: PLC0415

    found = open_backup(options.file.read_bytes(), options.passphrase, str(options.file))
    tasks.run(restore(found, options.state, options.key_passphrase, options.new_epoch))
    io.result(f"{options.state}: {found.summary()}, now epoch {options.new_epoch}")
    io.say(
        "next, start the controller with this state folder; earlier join tokens are revoked. "
        "Repeat every 'cluster add' and 'trust revoke' made after the backup, revocations first"
    )
    return 0
