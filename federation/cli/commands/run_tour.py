"""`fedctl demo run tour`: calls from everywhere, then local backends killed under load."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from federation.cli.io import IO, Format, aligned, rounded, standard_io
from federation.cli.options import output_option, state_option

if TYPE_CHECKING:
    from federation.demo.scenarios.tour import Report
    from federation.verify.guarantees import Summary

_SHORT_HOLD = 2.0
_SHORT_RAMP = 5.0
"""A demo that is only there for the tour does not wait as long as a real mesh should."""

PHASE_COLUMNS = ("phase", "sent", "failed", "answered by", "p50", "p99", "worst", "shifted in")


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
    with running(options.state, wanted, io) as layout:
        report = run_tour(options.state, layout, io.say)
    if options.output is Format.TABLE:
        io.result(describe(report))
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


def describe(report: "Report") -> str:
    """The report for people."""
    visits = [
        (v.cluster, ", ".join(f"{who} {n}" for who, n in v.answers), v.failed, v.caller)
        for v in report.visits
    ]
    seen = aligned(("calls from", "answered by", "failed", "seen as"), visits)
    shifts = ("", _seconds(report.shifted), _back(report.returned))
    phases = [_row(p, s) for p, s in zip(report.phases, shifts, strict=True)]
    verdict = "every promise was kept" if not report.broken else "NOT every promise was kept"
    return f"\n{seen}\n\n{aligned(PHASE_COLUMNS, phases)}\n\n{verdict}"


def _row(summary: "Summary", shifted: str) -> tuple[object, ...]:
    shares = ", ".join(f"{cluster} {share:.1%}" for cluster, share in summary.shares)
    times = (summary.p50, summary.p99, summary.worst)
    milliseconds = (f"{seconds * 1000:.1f} ms" for seconds in times)
    return (summary.phase, summary.sent, summary.failed, shares, *milliseconds, shifted)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f} s"


def _back(value: float | None) -> str:
    return "never back" if value is None else f"back in {value:.1f} s"
