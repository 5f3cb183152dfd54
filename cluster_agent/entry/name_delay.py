"""How long names for DNS wait until gateways listen at the addresses that they lead to.

In: loop time, and whether every proxy has acknowledged all it was sent. Out: when the waiting is
over. A gateway that is frozen holds up names for `NAMES_WAIT_SECONDS` and no longer.
"""

from collections.abc import Callable

NAMES_WAIT_SECONDS = 2.0
"""How long a new address waits at most until the gateways have acknowledged its listener: whoever
is told of it earlier is refused there."""


class NameDelay:
    """The waiting of all names together; none waits while `due` is None."""

    def __init__(self) -> None:
        self.due: float | None = None
        self._end = 0.0

    def start(self, now: float) -> bool:
        """A name waits; returns whether it is the first."""
        if self.due is not None:
            return False
        self._end = self.due = now + NAMES_WAIT_SECONDS
        return True

    def settle(self, now: float, settle_seconds: float) -> None:
        """Every supervisor has acknowledged its listeners; its Envoy takes them a moment later."""
        if self.due is not None:
            self.due = min(self.due, now + settle_seconds)

    def is_over(self, now: float, is_quiet: Callable[[], bool]) -> bool:
        """Whether names may go out now; then none waits any more.

        `is_quiet` is asked only when it matters: it goes over all proxies.
        """
        if self.due is None or now < self.due:
            return False
        if now < self._end and not is_quiet():
            self.due = self._end  # another listener has been sent meanwhile
            return False
        self.due = None
        return True
