"""`fedctl delete`: delete objects, by name or as files name them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.consent import Consent, consent, may_cut, yes_option
from federation.cli.io import IO, standard_io
from federation.cli.objects.options import dry_run_option, files_option, namespace_option
from federation.cli.options import client_for, config_option, duration

if TYPE_CHECKING:
    from federation.cli.objects.session import Session
    from federation.client.client import Client
    from federation.client.objects import Place


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, what to delete, and who is asked whether it is meant so.

    `timeout`: how many seconds to wait until it is gone, None for not at all.
    """

    session: "Session"
    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    timeout: float | None = None
    is_dry: bool = False
    ignores_missing: bool = False
    client: "Client | None" = None
    consent: Consent = lambda _: True


@click.command("delete")
@click.argument("words", metavar="[KIND NAME...]", nargs=-1)
@files_option
@namespace_option
@click.option("--wait/--no-wait", default=True, help="Wait until they are gone (default).")
@click.option("--timeout", callback=duration, default="5m", help="Of --wait; default 5m.")
@click.option("--ignore-not-found", is_flag=True, help="What is not there is deleted already.")
@dry_run_option
@yes_option
@config_option
def command(
    *,
    words: tuple[str, ...],
    files: tuple[str, ...],
    namespace: str,
    wait: bool,
    timeout: int,
    ignore_not_found: bool,
    is_dry: bool,
    yes: bool,
    config: Path | None,
) -> int:
    """Delete the objects of the NAMEs, or those that the documents of FILEs are about.

    To delete a Cluster is to have it leave: says what is cut and asks on a terminal; elsewhere it
    needs --yes.
    """
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    options = Options(
        open_session(config, namespace),
        words,
        files,
        timeout if wait else None,
        is_dry,
        ignore_not_found,
        client_for(config),
        consent(yes),
    )
    return run(options, standard_io())


def run(options: Options, io: IO) -> int:
    """Delete them; a line for each."""
    from federation.cli.objects.deleting import Deletion, delete  # noqa: PLC0415

    found = _places(options)
    if not options.is_dry and not all(_may(place, options, io) for place in found):
        return 1
    how = Deletion(options.timeout, options.is_dry, options.ignores_missing)
    return delete(found, how, options.session, io)


def _places(options: Options) -> "tuple[Place, ...]":
    from federation.cli.objects.manifests import read_manifests  # noqa: PLC0415
    from federation.cli.objects.targets import places  # noqa: PLC0415
    from federation.model.errors import InvalidInput  # noqa: PLC0415

    if bool(options.words) is bool(options.files):
        raise InvalidInput("say either KIND NAME... or -f FILE")
    if options.words:
        return places(options.words, options.session)
    manifests = read_manifests(options.files, options.session)
    return tuple(m.place for m in reversed(manifests))  # what came last stands on what came first


def _may(place: "Place", options: Options, io: IO) -> bool:
    if options.client is None or place.kind.resource != "clusters.fedmesh.dev":
        return True
    return may_cut(options.client, place.name, io, options.consent, "departure")
