"""`fedctl cluster add`: state where a cluster is and what it may do, or change what is stated."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.consent import Consent, consent, may_narrow, yes_option
from federation.cli.io import IO, standard_io
from federation.cli.options import Command, client_for, config_option

if TYPE_CHECKING:
    from federation.client.client import Client

# What --clear takes away: the field of a document, and what holds without it.
_CLEARED = {
    "zones": "zones",
    "network-name": "network",
    "gateway-cidrs": "gatewayCIDRs",
    "namespaces": "namespaces",
}
# The fields that the controller names: as --clear does, and what holds without them.
_SHOWN = {
    "zones": ("zones", "any"),
    "network": ("network-name", "one of its own"),
    "gateway_cidrs": ("gateway-cidrs", "any"),
    "namespaces": ("namespaces", "all"),
}
_OPTIONS = {
    "region": "--region",
    "zones": "--zone",
    "network": "--network-name",
    "gatewayCIDRs": "--gateway-cidr",
    "namespaces": "--namespace",
}


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, and the operator's word about the cluster; what is empty stays as it is."""

    client: "Client"
    cluster: str
    region: str = ""
    zones: tuple[str, ...] = ()
    network: str = ""
    gateway_cidrs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    consent: Consent = lambda _: True


_WORD = (
    click.option("--region", default="", help="The region it is in; a new cluster needs it."),
    click.option("--zone", "zones", multiple=True, help="A zone it spans; may be repeated."),
    click.option(
        "--network-name",
        default="",
        help="Clusters of one network reach each other's endpoints (headless services).",
    ),
    click.option("--gateway-cidr", "cidrs", multiple=True, help="Where its gateways may be."),
    click.option(
        "--namespace", "namespaces", multiple=True, help="What it may export; default: all."
    ),
)


def word_options(command: Command) -> Command:
    """The options by which an operator says where a cluster is and what it may do."""
    for option in reversed(_WORD):
        command = option(command)
    return command


@click.command("add")
@click.argument("cluster")
@word_options
@click.option(
    "--clear",
    multiple=True,
    type=click.Choice(list(_CLEARED)),
    help="Take back what was set for this; may be repeated.",
)
@yes_option
@config_option
def command(
    *,
    cluster: str,
    region: str,
    zones: tuple[str, ...],
    network_name: str,
    cidrs: tuple[str, ...],
    namespaces: tuple[str, ...],
    clear: tuple[str, ...],
    yes: bool,
    config: Path | None,
) -> int:
    """Add a cluster to the federation, or change what is set for it.

    Of a cluster that is there only what is named changes. A field that takes several values is
    replaced as a whole. Where that cuts gateways or services, says so and asks on a terminal;
    elsewhere it needs --yes.
    """
    word = (region, zones, network_name, cidrs, namespaces, clear)
    options = Options(client_for(config), cluster, *word, consent(yes))
    return run(options, standard_io())


def run(options: Options, io: IO) -> int:
    """Write what is named; says what has become another one, and how the cluster joins."""
    cluster = state(options, io)
    if cluster is None:
        return 1
    if not cluster["joined"]:
        io.say(f"next, make its join token: fedctl token create {cluster['id']}")
    return 0


def state(options: Options, io: IO) -> dict[str, Any] | None:
    """Write what is named and say what has changed: the cluster, None when nobody agreed."""
    from federation.model.errors import InvalidInput  # noqa: PLC0415
    from federation.model.names import parse_cluster_id  # noqa: PLC0415

    cluster = parse_cluster_id(options.cluster)
    spec = _named(options)
    if not may_narrow(options.client, cluster, spec, io, options.consent):
        return None
    try:
        answer = options.client.patch_cluster(cluster, spec)
    except InvalidInput as error:
        raise InvalidInput(_with_option(str(error))) from error
    io.result(f"cluster {cluster} {answer['outcome']}")
    for change in answer["changes"]:
        field = change["field"]
        before, after = (_words(field, change[side]) for side in ("from", "to"))
        io.result(f"  {_SHOWN.get(field, (field,))[0]}: {before} -> {after}")
    return {"id": cluster, "joined": answer["cluster"]["joined"]}


def _named(options: Options) -> dict[str, Any]:
    """The part of a document's spec that the command line names; null takes a field away."""
    from federation.model.errors import InvalidInput  # noqa: PLC0415

    fields = {
        "region": options.region,
        "zones": list(options.zones),
        "network": options.network,
        "gatewayCIDRs": list(options.gateway_cidrs),
        "namespaces": list(options.namespaces),
    }
    named: dict[str, Any] = {name: value for name, value in fields.items() if value}
    for word in dict.fromkeys(options.clear):
        if _CLEARED[word] in named:
            raise InvalidInput(f"--clear {word} takes away what is named as well: say one of them")
        named[_CLEARED[word]] = None
    return named


def _words(field: str, value: str | list[str]) -> str:
    found = value if isinstance(value, str) else ", ".join(value)
    return found or _SHOWN.get(field, ("", "nothing"))[1]


def _with_option(text: str) -> str:
    """The controller's sentence about a field of the document, with the option that set it."""
    for field, option in _OPTIONS.items():
        _, found, said = text.partition(f"spec.{field}")
        if found:
            rest = said.partition(" ")[2] if said.startswith("[") else said.lstrip()
            return f"{option} {rest}"
    return text
