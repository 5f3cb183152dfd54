"""Signals of a command that has something to take down at its end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP interrupt like Ctrl-C, so that everything is taken down."""

    def interrupt(_: int, __: FrameType | None) -> None:
        ignore_signals()  # a second one must not interrupt the taking down
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """From now on nothing interrupts the taking down."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
