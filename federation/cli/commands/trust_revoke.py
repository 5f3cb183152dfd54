"""`fedctl trust revoke`: believe a cluster no more, at once and everywhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.consent import Consent, consent, may_cut, yes_option
from federation.cli.io import IO, standard_io
from federation.cli.options import client_for, config_option

if TYPE_CHECKING:
    from federation.client.client import Client


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, which cluster, and who is asked whether it is meant so."""

    client: "Client"
    cluster: str
    consent: Consent


@click.command("revoke")
@click.argument("cluster")
@yes_option
@config_option
def command(cluster: str, yes: bool, config: Path | None) -> int:
    """Revoke CLUSTER: its certificates are rejected everywhere, and its keys never accepted again.

    Says what is cut and asks on a terminal; elsewhere it needs --yes.
    """
    return run(Options(client_for(config), cluster, consent(yes)), standard_io())


def run(options: Options, io: IO) -> int:
    """Revoke it; say what that means and how it could come back."""
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    name = parse_cluster_id(options.cluster)
    if not may_cut(options.client, name, io, options.consent, "revocation"):
        return 1
    cluster = options.client.revoke(name)["cluster"]
    io.result(f"cluster {cluster} is revoked: its certificates are rejected everywhere")
    io.say("TCP connections that are open end within tcp_connection_seconds of the agents")
    io.say(f"to let it come back: fedctl token create {cluster}, and an agent with an empty state")
    return 0
