"""At which ports an application closes its connections without saying so, by Envoy's counters.

A request that Envoy sends on a connection which the application closes at that moment is lost, and
whether it was processed nobody can know, so a POST is not sent again. In: requests and connections
closed by the application so far, for each port, at every look. Out: the ports at which each request
should have a connection of its own. Pure.
"""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

LOOKS = 10
"""So many last looks are judged together."""
LEAST_LOOKS = 3
"""In so many of them connections were closed: an application that ends closes all of them once."""
LEAST_CLOSED = 5


class Count(NamedTuple):
    """What was so far at one port."""

    requests: int
    closed: int


class Closing:
    """The ports that were found; one that was found stays, since nothing can be seen there then."""

    def __init__(self) -> None:
        self.ports: tuple[int, ...] = ()
        self._before: Mapping[int, Count] | None = None
        self._looks: deque[dict[int, Count]] = deque(maxlen=LOOKS)

    def note(self, counts: Mapping[int, Count]) -> bool:
        """Take the counts of now; returns whether another port was found."""
        before, self._before = self._before, counts
        if before is None:
            return False
        self._looks.append({port: _grown(before.get(port), now) for port, now in counts.items()})
        known = len(self.ports)
        self.ports = tuple(sorted({*self.ports, *(p for p in counts if self._closes(p))}))
        return len(self.ports) > known

    def _closes(self, port: int) -> bool:
        """Whether most requests of late had their connection closed behind them."""
        seen = [look[port] for look in self._looks if port in look]
        closed = sum(count.closed for count in seen)
        looks = sum(count.closed > 0 for count in seen)
        is_often = closed >= LEAST_CLOSED and looks >= LEAST_LOOKS
        return is_often and 2 * closed >= sum(count.requests for count in seen)


def _grown(before: Count | None, now: Count) -> Count:
    """By how much; a count that fell is that of another Envoy."""
    if before is None or now.requests < before.requests or now.closed < before.closed:
        return now
    return Count(now.requests - before.requests, now.closed - before.closed)
