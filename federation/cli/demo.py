"""The demo that runs, or one of a command's own for as long as it needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from federation.cli.interrupt import ignore_signals, interruptible
from federation.cli.io import IO
from federation.demo import mesh
from federation.demo.layout import Layout
from federation.demo.topology import read_layout


@dataclass(slots=True)
class Demo:
    """A demo that runs; `keep`: its folder is to be looked at when it has been stopped."""

    layout: Layout
    keep: bool = False


@contextmanager
def running(state: Path, wanted: Layout, io: IO) -> Iterator[Demo]:
    """Yields the demo that runs in `state`, or else one started as `wanted`.

    A signal interrupts either, so that what was done to the demo can be undone. The folder of one
    that was started is kept when `keep` was set or something failed.
    """
    with interruptible():
        if mesh.is_running(state):
            yield Demo(read_layout(state))
            return
        took = mesh.up(state, wanted, io.say)
        io.say(f"ready after {took:.1f} s")
        demo = Demo(wanted)
        try:
            yield demo
        except Exception:
            demo.keep = True
            raise
        finally:
            ignore_signals()
            _end(state, io, keep=demo.keep)


def _end(state: Path, io: IO, *, keep: bool) -> None:
    if not keep:
        io.say("taking everything down")
        mesh.down(state)
        return
    io.say("stopping everything")
    mesh.halt(state)
    io.say(
        f"kept to be looked at: {state}, with the logs of all processes in {state / 'logs'}; "
        f"remove it with 'fedctl demo down --state {state}'"
    )
