"""`fedctl demo run tour`: calls from everywhere, then local backends killed under load."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Format, rounded, standard_io
from federation.cli.options import output_option, state_option
from federation.cli.results import PHASES, VISITS, Measured, seconds

if TYPE_CHECKING:
    from federation.demo.scenarios.tour import Report

_SHORT_HOLD = 2.0
_SHORT_RAMP = 5.0
"""A demo that is only there for the tour does not wait as long as a real mesh should."""


@dataclass(frozen=True, slots=True)
class Options:
    """Which demo, and how to show the result."""

    state: Path
    output: Format
    network: str


@click.command("tour")
@click.option("--network", default="127.10", help="Addresses of a demo that it starts itself.")
@output_option
@state_option
def command(output: Format, network: str, state: Path) -> int:
    """Take the tour: requests from each cluster, then all local backends of one killed under load.

    Without a running demo it starts one and takes it down again.
    """
    return run(Options(state, output, network), standard_io())


def run(options: Options, io: IO) -> int:
    """Run it; 0 only when every promise was kept."""
    from federation.cli.demo import running  # noqa: PLC0415
    from federation.demo.layout import plan_layout  # noqa: PLC0415
    from federation.demo.scenarios.tour import run_tour  # noqa: PLC0415

    wanted = replace(plan_layout(options.network), hold=_SHORT_HOLD, ramp=_SHORT_RAMP)
    with running(options.state, wanted, io) as demo:
        report = run_tour(options.state, demo.layout, io.say)
        demo.keep = bool(report.broken)
    if options.output.is_table:
        describe(report, options.output, io)
    else:
        io.show(options.output, document_of(report), (), ())
    for note in report.notes:
        io.say(f"note: {note}")
    for sentence in report.broken:
        io.say(f"not kept: {sentence}")
    return 1 if report.broken else 0


def document_of(report: "Report") -> Any:
    """The report for machines; times in seconds."""
    plain = asdict(report)
    for visit in plain["visits"]:
        visit["answers"] = dict(visit["answers"])
    for phase in plain["phases"]:
        phase["shares"] = dict(phase["shares"])
    return rounded({"kept": not report.broken, **plain})


def describe(report: "Report", output: Format, io: IO) -> None:
    """The report for people."""
    io.result("")
    io.show(output, None, VISITS, report.visits)
    io.result("")
    moved = ("", seconds(report.shifted), _back(report.returned))
    phases = [Measured(phase, text) for phase, text in zip(report.phases, moved, strict=True)]
    io.show(output, None, PHASES, phases)
    io.result("\nevery promise was kept" if not report.broken else "\nNOT every promise was kept")


def _back(value: float | None) -> str:
    return "never back" if value is None else f"back in {value:.1f} s"
