"""`fedctl demo logs`: what a process of the demo wrote."""

from dataclasses import dataclass
from pathlib import Path

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import state_option
from federation.runtime.escapes import LINES, visible

_BLOCK_BYTES = 64 * 1024
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """Which demo, whose log, and whether to stay."""

    state: Path
    name: str
    follow: bool


@click.command("logs")
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Stay and show what is added.")
@state_option
def command(name: str, follow: bool, state: Path) -> int:
    """Show the log of a process.

    NAME is as in 'fedctl demo status'."""
    return run(Options(state, name, follow), standard_io())


def run(options: Options, io: IO) -> int:
    """Show it; raises NotReady without a demo, InvalidInput for an unknown name."""
    from federation.demo.processes import pause  # noqa: PLC0415

    path = log_of(options.state, options.name)
    with path.open("rb") as log:
        while True:
            block = log.read(_BLOCK_BYTES)
            if block:
                io.out.write(visible(block.decode("utf-8", "replace"), LINES))
                io.out.flush()
            elif not options.follow or not path.exists():
                return 0
            else:
                pause(_LOOK_SECONDS)


def log_of(state: Path, name: str) -> Path:
    """The log of a process."""
    from federation.demo.configs import Paths  # noqa: PLC0415
    from federation.demo.layout import members  # noqa: PLC0415
    from federation.demo.topology import read_layout  # noqa: PLC0415
    from federation.model.errors import InvalidInput, NotReady  # noqa: PLC0415

    names = [m.name for m in members(read_layout(state))]
    if name not in names:
        known = ", ".join(names)
        raise InvalidInput(f"process {name[:80]!r} is not in the demo, there are: {known}")
    path = Paths(state).log(name)
    if not path.exists():
        raise NotReady(f"{name} has written nothing yet")
    return path
