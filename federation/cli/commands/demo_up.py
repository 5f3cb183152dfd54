"""`fedctl demo up`: a whole federation on this machine."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.interrupt import ignore_signals, interruptible
from federation.cli.io import IO, standard_io
from federation.cli.options import number, state_option

if TYPE_CHECKING:
    from federation.demo.layout import Layout


@dataclass(frozen=True, slots=True)
class Options:
    """What to start, where, and whether to stay."""

    state: Path
    layout: "Layout"
    detach: bool


_HOLD = "Seconds a cluster that is back gets no traffic; default 10."
_RAMP = "Seconds in which it then gets its full share; default 30."
_LEAF = "Seconds that certificates of proxies live; default 3600."
_INTERMEDIATE = "Seconds that the clusters' authorities live; default 604800."


@click.command("up")
@click.option("--clusters", type=int, default=3, help="How many, 1 to 5; default 3.")
@click.option("--detach", is_flag=True, help="Return when it is ready, and leave it running.")
@click.option("--network", default="127.10", help="Where its loopback addresses begin.")
@click.option("--hold", callback=number(0, 3600), default="10", help=_HOLD)
@click.option("--ramp", callback=number(0, 3600), default="30", help=_RAMP)
@click.option("--leaf", callback=number(1, 86_400), default="3600", help=_LEAF)
@click.option(
    "--intermediate", callback=number(10, 31_536_000), default="604800", help=_INTERMEDIATE
)
@state_option
def command(clusters: int, detach: bool, network: str, state: Path, **seconds: float) -> int:
    """Start a federation on this machine."""
    from federation.demo.layout import plan_layout  # noqa: PLC0415

    layout = replace(plan_layout(network, clusters), **seconds)  # type: ignore[arg-type]
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
        f"  export {_variable()}={shlex.quote(str(paths.fedctl))}",
        "  fedctl service list",
        f"Drive it with tools of your own: {paths.topology}",
    ]


def _variable() -> str:
    from federation.cli.config import VARIABLE  # noqa: PLC0415

    return VARIABLE
