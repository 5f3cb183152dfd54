"""`fedctl workload token`: a token with which a workload on a host proves itself to its agent."""

from dataclasses import dataclass
from pathlib import Path

import click

from federation.cli.io import IO, moment, standard_io
from federation.cli.options import duration


@dataclass(frozen=True, slots=True)
class Options:
    """For whom, the agent's state folder, when it is made and ends in seconds since 1970."""

    subject: str
    agent_state: Path
    expires: int
    made: int = 0


@click.command("token")
@click.argument("subject")
@click.option(
    "--agent-state",
    required=True,
    type=click.Path(path_type=Path),
    help="The state folder of the cluster's agent, on this machine.",
)
@click.option(
    "--expires", callback=duration, default="168h", help="How long, 365d at most; default 168h."
)
def command(subject: str, agent_state: Path, expires: int) -> int:
    """Print a workload token for SUBJECT.

    That is NAMESPACE/ACCOUNT for a workload, gateway:NAME and entry:NAME for a gateway of that
    name, and dns for a DNS server. Make a new one before it expires: proxies read the file again.
    """
    from federation.runtime.clock import wall_seconds  # noqa: PLC0415

    now = int(wall_seconds())
    return run(Options(subject, agent_state, now + expires, now), standard_io())


def run(options: Options, io: IO) -> int:
    """Make the token and print it, and nothing else, to stdout; when it ends goes to stderr."""
    from federation.model.errors import InvalidInput  # noqa: PLC0415
    from federation.trust.workload_tokens import check_token_key, mint_workload_token  # noqa: PLC0415

    path = options.agent_state / "workload-tokens.key"
    try:
        key = path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read ({error.strerror}): --agent-state must be the state folder of "
            "the cluster's agent, and the agent must have started once"
        ) from error
    check_token_key(key, str(path))
    io.result(mint_workload_token(key, options.subject, options.expires, made=options.made))
    io.say(f"the token of {options.subject} ends at {moment(options.expires)}: renew it before")
    return 0
