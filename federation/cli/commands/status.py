"""`fedctl status`: whether all is well, and if not, what to do. The first thing to ask."""

import os
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.colour import Colour, is_coloured, painted
from federation.cli.commands import cluster_list
from federation.cli.io import IO, Format, standard_io
from federation.cli.options import client_for, config_option, duration, output_option
from federation.model.checks import WELL, Severity
from federation.runtime.escapes import visible

if TYPE_CHECKING:
    from federation.client.client import Client

CLUSTERS = ("cluster", "state", "seen", "clock", "gateways", "exports")
HAS_PROBLEMS = 3
"""The exit code where something is wrong, and not with the asking."""
WAIT_SECONDS = 0.5
LEAST_SECONDS = 0.5
"""For an answer of the controller, however little of the time to wait is left."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_COLOURS = {
    "ok": Colour.GREEN,
    Severity.ERROR: Colour.RED,
    Severity.WARNING: Colour.YELLOW,
    Severity.INFO: Colour.CYAN,
}
_MARGIN = 9


@dataclass(frozen=True, slots=True)
class Options:
    """The controller, how to show it, the time (seconds since 1970), and how long to wait.

    `wait` is None for not at all.
    """

    client: "Client"
    output: Format
    now: Callable[[], float]
    wait: float | None = None
    sleep: Callable[[float], None] = lambda _: None
    is_coloured: bool = False


@click.command("status")
@click.option("--wait", is_flag=True, help="Wait until there is no error.")
@click.option("--timeout", callback=duration, default="5m", help="Of --wait; default 5m.")
@output_option
@config_option
def command(wait: bool, timeout: int, output: Format, config: Path | None) -> int:
    """Say whether all is well: the controller, the clusters, and every problem with what to do.

    The exit code is 3 when there is a problem of severity error, 0 when there is none, and 1 when
    the controller cannot be asked. docs/reference/checks.md lists all checks.
    """
    io = standard_io()
    options = Options(
        client_for(config),
        output,
        time.time,  # noqa: TID251 - the one place of this command that asks for the time
        timeout if wait else None,
        time.sleep,  # noqa: TID251
        is_coloured(io, os.environ),
    )
    return run(options, io)


def run(options: Options, io: IO) -> int:
    """Show it; returns whether there are errors."""
    status = options.client.status() if options.wait is None else _wait(options, io)
    clusters = options.client.clusters()
    if options.output.is_table:
        width = io.width if options.output is Format.TABLE else None
        io.result(_controller(status))
        io.table(CLUSTERS, [cluster_row(item) for item in clusters])
        io.result("")
        for line in lines(status, options, width):
            io.out.write(f"{line}\n")
        io.result(f"\n{summary(status)}")
    else:
        io.show(options.output, {**status, "items": clusters}, (), ())
    return HAS_PROBLEMS if _errors(status) else 0


def _wait(options: Options, io: IO) -> dict[str, Any]:
    """What the controller says when there is no error, or no time left."""
    from federation.model.errors import Denied, FedmeshError, InvalidInput  # noqa: PLC0415

    latest, said = options.now() + (options.wait or 0), ""
    while True:
        left = max(LEAST_SECONDS, latest - options.now())
        try:
            status = options.client.status(left)
        except (Denied, InvalidInput):
            raise
        except FedmeshError as error:
            if options.now() >= latest:
                raise
            waits = str(error)
        else:
            if options.now() >= latest or not _errors(status):
                return status
            waits = summary(status)
        if waits != said:
            said = waits
            io.say(f"waiting: {waits}")
        options.sleep(WAIT_SECONDS)


def _errors(status: dict[str, Any]) -> int:
    return sum(problem["severity"] == Severity.ERROR for problem in status["problems"])


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


def lines(status: dict[str, Any], options: Options, width: int | None) -> Iterator[str]:
    """A line for each group of checks that is well, then the problems, the worst first.

    Wrapped at `width`, None for never.
    """
    problems = status["problems"]
    groups = {problem["group"] for problem in problems if problem["severity"] != Severity.INFO}
    for group, what in WELL.items():
        if group not in groups:
            yield _line("ok", f"{group}: {what}", options, width)
    order = list(Severity)
    for problem in sorted(problems, key=lambda p: order.index(Severity(p["severity"]))):
        yield _line(problem["severity"], _problem(problem, options.now()), options, width)
        yield _wrapped(f"{' ' * _MARGIN}{visible(problem['remedy'])}", width)


def _line(word: str, text: str, options: Options, width: int | None) -> str:
    """A line that begins with how bad it is, the only coloured word."""
    whole = _wrapped(f"{word:<{_MARGIN}}{visible(text)}", width)
    if not options.is_coloured:
        return whole
    return painted(word, _COLOURS[word]) + whole[len(word) :]


def _wrapped(text: str, width: int | None) -> str:
    if width is None:
        return text
    return textwrap.fill(text, max(width, 4 * _MARGIN), subsequent_indent=" " * _MARGIN)


def _problem(problem: dict[str, Any], now: float) -> str:
    since = problem["since"]
    ago = "" if since is None else f", for {span(max(0.0, now - since))}"
    return f"{problem['where']}: {problem['what']} ({problem['id']}{ago})"


def summary(status: dict[str, Any]) -> str:
    """How many problems there are."""
    counts = Counter(problem["severity"] for problem in status["problems"])
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    found = [f"{counts[s]} {word}{'s' * (counts[s] > 1)}" for s, word in words.items() if counts[s]]
    return ", ".join(found) or "no problems"


def span(seconds: float) -> str:
    """A span of time in its largest unit."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds:.0f} s"
