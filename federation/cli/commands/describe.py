"""`fedctl describe`: an object for people, with what happened to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, standard_io
from federation.cli.objects.options import namespace_option
from federation.cli.options import config_option

if TYPE_CHECKING:
    from federation.cli.objects.session import Session
    from federation.client.objects import Place


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, and which objects."""

    session: "Session"
    words: tuple[str, ...]


@click.command("describe")
@click.argument("words", metavar="KIND NAME...", nargs=-1, required=True)
@namespace_option
@config_option
def command(words: tuple[str, ...], namespace: str, config: Path | None) -> int:
    """Describe objects: what they say, what is seen of them, and what happened to them."""
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    return run(Options(open_session(config, namespace), words), standard_io())


def run(options: Options, io: IO) -> int:
    """Describe one after the other."""
    from federation.cli.objects.described import described  # noqa: PLC0415
    from federation.cli.objects.targets import places  # noqa: PLC0415

    for number, place in enumerate(places(options.words, options.session)):
        found = options.session.objects.get(place)
        events = _events(place, options.session)
        if number:
            io.result("")
        for line in described(found, events):
            io.result(line)
    return 0


def _events(place: "Place", session: "Session") -> list[dict[str, Any]] | None:
    """What happened to it, None when that may not be read."""
    from federation.cli.objects.events import EVENTS, about  # noqa: PLC0415
    from federation.client.objects import Selection  # noqa: PLC0415
    from federation.model.errors import Denied  # noqa: PLC0415

    selection = Selection(session.kinds.find(EVENTS), place.namespace, fields=about(place))
    try:
        items: list[dict[str, Any]] = session.objects.list(selection)["items"]
    except Denied:
        return None
    return items
