"""Log lines about those who were refused: a few each second, so that a flood fills no disk."""

import logging
import time
from collections.abc import Callable

from federation.runtime.logs import event

BURST = 20
LINES_PER_SECOND = 1.0


class RefusalLog:
    """Says who was refused and why; what is too much is counted and said with the next line."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lines = float(BURST)
        self._at = clock()
        self._left_out = 0

    def say(self, name: str, **fields: object) -> None:
        """One line, unless there were too many."""
        now = self._clock()
        self._lines = min(BURST, self._lines + (now - self._at) * LINES_PER_SECOND)
        self._at = now
        if self._lines < 1:
            self._left_out += 1
            return
        self._lines -= 1
        if self._left_out:
            fields["left_out_before"] = self._left_out
            self._left_out = 0
        self._log.warning(event(name, **fields))
