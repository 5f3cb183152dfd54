"""`fedctl apply`: have objects as files state them (server-side apply)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.consent import Consent, consent, may_narrow, yes_option
from federation.cli.io import IO, standard_io
from federation.cli.objects.options import dry_run_option, files_option, namespace_option
from federation.cli.options import client_for, config_option

if TYPE_CHECKING:
    from federation.cli.objects.applying import Checked
    from federation.cli.objects.session import Session
    from federation.client.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, what to apply, and who is asked whether it is meant so."""

    session: "Session"
    files: tuple[str, ...]
    force: bool = False
    is_dry: bool = False
    client: "Client | None" = None
    consent: Consent = lambda _: True


@click.command("apply")
@files_option
@namespace_option
@click.option(
    "--server-side", is_flag=True, expose_value=False, help="What it does in any case; as kubectl."
)
@click.option("--force-conflicts", "force", is_flag=True, help="Take over fields of others.")
@dry_run_option
@yes_option
@config_option
def command(
    *,
    files: tuple[str, ...],
    namespace: str,
    force: bool,
    is_dry: bool,
    yes: bool,
    config: Path | None,
) -> int:
    """Have objects as the documents of FILEs state them.

    All documents are read, and checked by the controller, before the first is applied. A narrower
    Cluster says what it cuts and asks on a terminal; elsewhere it needs --yes.
    """
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    session, client = open_session(config, namespace), client_for(config)
    options = Options(session, files, force, is_dry, client, consent(yes))
    return run(options, standard_io())


def run(options: Options, io: IO) -> int:
    """Apply them; a line for each with what that did."""
    from federation.cli.objects.applying import apply, check  # noqa: PLC0415
    from federation.cli.objects.manifests import read_manifests  # noqa: PLC0415

    manifests = read_manifests(options.files, options.session)
    checked = check(manifests, options.session, io, force=options.force)
    if options.is_dry:
        for one in checked:
            io.result(f"{one.manifest.place.title} {one.outcome} (dry run)")
        return 0
    if not all(_may(one, options, io) for one in checked):
        return 1
    for number, one in enumerate(checked):
        try:
            done = apply(one, options.session, force=options.force)
        except Exception:
            if number:
                io.say(f"{number} of {len(checked)} documents were applied")
            raise
        io.result(f"{one.manifest.place.title} {done}")
    return 0


def _may(one: "Checked", options: Options, io: IO) -> bool:
    """Whether a narrower word about a cluster may cut what it cuts."""
    place = one.manifest.place
    if options.client is None or place.kind.resource != "clusters.fedmesh.dev":
        return True
    if one.before is None or one.before.get("spec") == one.after.get("spec"):
        return True
    spec = one.after.get("spec") or {}
    return may_narrow(options.client, place.name, spec, io, options.consent)
