"""`fedctl status`: whether all is well, and if not, what to do. The first thing to ask."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.commands import cluster_list
from federation.cli.io import IO, Format, standard_io
from federation.cli.options import client_for, config_option, output_option

if TYPE_CHECKING:
    from federation.api.client import Client

CLUSTERS = ("cluster", "state", "seen", "clock", "gateways", "exports")
PROBLEMS = ("where", "since", "problem", "what to do")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, how to show it, and the time (seconds since 1970)."""

    client: "Client"
    output: Format
    now: float


@click.command("status")
@output_option
@config_option
def command(output: Format, config: Path | None) -> int:
    """Say whether all is well: the controller, the clusters, and every problem with what to do.

    The exit code is 0 when there is no problem and 1 when there is one.
    """
    now = time.time()  # noqa: TID251 - the one place of this command that asks for the time
    return run(Options(client_for(config), output, now), standard_io())


def run(options: Options, io: IO) -> int:
    """Show it; returns whether there are problems."""
    status = options.client.status()
    clusters = options.client.clusters()
    problems: list[dict[str, Any]] = status["problems"]
    rows = [problem_row(problem, options.now) for problem in problems]
    if not options.output.is_table:
        io.show(options.output, {**status, "items": clusters}, (), ())
        return 1 if problems else 0
    io.result(_controller(status))
    io.table(CLUSTERS, [cluster_row(item) for item in clusters])
    io.result("" if rows else "\nno problems")
    io.table(PROBLEMS, rows, cut=False)
    return 1 if problems else 0


def _controller(status: dict[str, Any]) -> str:
    store = "store ok" if status["store"]["ok"] else "store not writable"
    return (
        f"controller of {status['domain']}: revision {status['revision']} of epoch "
        f"{status['epoch']}, {store}, {status['services']} services"
    )


def cluster_row(item: dict[str, Any]) -> tuple[object, ...]:
    """The line of one cluster."""
    clock = item.get("clock")
    return (
        item["id"],
        cluster_list.state_of(item),
        cluster_list.seen(item),
        "-" if clock is None else f"{clock:+.0f} s",
        len(item["gateways"]),
        item["exports"],
    )


def problem_row(problem: dict[str, Any], now: float) -> tuple[object, ...]:
    """The line of one problem."""
    since = problem["since"]
    ago = "-" if since is None else f"{span(max(0.0, now - since))} ago"
    return problem["where"], ago, problem["what"], problem["do"] or "-"


def span(seconds: float) -> str:
    """A span of time in its largest unit."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds:.0f} s"
