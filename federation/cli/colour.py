"""Colours for people: on a terminal only, and never where NO_COLOR is set (https://no-color.org)."""

from collections.abc import Mapping
from enum import StrEnum

from federation.cli.io import IO


class Colour(StrEnum):
    """The codes that a terminal takes (SGR)."""

    GREEN = "32"
    RED = "31"
    YELLOW = "33"
    CYAN = "36"


def is_coloured(io: IO, environ: Mapping[str, str]) -> bool:
    """Whether what a command shows may have colours."""
    return io.is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def painted(word: str, colour: Colour) -> str:
    """One of our own words in a colour."""
    return f"\x1b[{colour}m{word}\x1b[0m"
