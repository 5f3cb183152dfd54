"""How often something may happen: so many times at once, and then so many a second.

In: when it happens, of whom. Out: whether it may, and how long it takes until it may again.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second after that."""

    burst: int
    per_second: float


class Bucket:
    """What is left of a rate."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = float(rate.burst)
        self._at = now

    def wait(self, now: float) -> float:
        """The seconds until it may happen, 0 when it may now."""
        self._left = min(
            self._rate.burst, self._left + max(0.0, now - self._at) * self._rate.per_second
        )
        self._at = now
        return max(0.0, (1 - self._left) / self._rate.per_second)

    def take(self, now: float) -> bool:
        """Whether it may happen now; then it counts."""
        if self.wait(now) > 0:
            return False
        self._left -= 1
        return True


class Buckets:
    """A rate for each of many; of more than `most` those who came longest ago are forgotten."""

    def __init__(self, rate: Rate, most: int) -> None:
        self._rate = rate
        self._most = most
        self._known: OrderedDict[Hashable, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, who: Hashable, now: float) -> Bucket:
        """The bucket of one of them."""
        found = self._known.setdefault(who, Bucket(self._rate, now))
        self._known.move_to_end(who)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return found
