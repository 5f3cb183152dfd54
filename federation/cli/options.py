"""Options that several commands share, and the readers of their values. Light to import."""

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from federation.cli.io import NO_HEADERS, Format

if TYPE_CHECKING:
    from federation.cli.contexts import Config
    from federation.client.client import Client
    from federation.process.settings import Address

Command = TypeVar("Command", bound=Callable[..., Any])
_CONTEXT = "federation.cli.context"
"""Where the option of this name is kept in the context of a command."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(_: click.Context, __: click.Parameter, value: str) -> int:
    """Callback of an option that is a time such as `90s`, `30m`, `1h30m` or `7d`: seconds."""
    seconds = parse_duration(value)
    if not seconds:
        raise click.BadParameter(f"{value[:40]!r} is no duration, write for example 30m or 7d")
    return seconds


def lasting(
    least: int, most: int, said: str
) -> Callable[[click.Context, click.Parameter, str], int]:
    """As `duration`, within what the controller takes: refused before anything is asked for.

    `said` is how people write `most`.
    """

    def read(context: click.Context, parameter: click.Parameter, value: str) -> int:
        seconds = duration(context, parameter, value)
        if not least <= seconds <= most:
            raise click.BadParameter(f"{value[:40]!r} must be from {least}s to {said}")
        return seconds

    return read


# The bounds of `federation.api.v1alpha1`, which takes long to import; a test holds them to it.
JOIN_TOKEN_LIFE = lasting(1, 7 * 86_400, "7d")
USER_LIFE = lasting(60, 365 * 86_400, "365d")


def number(least: float, most: float) -> Callable[[click.Context, click.Parameter, str], float]:
    """Callback of an option that is a number within bounds."""

    def read(_: click.Context, __: click.Parameter, value: str) -> float:
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if not least <= found <= most:
            bounds = f"from {least:.15g} to {most:.15g}"
            raise click.BadParameter(f"{value[:40]!r} is no number {bounds}")
        return found

    return read


def address(_: click.Context, option: click.Parameter, value: str | None) -> "Address | None":
    """Callback of an option that is HOST:PORT; None when it is not given."""
    from federation.process.settings import parse_address  # noqa: PLC0415

    if value is None:
        return None
    try:
        return parse_address(value)
    except ValueError as error:
        raise click.BadParameter(f"{value[:80]!r} {error}") from error


def parse_duration(text: str) -> int:
    """Seconds; 0 when the text is no duration."""
    if not re.fullmatch(r"(\d{1,9}[smhd])+", text, re.ASCII):
        return 0
    return sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhd])", text))


def _format(_: click.Context, __: click.Parameter, value: str) -> Format:
    return Format(value)


def output_option(command: Command) -> Command:
    """`--output` and `--no-headers`, for commands that list something."""
    choice = click.Choice([str(f) for f in Format])
    show = click.option(
        "-o",
        "--output",
        type=choice,
        default="table",
        callback=_format,
        help="How to show it; wide: a table of all columns.",
    )
    return show(headers_option(command))


def headers_option(command: Command) -> Command:
    """`--no-headers`, for commands that show tables."""
    return click.option(
        "--no-headers",
        is_flag=True,
        expose_value=False,
        callback=_no_headers,
        help="Tables without their first line.",
    )(command)


def _no_headers(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[NO_HEADERS] = value


def config_option(command: Command) -> Command:
    """`--config` and `--context`, for commands that ask the controller."""
    file = click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Configuration; default: $FEDCTL_CONFIG, then ~/.config/fedmesh/fedctl.yaml.",
    )
    context = click.option(
        "--context",
        expose_value=False,
        callback=_context,
        help="Which of its contexts; default: $FEDCTL_CONTEXT, then its current one.",
    )
    return file(context(command))


def _context(context: click.Context, _: click.Parameter, value: str | None) -> None:
    context.meta[_CONTEXT] = value or ""


def context_flag() -> str:
    """What the command line says for `--context`; empty where it says nothing."""
    context = click.get_current_context(silent=True)
    return str(context.meta.get(_CONTEXT, "")) if context is not None else ""


def state_option(command: Command) -> Command:
    """`--state`, for commands of the demo."""
    decorate = click.option(
        "--state",
        type=click.Path(path_type=Path),
        callback=lambda _, __, value: demo_folder(value),
        help="The demo's folder; default: fedmesh-demo-UID in the folder for temporary files.",
    )
    return decorate(command)


def demo_folder(flag: Path | None) -> Path:
    """The demo's folder as one and the same absolute path for every command."""
    if flag is not None:
        return flag.expanduser().resolve()
    import tempfile  # noqa: PLC0415 - slow, and most commands do not need it

    return Path(tempfile.gettempdir()).resolve() / f"fedmesh-demo-{os.getuid()}"


def chosen_config(config: Path | None) -> "Config":
    """The context that command line, environment and file choose; raises InvalidInput."""
    from federation.cli.config import config_path, context_name, load_config  # noqa: PLC0415

    name = context_name(context_flag(), os.environ)
    return load_config(config_path(config, os.environ), name)


def client_for(config: Path | None) -> "Client":
    """A client of the controller that the configuration names; raises InvalidInput."""
    from federation.cli.config import open_client  # noqa: PLC0415

    return open_client(chosen_config(config))
