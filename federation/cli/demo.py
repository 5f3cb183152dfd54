"""The demo that runs, or one of a command's own for as long as it needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from federation.cli.interrupt import ignore_signals, interruptible
from federation.cli.io import IO
from federation.demo import mesh
from federation.demo.layout import Layout
from federation.demo.topology import read_layout


@contextmanager
def running(state: Path, wanted: Layout, io: IO) -> Iterator[Layout]:
    """Yields the layout of the demo that runs in `state`, or else of one started as `wanted`.

    A signal interrupts either, so that what was done to the demo can be undone.
    """
    with interruptible():
        if mesh.is_running(state):
            yield read_layout(state)
            return
        took = mesh.up(state, wanted, io.say)
        io.say(f"ready after {took:.1f} s")
        try:
            yield wanted
        finally:
            ignore_signals()
            io.say("taking everything down")
            mesh.down(state)
