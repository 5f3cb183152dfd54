"""`fedctl demo run failover`: everything that may die does, under load, and is judged."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, Format, rounded, standard_io
from federation.cli.options import number, output_option, state_option
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
@click.option("--rate", callback=number(10, 2000), default="200", help="Requests a second.")
@click.option("--short", is_flag=True, help=_SHORT)
@click.option("--network", default="127.10", help="Addresses of a demo that it starts itself.")
@output_option
@state_option
def command(  # noqa: PLR0917 - click passes them by name
    report: Path | None, rate: float, short: bool, network: str, output: Format, state: Path
) -> int:
    """Kill, freeze and restart everything under load, and judge what requests saw.

    Without a running demo it starts one and takes it down again; then it also tries a second one
    whose clusters are far apart (not with --short). Above 500 requests a second it performs the
    steps in which many requests wait at once, and needs wrk to send them.
    """
    return run(Options(state, output, network, rate, short, report), standard_io())


def run(options: Options, io: IO) -> int:
    """Run it; 0 only when every promise was kept."""
    from federation.demo import mesh  # noqa: PLC0415
    from federation.demo.layout import plan_layout  # noqa: PLC0415
    from federation.demo.scenarios import distance, loads  # noqa: PLC0415

    _check_writable(options.report)
    loads.check_rate(options.rate)
    layout = plan_layout(options.network)
    if options.short:
        layout = replace(layout, hold=_SHORT_HOLD, ramp=_SHORT_RAMP)
    is_ours = not mesh.is_running(options.state)
    io.say(f"GET comes from {loads.sent_by(options.rate)}, {options.rate:g} a second")
    done = _Done(time.monotonic())
    try:
        _perform(options.state, options, layout, io, done)
        if is_ours and not options.short and options.rate <= loads.MOST_BY_PYTHON:
            # Where the first one is kept to be looked at, the second one needs another place.
            kept = any(result.broken for result in done.results)
            state = options.state.with_name(f"{options.state.name}-far")
            far = distance.far_layout(layout)
            _perform(state if kept else options.state, options, far, io, done)
    except BaseException as error:
        if done.results:
            why = "interrupted" if isinstance(error, KeyboardInterrupt) else f"failed: {error}"
            _report(options, done, io, ended=f"{why} after {len(done.results)} of its steps")
        raise
    found = _report(options, done, io)
    for note in found.notes:
        io.say(f"note: {note}")
    verdict = "every promise was kept" if not found.broken else "NOT every promise was kept"
    io.say(f"{verdict}, in {found.seconds:.0f} s")
    return 1 if found.broken else 0


@dataclass(slots=True)
class _Done:
    """How far a run has come."""

    began: float
    layout: "Layout | None" = None
    results: "list[Result]" = field(default_factory=list)


def _report(options: Options, done: _Done, io: IO, *, ended: str = "") -> "Report":
    """Write and show what was found; `ended` is why it is not complete."""
    from federation.demo.scenarios import loads, report, run  # noqa: PLC0415

    found = run.Report(tuple(done.results), time.monotonic() - done.began)
    about = report.Run(
        command=f"fedctl demo run failover --rate {options.rate:g}"
        + (" --short" if options.short else ""),
        rate=options.rate,
        hold=done.layout.hold if done.layout else 0.0,
        ramp=done.layout.ramp if done.layout else 0.0,
        cores=len(os.sched_getaffinity(0)),
        short=options.short,
        sent_by=loads.sent_by(options.rate),
        ended=ended,
    )
    document = rounded(report.document_of(found, about))
    if options.report is not None:
        text = json.dumps(document, indent=1) + "\n"
        if options.report.suffix == ".md":
            text = report.markdown_of(found, about)
        write_atomic(options.report, text.encode())
        what = "report" if not ended else "part of a report"
        io.say(f"{what} written to {options.report}")
    if not options.output.is_table:
        io.show(options.output, document, (), ())
    return found


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


def _perform(state: Path, options: Options, wanted: "Layout", io: IO, done: _Done) -> None:
    """Run the table of a layout."""
    from federation.cli.demo import running  # noqa: PLC0415
    from federation.demo.scenarios import run, table  # noqa: PLC0415

    with running(state, wanted, io) as demo, _picture(io) as (told, above):
        done.layout = done.layout or demo.layout

        def on_result(result: "Result") -> None:
            done.results.append(result)
            demo.keep = demo.keep or bool(result.broken)
            _show(result, options.output, above)

        steps = table.steps(demo.layout, options.rate, short=options.short)
        run.run_steps(
            state, demo.layout, steps, told, calm_seconds=_CALM_SECONDS, on_result=on_result
        )


def _show(result: "Result", output: Format, io: IO) -> None:
    """A step is over: its lines, unless a machine will read the result."""
    from federation.cli.results import FLOWS  # noqa: PLC0415

    mark = "kept" if not result.broken else "NOT KEPT"
    if output.is_table:
        io.result(f"\n{result.step}: {mark}")
        io.show(output, None, FLOWS, result.rows)
        for fact in result.facts:
            io.result(f"  {fact}")
    else:
        io.say(f"{result.step}: {mark}")
    for sentence in result.broken:
        io.say(f"not kept: {sentence}")


@contextmanager
def _picture(io: IO) -> Iterator["tuple[Told, IO]"]:
    """Who shows how it goes: a live picture on a terminal, plain lines elsewhere."""
    from federation.demo.scenarios.stage import Told  # noqa: PLC0415

    if io.is_terminal:
        from federation.cli.picture import can_draw, live  # noqa: PLC0415

        if can_draw(io):
            with live(io) as drawn:
                yield drawn
            return
    told = Told(
        step=lambda step, number, of: io.say(f"[{number}/{of}] {step.name}"),
        phase=lambda name: io.say(f"  {name}"),
    )
    yield told, io
