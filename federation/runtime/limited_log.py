"""Log lines about those who were refused: a few each second, so that a flood fills no disk."""

import logging
import time
from collections.abc import Callable

from federation.runtime.logs import event
from federation.runtime.rates import Bucket, Rate

BURST = 20
LINES_PER_SECOND = 1.0


class LimitedLog:
    """Says who was refused and why; what is too much is counted and said with the next line."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lines = Bucket(Rate(BURST, LINES_PER_SECOND), clock())
        self._left_out = 0

    def say(self, name: str, **fields: object) -> None:
        """One line, unless there were too many."""
        if not self._lines.take(self._clock()):
            self._left_out += 1
            return
        if self._left_out:
            fields["left_out_before"] = self._left_out
            self._left_out = 0
        self._log.warning(event(name, **fields))
