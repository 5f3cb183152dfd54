"""Judges: pure functions of a history that say whether the mesh kept its promises.

In: a History with its phases, and limits. Out: a summary per phase, and one sentence for every
promise that was broken (none: all were kept). Times are seconds.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federation.verify.history import History, Lag, Phase, Record

BUCKET_SECONDS = 0.1
_ENOUGH = 0.8


@dataclass(frozen=True, slots=True)
class Place:
    """Where answers come from: a cluster, or some workloads of it."""

    cluster: str
    workloads: tuple[str, ...] = ()

    def answered(self, record: Record) -> bool:
        """Whether the answer to this request came from here."""
        here = record.cluster == self.cluster and not record.error
        return here and (not self.workloads or record.workload in self.workloads)


@dataclass(frozen=True, slots=True)
class Summary:
    """A phase in numbers; `shares` are (cluster, share of the answers), largest first."""

    phase: str
    sent: int
    failed: int
    shares: tuple[tuple[str, float], ...]
    p50: float
    p99: float
    worst: float

    def share(self, cluster: str) -> float:
        """The share of one cluster, 0 when it did not answer."""
        return dict(self.shares).get(cluster, 0.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What was promised; None: nothing."""

    failed: int = 0
    worst: float | None = None
    shifted: float | None = None


def failures(records: Iterable[Record]) -> tuple[Record, ...]:
    """The requests that failed."""
    return tuple(record for record in records if record.failed)


def percentile(values: Iterable[float], percent: float) -> float:
    """The nearest-rank percentile; 0 when there are no values."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def worst(records: Iterable[Record]) -> float:
    """The longest latency; 0 without requests."""
    return max((record.latency for record in records), default=0.0)


def shares(records: Iterable[Record]) -> tuple[tuple[str, float], ...]:
    """Each cluster's share of the answers, largest first, equal ones by name."""
    counts = Counter(record.cluster for record in records if record.cluster and not record.failed)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((cluster, count / counts.total()) for cluster, count in ordered)


def summarise(phase: str, records: Sequence[Record]) -> Summary:
    """The numbers of one phase."""
    latencies = [record.latency for record in records]
    return Summary(
        phase,
        len(records),
        len(failures(records)),
        shares(records),
        percentile(latencies, 50),
        percentile(latencies, 99),
        worst(records),
    )


def time_to_shift(records: Iterable[Record], lost: Place, fault: float) -> float | None:
    """Seconds from the fault until requests are answered elsewhere for good; None: never.

    Shifted is the last answer from the lost place, or the last failure, or the first answer from
    elsewhere, whichever comes latest; every later 100 ms bucket then is clean of the lost place.
    Give it the records until the lost place is brought back.
    """
    after = [record for record in records if record.end >= fault]
    good = [r.end for r in after if not r.failed and not lost.answered(r)]
    bad = [r.end for r in after if r.failed or lost.answered(r)]
    if not good or (bad and max(bad) >= max(good)):
        return None
    return max(min(good), max(bad, default=fault)) - fault


def time_to_return(
    records: Iterable[Record], place: Place, since: float, wanted: float = 0.99
) -> float | None:
    """Seconds from `since` until the place answers its share again in every later bucket.

    A bucket in which fewer than `wanted` of the answers come from the place is not there yet; so is
    one with a failure. None: the last bucket is not.
    """
    buckets: dict[int, list[Record]] = {}
    for record in records:
        if record.end >= since:
            buckets.setdefault(int((record.end - since) / BUCKET_SECONDS), []).append(record)
    behind = [n for n, bucket in buckets.items() if _share(bucket, place) < wanted]
    if not buckets or max(buckets) in behind:
        return None
    return (max(behind) + 1) * BUCKET_SECONDS if behind else 0.0


def _share(bucket: Sequence[Record], place: Place) -> float:
    if failures(bucket):
        return 0.0
    return sum(place.answered(record) for record in bucket) / len(bucket)


def processed_twice(journals: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """The ids that occur more than once in all journals together (lines of files will do), sorted.

    A journal outlives its process, so this counts across kills.
    """
    counts = Counter(line.strip() for journal in journals for line in journal)
    return tuple(sorted(found for found, times in counts.items() if found and times > 1))


def broken_promises(
    summary: Summary, limits: Limits, shifted: float | None = None
) -> tuple[str, ...]:
    """One sentence per promise that this phase broke. `shifted` is None when it never was."""
    broken = []
    if summary.sent == 0:
        broken.append(f"{summary.phase}: no request was sent")
    if summary.failed > limits.failed:
        broken.append(
            f"{summary.phase}: {summary.failed} of {summary.sent} requests failed, "
            f"promised at most {limits.failed}"
        )
    if limits.worst is not None and summary.worst > limits.worst:
        broken.append(
            f"{summary.phase}: the slowest request took {summary.worst * 1000:.0f} ms, "
            f"promised at most {limits.worst * 1000:.0f} ms"
        )
    if limits.shifted is not None and shifted is None:
        broken.append(f"{summary.phase}: the traffic did not move away from what was lost")
    elif limits.shifted is not None and shifted is not None and shifted > limits.shifted:
        broken.append(
            f"{summary.phase}: shifted in {shifted:.2f} s, promised at most {limits.shifted:.2f} s"
        )
    return tuple(broken)


def doubts(history: History, phases: Iterable[Phase]) -> tuple[str, ...]:
    """Reasons why the history cannot prove anything, one sentence each."""
    found = []
    if not history.complete:
        found.append("the load generator died before its end: the history is not complete")
    last = max((r.end for r in history.records), default=0.0)
    for phase in phases:
        due = (min(phase.end, last) - phase.start) * history.about.rate
        count = len(history.within(phase))
        if count < _ENOUGH * due:
            found.append(f"{phase.name}: only {count} of about {due:.0f} requests were over in it")
    return tuple(found)


def lateness(lag: Lag | None, bearable: float = 0.05) -> tuple[str, ...]:
    """What to say when the generator itself was slow: latencies then contain its own lateness."""
    if lag is None or lag.worst <= bearable:
        return ()
    return (
        f"the load generator itself was up to {lag.worst * 1000:.0f} ms late "
        f"(p99 {lag.p99 * 1000:.1f} ms): this machine is busy",
    )
