"""`fedctl events`: what happened of late, to everything or to one object."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.objects.options import Form, form_option, scope_options
from federation.cli.options import config_option

if TYPE_CHECKING:
    from federation.cli.objects.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, about what (KIND/NAME, "" for everything), and how to show it."""

    session: "Session"
    about: str = ""
    form: Form = Form.TABLE
    every: bool = False
    watch: bool = False


@click.command("events")
@click.option("--for", "about", default="", metavar="KIND/NAME", help="Of this object only.")
@scope_options
@click.option("-w", "--watch", is_flag=True, help="Stay, and show what happens.")
@form_option
@config_option
def command(
    *, about: str, namespace: str, every: bool, watch: bool, form: Form, config: Path | None
) -> int:
    """Show what happened in the last hour, the newest last.

    Events of objects without a namespace are in the namespace default.
    """
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    options = Options(open_session(config, namespace), about, form, every, watch)
    return run(options, standard_io())


def run(options: Options, io: IO) -> int:
    """Show them."""
    from federation.cli.objects.events import EVENTS, about  # noqa: PLC0415
    from federation.cli.objects.listed import Listed, listing, show, stay  # noqa: PLC0415
    from federation.cli.objects.targets import Target, places  # noqa: PLC0415

    session, fields, every = options.session, "", options.every
    if options.about:
        (place,) = places((options.about,), session)
        fields = about(place)
        every = every or not place.namespace
    found = (Target(session.kinds.find(EVENTS)),)
    how = Listed(options.form, every, fields=fields, by_time=True)
    if options.watch:
        stay(listing(session, found, how), session, io)
    return show(session, found, how, io)
