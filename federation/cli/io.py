"""What a command talks to: results on `out`, everything else on `err`.

Tables are the same on a terminal and in a pipe, but for long cells, which are cut to the width of a
terminal only; JSON and YAML wherever something is listed. What clusters, peers and files say is
shown as text, whatever it is.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TextIO

import click

from federation.model.timestamps import rfc3339
from federation.runtime.escapes import LINES, visible

Rows = Sequence[Sequence[object]]

NO_HEADERS = "federation.cli.no-headers"
"""Where the option of this name is kept in the context of a command."""

_GAP = "  "
_LEAST = 4
"""Columns that are cut keep at least so many characters."""


class Format(StrEnum):
    """The values of `--output`; WIDE is a table of all columns, never cut."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_table(self) -> bool:
        """Whether people read it."""
        return self in (Format.TABLE, Format.WIDE)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what it shows of an item; `wide`: only when all columns are asked for.

    `narrow` takes the place of `cell` when not all columns are asked for.
    """

    name: str
    cell: Callable[[Any], object]
    wide: bool = False
    narrow: Callable[[Any], object] | None = None


@dataclass(frozen=True, slots=True)
class IO:
    """The two streams of a command; `is_terminal` says whether a person reads `out`.

    Tables are cut to `width` (None: not at all) and begin with a line of `headers`.
    """

    out: TextIO
    err: TextIO
    is_terminal: bool
    width: int | None = None
    headers: bool = True

    def result(self, text: str) -> None:
        """A line of the result."""
        self.out.write(f"{visible(text, LINES)}\n")
        self.out.flush()

    def say(self, text: str) -> None:
        """A line about the progress, or the next thing to try."""
        self.err.write(f"{visible(text, LINES)}\n")
        self.err.flush()

    def show(
        self, output: Format, document: Any, columns: Sequence[Column], items: Sequence[Any]
    ) -> None:
        """Show a list in the format asked for: a line for each item, or the document."""
        match output:
            case Format.JSON:
                self.result(json.dumps(document, indent=2))
            case Format.YAML:
                import yaml  # noqa: PLC0415 - most commands do not need it

                self.out.write(yaml.safe_dump(document, sort_keys=False))
            case Format.WIDE:
                rows = [[column.cell(item) for column in columns] for item in items]
                self.table([column.name for column in columns], rows, cut=False)
            case Format.TABLE:
                chosen = [column for column in columns if not column.wide]
                cells = [column.narrow or column.cell for column in chosen]
                rows = [[cell(item) for cell in cells] for item in items]
                self.table([column.name for column in chosen], rows)

    def table(self, names: Sequence[str], rows: Rows, *, cut: bool = True) -> None:
        """Show a table; one without rows is nothing, as there is a sentence for that."""
        if rows:
            text = aligned(names, rows, self.width if cut else None)
            self.result(text if self.headers else text.partition("\n")[2])


def standard_io() -> IO:
    """The streams of this process; a table is as wide as the terminal, if it is one."""
    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else None
    context = click.get_current_context(silent=True)
    headers = context is None or not context.meta.get(NO_HEADERS, False)
    return IO(sys.stdout, sys.stderr, is_terminal, width, headers)


def aligned(columns: Sequence[str], rows: Rows, width: int | None = None) -> str:
    """A table: a header, columns two spaces apart, cut where it is wider than `width`."""
    table = [[c.upper() for c in columns], *([visible(str(cell)) for cell in row] for row in rows)]
    natural = [max(len(row[i]) for row in table) for i in range(len(columns))]
    widths = _fitted(natural, width)
    lines = (_GAP.join(map(_padded, row, widths)) for row in table)
    return "\n".join(line.rstrip() for line in lines)


def _fitted(widths: list[int], width: int | None) -> list[int]:
    """The widths of columns when the widest give way until all of them fit."""
    fitted = list(widths)
    over = 0 if width is None else sum(fitted) + len(_GAP) * (len(fitted) - 1) - width
    while over > 0 and max(fitted) > _LEAST:
        fitted[fitted.index(max(fitted))] -= 1
        over -= 1
    return fitted


def _padded(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else f"{cell[: width - 1]}…"


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
    return rfc3339(seconds)
