"""`fedctl get`: show objects of the controller, and what happens to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.objects.options import Form, form_option, scope_options, selector_options
from federation.cli.options import config_option

if TYPE_CHECKING:
    from federation.cli.objects.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, which objects, and how to show them."""

    session: "Session"
    words: tuple[str, ...]
    form: Form = Form.TABLE
    every: bool = False
    labels: str = ""
    fields: str = ""
    watch: bool = False
    managed: bool = False


@click.command("get")
@click.argument("words", metavar="KIND [NAME]...", nargs=-1, required=True)
@scope_options
@selector_options
@click.option("-w", "--watch", is_flag=True, help="Stay, and show what changes.")
@click.option("--show-managed-fields", "managed", is_flag=True, help="Who owns which field, too.")
@form_option
@config_option
def command(
    *,
    words: tuple[str, ...],
    namespace: str,
    every: bool,
    labels: str,
    fields: str,
    watch: bool,
    managed: bool,
    form: Form,
    config: Path | None,
) -> int:
    """Show objects: all of a KIND, or those of the NAMEs.

    KIND is a plural, singular, kind or short name in any case (fedctl api-resources lists them),
    several with commas, or a category; KIND/NAME works as well.
    """
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    session = open_session(config, namespace)
    options = Options(session, words, form, every, labels, fields, watch, managed)
    return run(options, standard_io())


def run(options: Options, io: IO) -> int:
    """Show them; none of a kind is success, none of a name is not."""
    from federation.cli.objects.listed import Listed, listing, show, stay  # noqa: PLC0415
    from federation.cli.objects.targets import targets  # noqa: PLC0415

    session = options.session
    found = targets(options.words, session.kinds)
    how = Listed(options.form, options.every, options.labels, options.fields, options.managed)
    if options.watch:
        stay(listing(session, found, how), session, io)
    return show(session, found, how, io)
