"""`fedctl service list`: what is exported, from where, and what is behind it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Format, standard_io
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.api.client import Client

COLUMNS = ("service", "type", "ports", "backends ready", "conflicts")


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, and how to show it."""

    client: "Client"
    output: Format


@click.command("list")
@output_option
@config_option
def command(output: Format, config: Path | None) -> int:
    """List the services of the federation."""
    return run(Options(client_for(config), output), standard_io())


def run(options: Options, io: IO) -> int:
    """Show them."""
    items = options.client.services()
    io.show(options.output, {"items": items}, COLUMNS, [row_of(item) for item in items])
    if not items:
        io.say("no services yet: put a ServiceExport beside a Service in one of the clusters")
    return 0


def row_of(item: dict[str, Any]) -> tuple[object, ...]:
    """The line of one service."""
    backends = [_backend(backend) for backend in item["backends"]]
    if not any(b["ready"] for b in item["backends"]):
        backends.append("(none is ready)")
    return (
        item["name"],
        item["type"],
        ", ".join(f"{p['name'] or '-'} {p['port']}/{p['protocol']}" for p in item["ports"]),
        ", ".join(backends),
        "; ".join(f"{c['reason']}: {c['message']}" for c in item["conflicts"]) or "-",
    )


def _backend(backend: dict[str, Any]) -> str:
    """One cluster's ready endpoints, and the ports that its callers cannot use."""
    text = f"{backend['cluster']} {backend['ready']}/{backend['total']}"
    unserved = ", ".join(map(str, backend.get("unserved_ports", ())))
    return f"{text} (not port {unserved})" if unserved else text
