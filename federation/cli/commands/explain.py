"""`fedctl explain`: what a kind of objects, or a field of it, means."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import config_option

if TYPE_CHECKING:
    from federation.cli.objects.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, and about what: KIND or KIND.FIELD.FIELD."""

    session: "Session"
    word: str


@click.command("explain")
@click.argument("word", metavar="KIND[.FIELD]...")
@config_option
def command(word: str, config: Path | None) -> int:
    """Explain a KIND or one of its fields, for example trafficpolicy.spec.mode."""
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    return run(Options(open_session(config), word), standard_io())


def run(options: Options, io: IO) -> int:
    """Show what the controller says about it."""
    from federation.cli.objects.explained import INDEX, explained, path_of  # noqa: PLC0415

    objects = options.session.objects
    word, *names = options.word.split(".")
    kind = options.session.kinds.find(word)
    document = objects.document(path_of(objects.document(INDEX), kind))
    for line in explained(document, kind, names):
        io.result(line)
    return 0
