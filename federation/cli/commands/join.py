"""`fedctl join`: on a cluster's host, all that its agent starts with."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.commands.init import here, settings_beside
from federation.cli.io import IO, standard_io
from federation.cli.options import address, duration
from federation.cli.progress import waiting

if TYPE_CHECKING:
    from federation.cli.joining import Said
    from federation.process.settings import Address
    from federation.trust.join_tokens import JoinToken

_LOOK_SECONDS = 0.5
_UNITS = "/etc/fedmesh"


@dataclass(frozen=True, slots=True)
class Options:
    """The token, where the agent shall lie (state, settings file), and how it is done.

    `check` asks whether the controller is the one of the token: it raises NotReady while that
    cannot be reached. `start`, where the agent is to run here, does not return.
    """

    token: "JoinToken"
    state: Path
    file: Path
    said: "Said"
    check: Callable[["JoinToken"], None]
    wait_seconds: float
    now: Callable[[], float]
    sleep: Callable[[float], None]
    start: Callable[[Path], None] | None = None


@click.command("join")
@click.argument("token")
@click.option(
    "--state", type=click.Path(path_type=Path), help="The agent's folder; default: CLUSTER-agent."
)
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="The folder of YAML that describes the cluster; default: CLUSTER beside the state folder.",
)
@click.option(
    "--listen",
    callback=address,
    help="Where the cluster's proxies reach the agent; default 127.0.0.1:15012.",
)
@click.option(
    "--settings",
    "file",
    type=click.Path(path_type=Path),
    help="The settings file to write; default: STATE.yaml beside the folder.",
)
@click.option(
    "--allow-loopback-endpoints",
    is_flag=True,
    help="For a mesh on one machine: its endpoints have loopback addresses.",
)
@click.option(
    "--wait",
    callback=duration,
    default="10s",
    help="How long to try to reach the controller; default 10s.",
)
@click.option("--run", "runs", is_flag=True, help="Then be the agent, in the foreground.")
def command(
    *,
    token: str,
    state: Path | None,
    source: Path | None,
    listen: "Address | None",
    file: Path | None,
    allow_loopback_endpoints: bool,
    wait: int,
    runs: bool,
) -> int:
    """Have this host join as the cluster of TOKEN ('fedctl invite' prints it; - reads stdin).

    Asks whether the controller is there and the one of the token, and whether the address is free,
    before anything is written. Nothing is overwritten, so that it can be repeated.
    """
    from federation.cli.joining import Said  # noqa: PLC0415

    found = _parsed(sys.stdin.read() if token == "-" else token)  # noqa: S105
    state = (state or Path(f"{found.cluster}-agent")).expanduser().resolve()
    file = settings_beside(state) if file is None else file.expanduser().absolute()
    source = source.expanduser().resolve() if source is not None else None
    said = Said(source, listen, allow_loopback_endpoints)
    how = (check_controller, float(wait), time.monotonic, time.sleep)  # noqa: TID251
    start = be_the_agent if runs else None
    return run(Options(found, state, file, said, *how, start), standard_io())


def _parsed(text: str) -> "JoinToken":
    from federation.model.errors import InvalidInput  # noqa: PLC0415
    from federation.trust.join_tokens import parse_join_token  # noqa: PLC0415

    try:
        return parse_join_token(text)
    except InvalidInput as error:
        raise InvalidInput(
            f"{error}; 'fedctl invite CLUSTER', where the controller is known, prints a whole "
            "command"
        ) from error


def run(options: Options, io: IO) -> int:
    """Look at everything, then write; prints the command that starts the agent."""
    from federation.cli.joining import (  # noqa: PLC0415
        check_free,
        has_joined,
        is_running,
        planned,
        settle,
    )

    cluster = options.token.cluster
    place = planned(options.token, options.state, options.file, options.said)
    runs_already = is_running(place.state)
    _check(options, io)
    if not runs_already:
        check_free(place.listen)
    is_new = settle(options.token, place)
    io.say(
        f"{'wrote' if is_new else 'nothing to do, there are'} {here(place.file)} and the state "
        f"folder {here(place.state)} for cluster {cluster}, described by {here(place.source)}"
    )
    if has_joined(place.state, options.token):
        io.say(f"cluster {cluster} has joined already")
    if runs_already:
        io.say(f"its agent runs: 'fedctl cluster list' says how {cluster} is seen")
        return 0
    if options.start is not None:
        options.start(place.file)
        return 0
    io.say("next, start its agent, and keep it running:")
    io.result(f"fedmesh-agent --config {here(place.file)}")
    if str(place.file) == f"{_UNITS}/{cluster}-agent.yaml":
        io.say(f"or as a service: systemctl enable --now fedmesh-agent@{cluster}")
    return 0


def _check(options: Options, io: IO) -> None:
    """Ask until the controller is reached, or the time is over."""
    from federation.model.errors import NotReady  # noqa: PLC0415

    latest = options.now() + options.wait_seconds
    with waiting(io, f"waiting for the controller at {options.token.url}", options.now) as look:
        while True:
            try:
                return options.check(options.token)
            except NotReady as error:
                if options.now() >= latest:
                    raise NotReady(
                        f"nothing was written, since {error}: is the controller running, and may "
                        "this host connect to it?"
                    ) from error
            look()
            options.sleep(_LOOK_SECONDS)


def check_controller(token: "JoinToken") -> None:
    """Ask who answers; raises NotReady when nobody does.

    Raises Denied when that is another controller, or has another name than the token says.
    """
    from federation.model.errors import Denied  # noqa: PLC0415
    from federation.runtime.clock import utc_now  # noqa: PLC0415
    from federation.wire.ask_controller import ask_controller, ask_pinned_root  # noqa: PLC0415

    try:
        root = ask_pinned_root(token.url, token.root_sha256, utc_now())
        ask_controller(token.url, "/healthz", None, root)
    except Denied as error:
        raise Denied(
            f"nothing was written, since {error}: ask for another one by 'fedctl invite', and "
            "look whether the controller's advertise is right"
        ) from error


def be_the_agent(file: Path) -> None:
    """Become the agent's process."""
    words = [sys.executable, "-P", "-m", "cluster_agent.main", "--config", str(file)]
    os.execv(sys.executable, words)  # noqa: S606 - our own program
