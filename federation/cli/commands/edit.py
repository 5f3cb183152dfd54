"""`fedctl edit`: change an object in an editor."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.objects.options import namespace_option
from federation.cli.options import config_option

if TYPE_CHECKING:
    from federation.cli.objects.editing import EditFile
    from federation.cli.objects.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, which object, and where its text is edited."""

    session: "Session"
    words: tuple[str, ...]
    file: "EditFile"


@click.command("edit")
@click.argument("words", metavar="KIND NAME", nargs=-1, required=True)
@namespace_option
@config_option
def command(words: tuple[str, ...], namespace: str, config: Path | None) -> int:
    """Change an object in $VISUAL, $EDITOR, or vi.

    What is refused is shown again with the reason; your text is kept when it cannot be written.
    """
    from federation.cli.objects.editing import EditFile  # noqa: PLC0415
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    session = open_session(config, namespace)
    return run(Options(session, words, EditFile(os.environ)), standard_io())


def run(options: Options, io: IO) -> int:
    """Have it edited; says whether anything was changed."""
    from federation.cli.objects.editing import edit  # noqa: PLC0415
    from federation.cli.objects.targets import places  # noqa: PLC0415
    from federation.model.errors import FedmeshError, InvalidInput  # noqa: PLC0415

    found = places(options.words, options.session)
    if len(found) != 1:
        raise InvalidInput("edit one object at a time")
    (place,) = found
    try:
        after = edit(place, options.session, options.file.edit)
    except FedmeshError as error:
        raise options.file.kept(error) from error
    options.file.remove()
    if after is None:
        io.say(f"{place.title} is as it was")
    else:
        io.result(f"{place.title} edited")
    return 0
