"""`fedctl demo status`: the processes of the demo."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from federation.cli.io import IO, Column, Format, standard_io
from federation.cli.listing import field
from federation.cli.options import output_option, state_option


def _addresses(process: dict[str, Any]) -> str:
    return ", ".join(f"{purpose} {at}" for purpose, at in process["addresses"].items()) or "-"


COLUMNS = (
    Column("name", field("name")),
    Column("role", field("role")),
    Column("cluster", field("cluster")),
    Column("pid", lambda process: process["pid"] or "not running"),
    Column("envoy", field("envoy_pid")),
    Column("addresses", _addresses, wide=True),
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which demo, and how to show it."""

    state: Path
    output: Format


@click.command("status")
@output_option
@state_option
def command(output: Format, state: Path) -> int:
    """Show the processes of the demo.

    JSON is the same as topology.json."""
    return run(Options(state, output), standard_io())


def run(options: Options, io: IO) -> int:
    """Show them; raises NotReady when there is no demo."""
    from federation.demo.topology import refresh  # noqa: PLC0415

    document = refresh(options.state)
    io.show(options.output, document, COLUMNS, document["processes"])
    missing = [p["name"] for p in document["processes"] if p["pid"] is None]
    if missing:
        io.say(f"not running: {', '.join(missing)}; see 'fedctl demo logs {missing[0]}'")
    return 0
