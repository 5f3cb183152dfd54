"""`fedctl demo up`: a whole federation on this machine."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import state_option

if TYPE_CHECKING:
    from federation.demo.layout import Layout

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Options:
    """What to start, where, and whether to stay."""

    state: Path
    layout: "Layout"
    detach: bool


_HOLD = "Seconds a cluster that is back gets no traffic; default 10."
_RAMP = "Seconds in which it then gets its full share; default 30."


@click.command("up")
@click.option("--clusters", type=int, default=3, help="How many, 1 to 5; default 3.")
@click.option("--detach", is_flag=True, help="Return when it is ready, and leave it running.")
@click.option("--network", default="127.10", help="Where its loopback addresses begin.")
@click.option("--hold", type=click.FloatRange(0, 3600), default=10.0, help=_HOLD)
@click.option("--ramp", type=click.FloatRange(0, 3600), default=30.0, help=_RAMP)
@state_option
def command(  # noqa: PLR0917 - click passes them by name
    clusters: int, detach: bool, network: str, hold: float, ramp: float, state: Path
) -> int:
    """Start a federation on this machine."""
    from federation.demo.layout import plan_layout  # noqa: PLC0415

    layout = replace(plan_layout(network, clusters), hold=hold, ramp=ramp)
    return run(Options(state, layout, detach), standard_io())


def run(options: Options, io: IO) -> int:
    """Start it; without --detach stay until Ctrl-C and take it down."""
    from federation.demo import mesh  # noqa: PLC0415

    with interruptible():
        took = mesh.up(options.state, options.layout, io.say)
        io.say(f"ready after {took:.1f} s")
        for line in welcome(options.state, options.layout):
            io.result(line)
        if options.detach:
            return 0
        io.say("Ctrl-C takes everything down")
        try:
            mesh.watch(options.state, io.say)
        except KeyboardInterrupt:
            io.say("taking everything down")
        finally:
            ignore_signals()
            mesh.down(options.state)
    return 0


def welcome(state: Path, layout: "Layout") -> list[str]:
    """What a person can do now."""
    from federation.demo.configs import Paths  # noqa: PLC0415
    from federation.demo.topology import call  # noqa: PLC0415

    paths = Paths(state)
    site = layout.sites[0]
    lines = [f"  from {s.id}:  {call(s, 'api')['curl']}" for s in layout.sites]
    return [
        "Call the service api as the client of each cluster does:",
        *lines,
        "Edit what a cluster has, and see the mesh follow:",
        f"  {paths.source(site.id)}",
        "Look at the federation:",
        f"  export {_variable()}={paths.fedctl}",
        "  fedctl service list",
        f"Drive it with tools of your own: {paths.topology}",
    ]


def _variable() -> str:
    from federation.cli.config import VARIABLE  # noqa: PLC0415

    return VARIABLE


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
