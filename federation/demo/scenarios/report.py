"""A run of steps as documents: for machines, for people, for the docs.

In: a `Report` and what was run. Out: a mapping (times in seconds), lines of a table, Markdown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from federation.demo.scenarios.run import Report
from federation.demo.scenarios.steps import Result, Row

COLUMNS = (
    *("phase", "flow", "sent", "failed", "answered by", "p50", "p99", "worst"),
    "shifted in",
)
_FEW = 0.0005


@dataclass(frozen=True, slots=True)
class Run:
    """How a report came about: rates in requests per second and flow, times in seconds.

    `ended`: why it is not complete.
    """

    command: str
    rate: float
    hold: float
    ramp: float
    cores: int
    short: bool
    sent_by: str = "a generator in Python"
    ended: str = ""


def document_of(report: Report, run: Run) -> dict[str, Any]:
    """The report for machines."""
    return {
        "kept": not report.broken and not run.ended,
        "complete": not run.ended,
        "ended": run.ended,
        "command": run.command,
        "rate": run.rate,
        "sent_by": run.sent_by,
        "hold": run.hold,
        "ramp": run.ramp,
        "cores": run.cores,
        "short": run.short,
        "seconds": report.seconds,
        "steps": [_step(result) for result in report.results],
        "notes": list(report.notes),
        "broken": list(report.broken),
    }


def _step(result: Result) -> dict[str, Any]:
    lag = result.lag
    return {
        "step": result.step,
        "kept": not result.broken,
        "phases": [_phase(row) for row in result.rows],
        "facts": list(result.facts),
        "broken": list(result.broken),
        "generator_lag": None if lag is None else {"worst": lag.worst, "p99": lag.p99},
    }


def _phase(row: Row) -> dict[str, Any]:
    found = row.summary
    return {
        "phase": row.phase,
        "flow": row.flow,
        "sent": found.sent,
        "failed": found.failed,
        "failed_in_flight": row.in_flight,
        "shares": dict(found.shares),
        "p50": found.p50,
        "p99": found.p99,
        "worst": found.worst,
        "shifted": row.shifted,
    }


def rows_of(result: Result) -> list[tuple[str, ...]]:
    """The lines of one step."""
    return [_cells(row) for row in result.rows]


def _cells(row: Row) -> tuple[str, ...]:
    found = row.summary
    shares = ", ".join(f"{cluster} {share:.1%}" for cluster, share in found.shares if share > _FEW)
    times = (found.p50, found.p99, found.worst)
    failed = f"{found.failed}" + (f" ({row.in_flight} in flight)" if row.in_flight else "")
    shifted = "" if row.shifted is None else f"{row.shifted:.2f} s"
    milliseconds = (f"{seconds * 1000:.1f} ms" for seconds in times)
    return (row.phase, row.flow, f"{found.sent}", failed, shares, *milliseconds, shifted)


def markdown_of(report: Report, run: Run) -> str:
    """The report as a page of the docs."""
    kept = "Every promise was kept" + (" so far." if run.ended else ".")
    verdict = kept if not report.broken else "**Not every promise was kept.**"
    lines = [
        "# Failover, measured",
        "",
        "For users and operators: one run of the failover table.",
        "",
        f"`{run.command}`: {run.cores} cores, {run.rate:g} requests/s for GET, sent by "
        f"{run.sent_by}, and others beside it, hold {run.hold:g} s, ramp {run.ramp:g} s, "
        f"{report.seconds:.0f} s in all. {verdict}",
        "",
        *([f"**Not complete**: {run.ended}.", ""] if run.ended else []),
        "*In flight* are requests that may not be repeated (POST, gRPC, TCP) and were in flight at",
        "what was lost. *Shifted in* is the time from the failure to the last",
        "response that still came from the failed backend.",
    ]
    for result in report.results:
        lines += ["", f"## {result.step[0].upper()}{result.step[1:]}", ""]
        lines += _markdown_table(COLUMNS, rows_of(result))
        if result.facts or result.broken:
            lines.append("")
        lines += [f"- {fact}" for fact in result.facts]
        lines += [f"- **not kept**: {sentence}" for sentence in result.broken]
        if result.lag is not None:
            worst, p99 = result.lag.worst * 1000, result.lag.p99 * 1000
            lines += [
                "",
                f"The load's own loop was at most {worst:.0f} ms late (p99 {p99:.1f} ms).",
            ]
    return "\n".join(lines) + "\n"


def _markdown_table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    head = [f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
    return [*head, *(f"| {' | '.join(row)} |" for row in rows)]
