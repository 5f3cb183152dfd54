"""`fedctl audit`: who did what, when and from where; and whether nobody changed that."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Column, Format, moment, standard_io
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.client.client import Client

_MOST = 1_000
_CONTROLLER = "-"


def _field(name: str) -> "Any":
    return lambda item: item.get(name) or "-"


def _object(item: dict[str, Any]) -> str:
    """What it was done to: a cluster, or another object."""
    if item.get("cluster"):
        return str(item["cluster"])
    return "/".join(filter(None, (item.get("namespace"), item.get("name")))) or "-"


def _who(item: dict[str, Any]) -> str:
    by = item.get("by")
    return f"{by} as {item['who']}" if by else str(item["who"])


def _detail(item: dict[str, Any]) -> str:
    dry = "dry run" if item.get("dry_run") else ""
    return "; ".join(filter(None, (dry, item.get("detail"), *item.get("changes", [])))) or "-"


COLUMNS = (
    Column("time", lambda item: moment(item["at"])),
    Column("what", _field("what")),
    Column("object", _object),
    Column("who", _who),
    Column("from", _field("address"), wide=True),
    Column("outcome", _field("outcome")),
    Column("detail", _detail, wide=True),
    Column("shown", _field("how"), wide=True),
    Column("number", lambda item: str(item.get("number", "-")), wide=True),
)


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, of which cluster (all when empty), how to show it, and which entries."""

    client: "Client"
    cluster: str
    output: Format
    before: int = 0
    limit: int = 0


@click.command("audit")
@click.option("--cluster", default="", help="Only what was done to this cluster.")
@click.option("--before", default=0, type=click.IntRange(0), help="Only entries below this number.")
@click.option("--limit", default=0, type=click.IntRange(0, _MOST), help="How many entries.")
@click.option(
    "--verify",
    "verified",
    type=click.Path(path_type=Path),
    help="Show nothing, but check that nobody changed an entry: in the file or folder (audit/ of "
    "the controller's state), or '-' for what the controller returns.",
)
@output_option
@config_option
def command(  # noqa: PLR0917 - one for each option
    cluster: str,
    before: int,
    limit: int,
    verified: Path | None,
    output: Format,
    config: Path | None,
) -> int:
    """Show who did what: tokens, joins, clusters, keys, backups; the newest last."""
    if verified is not None:
        return verify(None if str(verified) == _CONTROLLER else verified, config, standard_io())
    return run(Options(client_for(config), cluster, output, before, limit), standard_io())


def run(options: Options, io: IO) -> int:
    """Show it."""
    found = options.client.audit(before=options.before, limit=options.limit)
    items = [i for i in found if options.cluster in ("", i["cluster"])]
    io.show(options.output, {"items": items}, COLUMNS, items)
    if not items:
        io.say(
            "nothing is noted yet" + (f" of cluster {options.cluster}" if options.cluster else "")
        )
    return 0


def verify(path: Path | None, config: Path | None, io: IO) -> int:
    """Check the chain of entries, in files or (None) as the controller returns it."""
    from federation.controller.audit_chain import verify_lines  # noqa: PLC0415
    from federation.controller.audit_file import verify_texts  # noqa: PLC0415
    from federation.model.errors import Failed, NotReady  # noqa: PLC0415

    if path is None:
        items = client_for(config).audit()
        verdict = verify_lines(("what the controller returns", item) for item in items)
    else:
        try:
            verdict = verify_lines(verify_texts(path))
        except OSError as error:
            raise Failed(f"{path} cannot be read: {error.strerror or error}") from error
    if verdict.broken:
        io.say(f"broken: {verdict.broken}")
        return 1
    if not verdict.lines:
        raise NotReady(f"{path or 'the controller'} has no entries of an audit log")
    begins = "" if verdict.first == 1 else "; older ones are not here"
    io.result(
        f"entries {verdict.first} to {verdict.last} are as they were written{begins}\n"
        f"hash of entry {verdict.last}: {verdict.hash}"
    )
    return 0
