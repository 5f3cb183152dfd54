"""Counts for how long tests really wait: time in which a loop has nothing to do, and `sleep`.

What is counted is what was asked for, so that a busy machine changes nothing. A loop with a fake
clock (looptime) waits for nothing.
"""

import selectors
import time

MOST_SECONDS = 0.5
_DONE = [0.0]


def waited() -> float:
    """All seconds since counting began."""
    return _DONE[0]


def count() -> None:
    """Begin to count; before any loop is made, since looptime keeps what it finds then."""
    select, sleep = selectors.EpollSelector.select, time.sleep  # noqa: TID251 - to count it

    def counting_select(
        self: selectors.EpollSelector, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        events = select(self, timeout)
        if timeout is not None and not events:
            _DONE[0] += max(0.0, timeout)
        return events

    def counting_sleep(seconds: float) -> None:
        _DONE[0] += seconds
        sleep(seconds)

    setattr(selectors.EpollSelector, "select", counting_select)  # noqa: B010 - mypy forbids `=`
    setattr(time, "sleep", counting_sleep)  # noqa: B010
