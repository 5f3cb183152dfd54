"""What was sent and is not answered yet, of one type on one stream.

At most one response of a type is in flight. One that is not answered in time makes room for the
next; its answer is still understood when it comes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

ACK_DEADLINE_SECONDS = 5.0
"""After this long without an answer the sender goes on: Envoy withholds answers while a cluster is
warming, and a cluster refused late would hold back everything else for ever."""

_REMEMBERED_LATE = 4


@dataclass(frozen=True, slots=True)
class Flight:
    """What was sent under a nonce: the version of each name, and the one held before."""

    nonce: str
    sent_at: float
    versions: dict[str, str]
    before: dict[str, str]

    def is_late(self, now: float) -> bool:
        """Whether the receiver has had its time."""
        return now >= self.sent_at + ACK_DEADLINE_SECONDS


@dataclass(slots=True)
class InFlight:
    """The response that waits for its answer, and the last ones whose answers are late."""

    current: Flight | None = None
    late: list[Flight] = field(default_factory=list)

    def __iter__(self) -> Iterator[Flight]:
        yield from self.late
        if self.current is not None:
            yield self.current

    def is_due(self) -> bool:
        """Whether an answer may still come in time."""
        return self.current is not None

    def waits(self, now: float) -> bool:
        """Whether an answer is to be waited for."""
        return self.current is not None and not self.current.is_late(now)

    def make_room(self, now: float) -> bool:
        """Whether the next response may be sent; one whose answer is late is put aside."""
        if self.waits(now):
            return False
        if self.current is not None:
            self.late = [*self.late, self.current][-_REMEMBERED_LATE:]
            self.current = None
        return True

    def answered(self, nonce: str) -> Flight | None:
        """The response that this is the answer to, None for one that nobody remembers."""
        if self.current is not None and self.current.nonce == nonce:
            flight, self.current = self.current, None
            self.late.clear()  # answers come in order: those will not come any more
            return flight
        for flight in self.late:
            if flight.nonce == nonce:
                self.late.remove(flight)
                return flight
        return None
