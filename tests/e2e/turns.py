"""Who of several test processes may use the machine: one that needs it for itself, or all others.

A file is locked for that, shared or not. A process that is never alone with others needs no turn.
"""

import fcntl
import os
from pathlib import Path


class Turns:
    """The turn of this process, by a file that all of a run know."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        self._alone: bool | None = None

    def take(self, *, alone: bool) -> None:
        """Wait until it is this process's turn, alone or beside others."""
        if self._alone != alone:
            self.end()
            fcntl.flock(self._file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            self._alone = alone

    def end(self) -> None:
        """It is the turn of others."""
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._alone = None

    def close(self) -> None:
        """This process takes no turn any more."""
        os.close(self._file)
