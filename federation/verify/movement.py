"""Judges of where answers come from over time: who has the majority, who left, who came back.

In: records of a history and a place. Out: numbers, for scenarios to hold against what was promised.
Requests that failed are answers from nowhere. Times are seconds; the first judges of this kind are
in `federation.verify.guarantees`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from federation.verify.guarantees import Place
from federation.verify.history import Record

MAJORITY_SECONDS = 0.5
RAMP_SECONDS = 1.0
_SAMPLES = 20


def majority_changes(
    records: Iterable[Record],
    place: Place,
    since: float,
    until: float,
    bucket: float = MAJORITY_SECONDS,
) -> int:
    """How often the majority of the answers changed between the place and elsewhere.

    Counted are answers in [since, until), per bucket; buckets without a majority (empty ones, and
    half and half) are skipped. 1 is a move, 2 and more is flapping.
    """
    within = (r for r in records if not r.failed and r.end < until)
    shares = [_share(found, place) for _, found in _buckets(within, since, bucket)]
    sides = [share > 1 / 2 for share in shares if share != 1 / 2]
    return sum(before is not after for before, after in pairwise(sides))


def returned_majority(
    records: Iterable[Record], place: Place, since: float, bucket: float = MAJORITY_SECONDS
) -> float | None:
    """Seconds from `since` until the majority of every later bucket comes from the place.

    A failure is a request that the place did not answer. None: the last bucket has no such
    majority, or there is nothing at all.
    """
    buckets = _buckets(records, since, bucket)
    away = [number for number, found in buckets if _share(found, place) <= 1 / 2]
    if not buckets or (away and away[-1] == buckets[-1][0]):
        return None
    return (away[-1] + 1) * bucket if away else 0.0


def ramp_excess(
    records: Iterable[Record],
    place: Place,
    since: float,
    allowed: Callable[[float], float],
    bucket: float = RAMP_SECONDS,
) -> float:
    """By how much the place's share of the answers exceeded `allowed` in its worst bucket.

    0.1 is 10 points, 0 is never. `allowed` says the share (0 to 1) by the seconds since `since`;
    its largest value within a bucket counts. Give it records of whole buckets: in a rest with few
    answers, chance looks like excess.
    """
    good = (record for record in records if not record.failed)
    excesses = (
        _share(found, place) - _most(allowed, number * bucket, bucket)
        for number, found in _buckets(good, since, bucket)
    )
    return max([0.0, *excesses])


def left(records: Iterable[Record], place: Place) -> float:
    """The share of the good answers that came from elsewhere; 0 without answers."""
    good = [record for record in records if not record.failed]
    return 1.0 - _share(good, place) if good else 0.0


def _most(allowed: Callable[[float], float], begin: float, length: float) -> float:
    return max(allowed(begin + length * i / _SAMPLES) for i in range(_SAMPLES + 1))


def _buckets(
    records: Iterable[Record], since: float, length: float
) -> list[tuple[int, list[Record]]]:
    """The records that were over from `since` on, by bucket number; empty buckets are left out."""
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        if record.end >= since:
            found[int((record.end - since) / length)].append(record)
    return sorted(found.items())


def _share(found: Sequence[Record], place: Place) -> float:
    return sum(not r.failed and place.answered(r) for r in found) / len(found)
