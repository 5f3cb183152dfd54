"""One thing that is wrong in the sessions, as a value: by which check, where, since when.

A check is a row of `federation.model.checks`. Problems are found by `cluster_problems`,
`service_problems` and `controller_problems`, and put together by `problems`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from federation.model.checks import CHECKS, Check
from federation.trust.lives import made_at

CONTROLLER, CLUSTERSET = "controller", "clusterset"
"""Where a problem is that is not of one cluster."""
NOTICE, LAST_SHARE = timedelta(days=7), 4
"""What is renewed by itself is said when so little is left of its life, and not more than that."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One of them; `since` in seconds since 1970, None when that is not known.

    `subject` is what it is about within `where`, to tell it from others of its check.
    """

    check: str
    where: str
    what: str
    subject: str = ""
    since: float | None = None

    @property
    def kind(self) -> Check:
        """What is known of its check."""
        return CHECKS[self.check]

    @property
    def remedy(self) -> str:
        """What to do."""
        return self.kind.remedy.format(cluster=self.where)


@dataclass(frozen=True, slots=True)
class Said:
    """Something known about a cluster, in words, and since when."""

    what: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """The two ends of a certificate's life."""

    not_before: datetime
    not_after: datetime


def last_part(life: Term) -> float:
    """When so much of a life is over that it should have been renewed."""
    whole = life.not_after - made_at(life.not_before, life.not_after)
    return (life.not_after - min(NOTICE, whole / LAST_SHARE)).timestamp()
