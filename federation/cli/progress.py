"""One line on a terminal that says what is waited for, and for how long already.

In: the words, a clock. Out: the line on `err`, drawn anew in place and taken away at the end; where
`err` is no terminal nothing is written, so that logs stay readable.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from federation.cli.io import IO
from federation.runtime.escapes import visible

_LEAST_SECONDS = 1.0
"""What is done sooner is not talked about."""
_CLEAR = "\r\x1b[K"


@contextmanager
def waiting(io: IO, what: str, now: Callable[[], float]) -> Iterator[Callable[[], None]]:
    """Yields what is to be called at every look; the line is gone when this ends."""
    began, drawn = now(), False
    can_draw = io.err.isatty()

    def look() -> None:
        nonlocal drawn
        passed = now() - began
        if can_draw and passed >= _LEAST_SECONDS:
            width = shutil.get_terminal_size().columns
            io.err.write(f"{_CLEAR}{visible(f'{what}: {passed:.0f} s')[: width - 1]}")
            io.err.flush()
            drawn = True

    try:
        yield look
    finally:
        if drawn:
            io.err.write(_CLEAR)
            io.err.flush()
