"""`fedctl demo run failover`: everything that may die does, under load, and is judged."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, Format, aligned, rounded, standard_io
from federation.cli.options import output_option, state_option
from federation.model.errors import InvalidInput
from federation.runtime.files import write_atomic

if TYPE_CHECKING:
    from federation.demo.layout import Layout
    from federation.demo.scenarios.run import Report
    from federation.demo.scenarios.stage import Told
    from federation.demo.scenarios.steps import Result

_SHORT_HOLD = 2.0
_SHORT_RAMP = 5.0
_CALM_SECONDS = 3.0
_REPORT = "File for the report: JSON, or Markdown when it ends in .md."
_SHORT = "Some three minutes instead of fifteen: fewer steps, shorter hold and ramp."


@dataclass(frozen=True, slots=True)
class Options:
    """Which demo, how much load, and where the result goes."""

    state: Path
    output: Format
    network: str
    rate: float
    short: bool
    report: Path | None


@click.command("failover")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help=_REPORT)
@click.option("--rate", type=click.FloatRange(10, 2000), default=200.0, help="Requests a second.")
@click.option("--short", is_flag=True, help=_SHORT)
@click.option("--network", default="127.10", help="Addresses of a demo that it starts itself.")
@output_option
@state_option
def command(  # noqa: PLR0917 - click passes them by name
    report: Path | None, rate: float, short: bool, network: str, output: Format, state: Path
) -> int:
    """Kill, freeze and restart everything under load, and judge what requests saw.

    Without a running demo it starts one and takes it down again; then it also tries a second one
    whose clusters are far apart (not with --short).
    """
    return run(Options(state, output, network, rate, short, report), standard_io())


def run(options: Options, io: IO) -> int:
    """Run it; 0 only when every promise was kept."""
    from federation.demo import mesh  # noqa: PLC0415
    from federation.demo.layout import plan_layout  # noqa: PLC0415
    from federation.demo.scenarios import distance, report, run  # noqa: PLC0415

    _check_writable(options.report)
    layout = plan_layout(options.network)
    if options.short:
        layout = replace(layout, hold=_SHORT_HOLD, ramp=_SHORT_RAMP)
    is_ours = not mesh.is_running(options.state)
    found, used = _perform(options, layout, io)
    if is_ours and not options.short:
        found = run.joined(found, _perform(options, distance.far_layout(layout), io)[0])
    about = report.Run(
        command=f"fedctl demo run failover --rate {options.rate:g}"
        + (" --short" if options.short else ""),
        rate=options.rate,
        hold=used.hold,
        ramp=used.ramp,
        cores=len(os.sched_getaffinity(0)),
        short=options.short,
    )
    document = rounded(report.document_of(found, about))
    if options.report is not None:
        text = json.dumps(document, indent=1) + "\n"
        if options.report.suffix == ".md":
            text = report.markdown_of(found, about)
        write_atomic(options.report, text.encode())
    if options.output is not Format.TABLE:
        io.show(options.output, document, (), ())
    for note in found.notes:
        io.say(f"note: {note}")
    verdict = "every promise was kept" if not found.broken else "NOT every promise was kept"
    io.say(f"{verdict}, in {found.seconds:.0f} s")
    return 1 if found.broken else 0


def _check_writable(report: Path | None) -> None:
    """Raise InvalidInput now rather than lose the report after a quarter of an hour."""
    if report is None:
        return
    if not report.parent.is_dir():
        raise InvalidInput(f"--report is {report}, but there is no folder {report.parent}")
    if report.is_symlink() or (report.exists() and not report.is_file()):
        raise InvalidInput(f"--report is {report}, but that is no file: name a new one")
    if not os.access(report.parent, os.W_OK):
        raise InvalidInput(f"--report is {report}, but its folder cannot be written into")


def _perform(options: Options, wanted: "Layout", io: IO) -> tuple["Report", "Layout"]:
    from federation.cli.demo import running  # noqa: PLC0415
    from federation.demo.scenarios import run, table  # noqa: PLC0415

    with running(options.state, wanted, io) as layout, _picture(io) as told:
        steps = table.steps(layout, options.rate, short=options.short)
        return run.run_steps(
            options.state,
            layout,
            steps,
            told,
            calm_seconds=_CALM_SECONDS,
            on_result=lambda result: _show(result, options.output, io),
        ), layout


def _show(result: "Result", output: Format, io: IO) -> None:
    """A step is over: its lines, unless a machine will read the result."""
    from federation.demo.scenarios.report import COLUMNS, rows_of  # noqa: PLC0415

    mark = "kept" if not result.broken else "NOT KEPT"
    if output is Format.TABLE:
        io.result(f"\n{result.step}: {mark}\n{aligned(COLUMNS, rows_of(result))}")
        for fact in result.facts:
            io.result(f"  {fact}")
    else:
        io.say(f"{result.step}: {mark}")
    for sentence in result.broken:
        io.say(f"not kept: {sentence}")


@contextmanager
def _picture(io: IO) -> Iterator["Told"]:
    """Who shows how it goes: a live picture on a terminal, plain lines elsewhere."""
    from federation.demo.scenarios.stage import Told  # noqa: PLC0415

    if not io.is_terminal:
        yield Told(
            step=lambda name, number, of: io.say(f"[{number}/{of}] {name}"),
            phase=lambda name: io.say(f"  {name}"),
        )
        return
    from federation.cli.picture import live  # noqa: PLC0415

    with live() as told:
        yield told
