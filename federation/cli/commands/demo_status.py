"""`fedctl demo status`: the processes of the demo."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from federation.cli.io import IO, Format, standard_io
from federation.cli.options import output_option, state_option

COLUMNS = ("name", "role", "cluster", "pid", "envoy", "addresses")


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
    rows = [row_of(process) for process in document["processes"]]
    io.show(options.output, document, COLUMNS, rows)
    missing = [p["name"] for p in document["processes"] if p["pid"] is None]
    if missing:
        io.say(f"not running: {', '.join(missing)}; see 'fedctl demo logs {missing[0]}'")
    return 0


def row_of(process: dict[str, Any]) -> tuple[object, ...]:
    """The line of one process."""
    addresses = ", ".join(f"{purpose} {at}" for purpose, at in process["addresses"].items())
    return (
        process["name"],
        process["role"],
        process["cluster"] or "-",
        process["pid"] or "not running",
        process["envoy_pid"] or "-",
        addresses,
    )
