"""Whether a cluster lives, as the controller says it to people.

In: for how long its agent has been silent, and whether others reach its gateways. Out: a verdict.
It moves no traffic: proxies go by what they meet.
"""

from collections.abc import Iterable
from enum import StrEnum

SILENT_SECONDS = 10.0


class Life(StrEnum):
    """`suspect`: its agent is silent. `lost`: most others do not reach its gateways either."""

    LIVE = "live"
    SUSPECT = "suspect"
    LOST = "lost"


def verdict_of(silent_seconds: float | None, answers: Iterable[bool]) -> Life:
    """The verdict on a cluster whose agent has been silent for so long (None: never heard of).

    `answers` has one entry for each other cluster that checks its gateways: whether one of them
    answers. Without witnesses a silent cluster is suspect.
    """
    if silent_seconds is not None and silent_seconds < SILENT_SECONDS:
        return Life.LIVE
    said = tuple(answers)
    is_lost = 2 * sum(said) < len(said)
    return Life.LOST if is_lost else Life.SUSPECT
