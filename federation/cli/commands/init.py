"""`fedctl init`: the beginning of a federation, on the controller's machine."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from federation.cli.io import IO, standard_io
from federation.cli.options import address, config_option, context_flag

if TYPE_CHECKING:
    from datetime import datetime

    from federation.controller.founding import Wish
    from federation.process.settings import Address


@dataclass(frozen=True, slots=True)
class Options:
    """What is wished, fedctl's configuration and the name of the context there, and now."""

    wish: "Wish"
    config: Path
    context: str
    now: "datetime"


@click.command("init")
@click.option(
    "--state",
    required=True,
    type=click.Path(path_type=Path),
    help="The controller's folder: empty, or not there yet.",
)
@click.option("--domain", default="", help="The clusterset's domain; default fedmesh.internal.")
@click.option("--listen", callback=address, help="Where the API listens; default 127.0.0.1:8443.")
@click.option(
    "--grpc-listen", callback=address, help="Where agents connect; default: port 7443 there."
)
@click.option(
    "--advertise",
    multiple=True,
    help="A name or address under which others reach it; may be repeated, the first one counts.",
)
@click.option(
    "--settings",
    "file",
    type=click.Path(path_type=Path),
    help="The settings file to write; default: STATE.yaml beside the folder.",
)
@config_option
def command(
    *,
    state: Path,
    domain: str,
    listen: "Address | None",
    grpc_listen: "Address | None",
    advertise: tuple[str, ...],
    file: Path | None,
    config: Path | None,
) -> int:
    """Begin a federation: settings, root key and admin token of its controller, a context here.

    No controller needs to run. Nothing is overwritten, so that it can be repeated. The domain ends
    up in every identity and cannot be changed later.
    """
    from federation.cli.config import config_path  # noqa: PLC0415
    from federation.controller.founding import Wish  # noqa: PLC0415
    from federation.runtime.clock import utc_now  # noqa: PLC0415

    state = state.expanduser().resolve()
    file = settings_beside(state) if file is None else file.expanduser().absolute()
    wish = Wish(state, file, domain, listen, grpc_listen, advertise)
    own = config_path(config, os.environ).expanduser().absolute()
    return run(Options(wish, own, context_flag(), utc_now()), standard_io())


def run(options: Options, io: IO) -> int:
    """Make what is missing; prints the command that starts the controller."""
    from federation.cli.config import load_contexts, save_contexts  # noqa: PLC0415
    from federation.controller.founding import found, planned, url_of  # noqa: PLC0415

    settings = planned(options.wish)
    name, file = options.context or settings.domain, options.wish.file
    state = settings.state.resolve()
    context = {
        "controller": url_of(settings),
        "ca_file": str(state / "root.pem"),
        "token_file": str(state / "admin.token"),
    }
    before = load_contexts(options.config, may_lack=True)
    after = before.adding(name, context)
    is_new = found(settings, file, options.now)
    io.say(
        f"{'wrote' if is_new else 'nothing to do, there are'} {here(file)} and the state folder "
        f"{here(state)}, domain {settings.domain}"
    )
    if after != before:
        after = after.using(name)
        save_contexts(after)
        io.say(f"wrote context {name} into {options.config}, which is the current one now")
    if settings.api_listen.host in ("127.0.0.1", "::1", "localhost"):
        io.say("only this machine reaches it: for others, --listen and --advertise, or edit it")
    io.say("next, start it, and invite a cluster by 'fedctl invite CLUSTER --region REGION':")
    io.result(f"fedmesh-controller --config {here(file)}")
    return 0


def settings_beside(state: Path) -> Path:
    """The settings file of a state folder, when none is named."""
    return state.with_name(f"{state.name}.yaml")


def here(path: Path) -> str:
    """A path as a word of a command line, short where it lies below the working folder."""
    folder = Path.cwd()
    return shlex.quote(str(path.relative_to(folder) if path.is_relative_to(folder) else path))
