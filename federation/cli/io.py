"""What a command talks to: results on `out`, everything else on `err`.

Tables: aligned with a header on a terminal, tab-separated without one in a pipe; JSON and YAML
wherever something is listed. What clusters, peers and files say is shown as text, whatever it is.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from federation.runtime.escapes import LINES, visible

Rows = Sequence[Sequence[object]]


class Format(StrEnum):
    """The values of `--output`."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class IO:
    """The two streams of a command; `is_terminal` says whether a person reads `out`."""

    out: TextIO
    err: TextIO
    is_terminal: bool

    def result(self, text: str) -> None:
        """A line of the result."""
        self.out.write(f"{visible(text, LINES)}\n")
        self.out.flush()

    def say(self, text: str) -> None:
        """A line about the progress, or the next thing to try."""
        self.err.write(f"{visible(text, LINES)}\n")
        self.err.flush()

    def show(self, output: Format, document: Any, columns: Sequence[str], rows: Rows) -> None:
        """Show a list in the format asked for."""
        match output:
            case Format.JSON:
                self.result(json.dumps(document, indent=2))
            case Format.YAML:
                import yaml  # noqa: PLC0415 - most commands do not need it

                self.out.write(yaml.safe_dump(document, sort_keys=False))
            case Format.TABLE if self.is_terminal:
                self.result(aligned(columns, rows))
            case Format.TABLE:
                for row in rows:
                    self.result("\t".join(visible(str(cell)) for cell in row))


def standard_io() -> IO:
    """The streams of this process."""
    return IO(sys.stdout, sys.stderr, sys.stdout.isatty())


def aligned(columns: Sequence[str], rows: Rows) -> str:
    """A table for people: a header, columns two spaces apart."""
    table = [[c.upper() for c in columns], *([visible(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in lines)


def rounded(value: Any) -> Any:
    """A document with all its numbers to a tenth of a thousandth: milliseconds with one digit."""
    match value:
        case float():
            return round(value, 4)
        case dict():
            return {key: rounded(inner) for key, inner in value.items()}
        case list() | tuple():
            return [rounded(inner) for inner in value]
        case _:
            return value


def moment(seconds: float | None) -> str:
    """A time (seconds since 1970) for people, to the second; `-` when there is none."""
    if not seconds:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
