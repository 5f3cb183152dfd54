"""`fedctl api-resources`: the kinds of objects that the controller serves."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, Column, Format, standard_io
from federation.cli.options import config_option, output_option

if TYPE_CHECKING:
    from federation.cli.objects.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, and how to show it."""

    session: "Session"
    output: Format


_COLUMNS = (
    Column("name", lambda kind: kind.plural),
    Column("shortnames", lambda kind: ",".join(kind.short_names) or "-"),
    Column("apiversion", lambda kind: kind.api_version),
    Column("namespaced", lambda kind: str(kind.namespaced).lower()),
    Column("kind", lambda kind: kind.kind),
    Column("verbs", lambda kind: ",".join(kind.verbs), wide=True),
    Column("categories", lambda kind: ",".join(kind.categories) or "-", wide=True),
)


@click.command("api-resources")
@output_option
@config_option
def command(output: Format, config: Path | None) -> int:
    """List the kinds of objects, with the words by which other commands know them."""
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    return run(Options(open_session(config), output), standard_io())


def run(options: Options, io: IO) -> int:
    """Show them."""
    kinds = options.session.kinds.all
    io.show(options.output, {"items": [asdict(kind) for kind in kinds]}, _COLUMNS, kinds)
    return 0
