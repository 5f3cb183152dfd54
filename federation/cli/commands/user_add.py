"""`fedctl user add`: a user of the API, with a certificate or a token and what tools need."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import USER_LIFE, chosen_config, config_option

if TYPE_CHECKING:
    from federation.cli.contexts import Config
    from federation.client.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller and how it is reached, whom to add, and where to write."""

    client: "Client"
    config: "Config"
    user: str
    groups: tuple[str, ...]
    out: Path
    expires_seconds: int
    is_token: bool = False


@click.command("add")
@click.argument("user", metavar="NAME")
@click.option("--group", "groups", multiple=True, help="A group of the user; may be repeated.")
@click.option("--token", "is_token", is_flag=True, help="A token instead of a certificate.")
@click.option("--expires", callback=USER_LIFE, default="30d", help="How long; 365d at most.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder to write to; default: this one.",
)
@config_option
def command(  # noqa: PLR0917 - one for each option
    user: str,
    groups: tuple[str, ...],
    is_token: bool,
    expires: int,
    out: Path,
    config: Path | None,
) -> int:
    """Add the user NAME, and write what shows who he is: for fedctl and for kubectl.

    A user who is there already gets another certificate or token. The private key is made here and
    does not leave this machine. What the user may do, role bindings say.
    """
    from federation.cli.config import open_client  # noqa: PLC0415

    known = chosen_config(config)
    options = Options(open_client(known), known, user, groups, out, expires, is_token)
    return run(options, standard_io())


def run(options: Options, io: IO) -> int:
    """Add the user, have the certificate or token made, and write the files."""
    from federation.cli.user_files import UserFiles  # noqa: PLC0415

    files = UserFiles(options.config, options.user, options.out)
    files.check_free(is_token=options.is_token)
    _add(options, io)
    if options.is_token:
        made = options.client.create_user_token(options.user, options.expires_seconds)
        written = files.write_token(made["token"])
    else:
        key, request = files.new_key()
        made = options.client.sign_user(options.user, request, options.expires_seconds)
        written = files.write_certificate(key, made["certificate"])
    for path in written:
        io.result(str(path))
    what = "token" if options.is_token else "certificate"
    io.say(f"{what} {made['id']} of user {options.user} ends at {made['expires']}")
    return 0


def _add(options: Options, io: IO) -> None:
    """The user is there when this returns; groups of one who was there before stay."""
    from federation.model.errors import Conflict  # noqa: PLC0415

    try:
        options.client.add_user(options.user, options.groups)
        io.say(f"user {options.user} is added")
    except Conflict:
        if options.groups:
            raise
        io.say(f"user {options.user} is there already")
