"""`fedctl cluster list`: the members and what is seen of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Format, standard_io
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.api.client import Client

COLUMNS = (
    *("cluster", "region", "zones", "state", "seen", "gateways", "reached by", "exports"),
    "problems",
)


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, and how to show it."""

    client: "Client"
    output: Format


@click.command("list")
@output_option
@config_option
def command(output: Format, config: Path | None) -> int:
    """List the clusters of the federation."""
    return run(Options(client_for(config), output), standard_io())


def run(options: Options, io: IO) -> int:
    """Show them."""
    items = options.client.clusters()
    io.show(options.output, {"items": items}, COLUMNS, [row_of(item) for item in items])
    if not items:
        io.say("no clusters yet: add one with 'fedctl cluster add ID --region REGION'")
    return 0


def row_of(item: dict[str, Any]) -> tuple[object, ...]:
    """The line of one cluster."""
    seen = item.get("last_seen_seconds_ago")
    return (
        item["id"],
        item["region"],
        ",".join(item["zones"]) or "-",
        state_of(item),
        "never" if seen is None else f"{seen:.0f} s ago",
        len(item["gateways"]),
        _reached_by(item.get("seen_from", [])),
        item["exports"],
        "; ".join(item["problems"]) or "-",
    )


def state_of(item: dict[str, Any]) -> str:
    """Whether it has joined, is connected, or how its silence is judged."""
    if item.get("trust") in ("revoked", "leaving"):
        return str(item["trust"])
    if not item["joined"]:
        return "not joined"
    return "connected" if item["connected"] else str(item.get("state", "suspect"))


def _reached_by(seen_from: list[dict[str, Any]]) -> str:
    """The clusters whose gateways reach a gateway of this one, and in what time."""
    best: dict[str, float | None] = {}
    for seen in seen_from:
        if seen["answers"]:
            best[seen["cluster"]] = min(
                (t for t in (best.get(seen["cluster"]), seen["rtt_ms"]) if t is not None),
                default=None,
            )
    return ", ".join(f"{c}{f' {t:g} ms' if t else ''}" for c, t in sorted(best.items())) or "-"
