"""Asking before something is cut: on a terminal by a question, elsewhere only by `--yes`.

In: what will happen, said before. Out: whether to go on. A command takes a `Consent`, so that its
tests answer for the person.
"""

import sys
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, TypeVar

import click

from federation.cli.io import IO
from federation.model.errors import InvalidInput

if TYPE_CHECKING:
    from federation.client.client import Client

Command = TypeVar("Command", bound=Callable[..., Any])
Consent = Callable[[str], bool]
"""Answers a question; raises InvalidInput when there is nobody to ask."""

MOST_NAMED = 10


def yes_option(command: Command) -> Command:
    """`--yes`, for commands that cut something."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask; needed in scripts.")(command)


def consent(yes: bool) -> Consent:
    """How to ask in this process."""
    if yes:
        return lambda _: True
    return _ask if sys.stdin.isatty() and sys.stderr.isatty() else _refuse


def _ask(question: str) -> bool:
    return click.confirm(question, err=True)


def _refuse(question: str) -> bool:
    raise InvalidInput(f"{question} Nothing was changed: without a terminal, say --yes")


def cut_by(
    cluster: str, services: Sequence[dict[str, Any]], clusters: Sequence[dict[str, Any]]
) -> list[str]:
    """What is cut when a cluster is not part of the federation any more, a line each."""
    exported = [s for s in services if cluster in s["exporters"]]
    alone = [s["name"] for s in exported if not _ready_elsewhere(s, cluster)]
    shared = [s["name"] for s in exported if _ready_elsewhere(s, cluster)]
    others = [c["id"] for c in clusters if c["id"] != cluster and c["connected"]]
    own = next((c for c in clusters if c["id"] == cluster), None)
    if own is not None and own.get("trust") == "revoked":
        return ["nothing: it is revoked already"]
    lines = []
    if alone:
        lines.append(f"services that no other cluster serves, and so fail: {_some(alone)}")
    if shared:
        lines.append(f"services that other clusters go on to serve: {_some(shared)}")
    if others:
        lines.append(f"connected clusters that lose its services, and it theirs: {_some(others)}")
    if own is not None and own["connected"]:
        lines.append(f"its agent is connected, with {_count(len(own['gateways']), 'gateway')}")
    return lines or ["nothing: it exports no service, and no other cluster is connected"]


def cut_by_word(
    own: dict[str, Any], services: Sequence[dict[str, Any]], spec: dict[str, Any]
) -> list[str]:
    """What is cut when `spec` narrows what a cluster may do, a line each."""
    networks = [network for network in map(_network, spec.get("gatewayCIDRs") or ()) if network]
    namespaces = spec.get("namespaces") or ()
    outside = [
        f"{g['name']} ({g['address']})"
        for g in own["gateways"]
        if not any(ip_address(g["address"]) in network for network in networks)
    ]
    exported = [s["name"] for s in services if own["id"] in s["exporters"]]
    withdrawn = [name for name in exported if name.partition("/")[0] not in namespaces]
    lines = []
    if networks and outside:
        lines.append(f"gateways outside these networks: {_some(outside)}")
    if namespaces and withdrawn:
        lines.append(f"services of other namespaces that it exports: {_some(withdrawn)}")
    return lines


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None  # the controller says so


def _ready_elsewhere(service: dict[str, Any], cluster: str) -> bool:
    return any(b["ready"] for b in service["backends"] if b["cluster"] != cluster)


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def may_cut(client: "Client", cluster: str, io: IO, ask: Consent, act: str) -> bool:
    """Say what is cut when `cluster` is no member any more, and ask whether to `act`.

    Of a cluster that is not known nothing is said: the controller's answer says so.
    """
    clusters = client.clusters()
    if not any(item["id"] == cluster for item in clusters):
        return True
    return _asked(cluster, cut_by(cluster, client.services(), clusters), io, ask, act)


def may_narrow(client: "Client", cluster: str, spec: dict[str, Any], io: IO, ask: Consent) -> bool:
    """Say what a narrower word about a cluster cuts, and ask whether to go on if it cuts anything.

    A cluster that is not known, and one that nothing is taken from, is not asked about.
    """
    if not (spec.get("gatewayCIDRs") or spec.get("namespaces")):
        return True
    own = next((item for item in client.clusters() if item["id"] == cluster), None)
    lines = cut_by_word(own, client.services(), spec) if own is not None else []
    return not lines or _asked(cluster, lines, io, ask, "change")


def _asked(cluster: str, lines: Sequence[str], io: IO, ask: Consent, act: str) -> bool:
    io.say(f"{act} of cluster {cluster} cuts:")
    for line in lines:
        io.say(f"  {line}")
    if ask(f"{act.capitalize()} of cluster {cluster}: go on?"):
        return True
    io.say("nothing was changed")
    return False
