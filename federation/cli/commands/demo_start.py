"""`fedctl demo start`: start again what was killed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import state_option

if TYPE_CHECKING:
    from federation.demo.layout import Member


@dataclass(frozen=True, slots=True)
class Options:
    """Which demo, and which of its processes; none: all that do not run."""

    state: Path
    names: tuple[str, ...]


@click.command("start")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@state_option
def command(names: tuple[str, ...], state: Path) -> int:
    """Start processes of the demo again that were killed: those named, or all.

    NAME is as in 'fedctl demo status'. Processes that run are left alone.
    """
    return run(Options(state, names), standard_io())


def run(options: Options, io: IO) -> int:
    """Start them and wait until they are ready; raises as `dead_members`, and Failed."""
    from federation.demo import mesh  # noqa: PLC0415

    dead = dead_members(options.state, options.names)
    if dead:
        mesh.start_again(options.state, dead)
    io.say(f"started {', '.join(m.name for m in dead)}" if dead else "nothing had to be started")
    return 0


def dead_members(state: Path, names: tuple[str, ...]) -> tuple["Member", ...]:
    """Those that do not run; raises NotReady without a demo, InvalidInput for an unknown name."""
    from federation.demo.layout import members  # noqa: PLC0415
    from federation.demo.processes import ProcessTable  # noqa: PLC0415
    from federation.demo.topology import read_layout  # noqa: PLC0415
    from federation.model.errors import InvalidInput  # noqa: PLC0415

    known = {member.name: member for member in members(read_layout(state))}
    for name in names:
        if name not in known:
            there = ", ".join(known)
            raise InvalidInput(f"process {name[:80]!r} is not in the demo, there are: {there}")
    alive = {process.name for process in ProcessTable(state).load() if process.alive}
    return tuple(known[name] for name in names or known if name not in alive)
