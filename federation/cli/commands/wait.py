"""`fedctl wait`: wait until objects are as they should be."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.objects.options import namespace_option
from federation.cli.options import config_option, duration

if TYPE_CHECKING:
    from federation.cli.objects.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """Whom to ask, which objects, what to wait for, and for how many seconds."""

    session: "Session"
    words: tuple[str, ...]
    goal: str
    timeout: float


@click.command("wait")
@click.argument("words", metavar="KIND/NAME...", nargs=-1, required=True)
@click.option(
    "--for",
    "goal",
    required=True,
    help="condition=TYPE[=STATUS], jsonpath=PATH[=VALUE], create or delete.",
)
@click.option("--timeout", callback=duration, default="30s", help="For all; default 30s.")
@namespace_option
@config_option
def command(
    words: tuple[str, ...], goal: str, timeout: int, namespace: str, config: Path | None
) -> int:
    """Wait until objects are as --for says; what is so already needs no time."""
    from federation.cli.objects.session import open_session  # noqa: PLC0415

    return run(Options(open_session(config, namespace), words, goal, timeout), standard_io())


def run(options: Options, io: IO) -> int:
    """Wait for one after the other; a line for each."""
    from federation.cli.objects.goals import goal_of  # noqa: PLC0415
    from federation.cli.objects.targets import places  # noqa: PLC0415
    from federation.cli.objects.waiting import wait_for  # noqa: PLC0415

    session, goal = options.session, goal_of(options.goal)
    until = session.now() + options.timeout
    for place in places(options.words, session):
        wait_for(place, goal, until, session)
        io.result(f"{place.title} {goal.reached}")
    return 0
