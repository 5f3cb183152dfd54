"""Tables of what the scenarios measured, for `fedctl demo run`.

In: visits, summaries and rows of a report. Out: columns; without `-o wide` they fit 80 characters.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from federation.cli.io import Column

if TYPE_CHECKING:
    from federation.demo.scenarios.steps import Row
    from federation.demo.scenarios.tour import Visit
    from federation.verify.guarantees import Summary

_HALF = 0.005


class Measured(NamedTuple):
    """A phase in numbers, and in words whether the traffic moved."""

    summary: "Summary"
    moved: str


def answered_by(shares: Iterable[tuple[str, float]]) -> str:
    """Clusters with their shares of the answers; `-` when nobody answered."""
    return ", ".join(f"{cluster} {percent(share)}" for cluster, share in shares) or "-"


def percent(share: float) -> str:
    """A share in per cent; only nothing is 0 %, and only everything is 100 %."""
    if 0 < share < _HALF:
        return "<1%"
    return ">99%" if 1 - _HALF < share < 1 else f"{share:.0%}"


def milliseconds(seconds: float) -> str:
    """A latency."""
    return f"{seconds * 1000:.1f} ms"


def seconds(value: float | None) -> str:
    """A span of time that did not end when there is none."""
    return "never" if value is None else f"{value:.2f} s"


def _exact(row: "Row | Measured") -> str:
    return ", ".join(f"{c} {share:.1%}" for c, share in row.summary.shares) or "-"


def _clusters(visit: "Visit") -> str:
    counts: dict[str, int] = {}
    for who, answers in visit.answers:
        cluster = who.partition("/")[0]
        counts[cluster] = counts.get(cluster, 0) + answers
    return ", ".join(f"{cluster} {count}" for cluster, count in counts.items()) or "-"


def _failed(row: "Row") -> str:
    in_flight = f" ({row.in_flight} in flight)" if row.in_flight else ""
    return f"{row.summary.failed} of {row.summary.sent}{in_flight}"


VISITS = (
    Column("from", lambda visit: visit.cluster),
    Column(
        "answered by",
        lambda visit: ", ".join(f"{who} {n}" for who, n in visit.answers) or "-",
        narrow=_clusters,
    ),
    Column("failed", lambda visit: visit.failed),
    Column("seen as", lambda visit: visit.caller or "-"),
)


def _latencies() -> tuple[Column, ...]:
    def latency(name: str) -> Any:
        return lambda row: milliseconds(getattr(row.summary, name))

    return (
        Column("p50", latency("p50"), wide=True),
        Column("p99", latency("p99"), wide=True),
        Column("worst", latency("worst")),
    )


PHASES = (
    Column("phase", lambda row: row.summary.phase),
    Column("sent", lambda row: row.summary.sent),
    Column("failed", lambda row: row.summary.failed),
    Column("answered by", _exact, narrow=lambda row: answered_by(row.summary.shares)),
    *_latencies(),
    Column("moved", lambda row: row.moved or "-"),
)
"""Of `Measured`."""

FLOWS = (
    Column("phase", lambda row: row.phase),
    Column("flow", lambda row: row.flow),
    Column("failed", _failed),
    Column("answered by", _exact, narrow=lambda row: answered_by(row.summary.shares)),
    *_latencies(),
    Column("moved", lambda row: "-" if row.shifted is None else seconds(row.shifted)),
)
"""Of `Row`, the flows of a step."""
