"""The lines of an audit log in memory; its disk can refuse some writes."""

import errno
from collections.abc import Sequence

from federation.controller.audit_chain import Line
from federation.controller.audit_file import Loaded


class FakeLines:
    """See `federation.controller.audit.Lines`; the next `refuses` writes fail."""

    def __init__(self, refuses: int = 0) -> None:
        self.lines: list[Line] = []
        self.refuses = refuses

    async def load(self, most: int) -> Loaded:
        lines = tuple(self.lines[-most:])
        return Loaded(lines, lines[-1]["number"] if lines else 0)

    async def append(self, lines: Sequence[Line]) -> None:
        if self.refuses:
            self.refuses -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        self.lines += lines

    async def select(self, after: int, before: int, most: int) -> tuple[Line, ...]:
        found = [
            line
            for line in self.lines
            if line["number"] > after and (not before or line["number"] < before)
        ]
        return tuple(found[:most] if after else found[-most:])
