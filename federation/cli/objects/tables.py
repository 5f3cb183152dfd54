"""Tables that the server makes, shown as those of fedctl.

In: Tables (meta/v1). Out: a header and rows of text. The columns are the server's, so they are
those that kubectl shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from federation.cli.io import IO, aligned
from federation.client.discovery import ServedKind
from federation.model.errors import PeerBroke

Json = dict[str, Any]


@dataclass(slots=True)
class Sheet:
    """How the tables of one kind are shown; rows that come later stand below those before.

    `is_titled`: names are shown with their kind, as there are several.
    """

    kind: ServedKind
    is_wide: bool = False
    has_namespace: bool = False
    is_titled: bool = False
    _names: list[str] = field(default_factory=list, init=False)
    _widths: list[int] = field(default_factory=list, init=False)

    def show(self, table: Json, io: IO) -> None:
        """A header, and the rows; nothing when there are none."""
        rows = self._rows(table)
        io.table(self._names, rows, cut=not self.is_wide)

    def add(self, table: Json, io: IO) -> None:
        """The rows alone, as wide as those before; the header first when there were none."""
        if not self._names:
            self.show(table, io)
            return
        for row in self._rows(table):
            ruler = ["x" * width for width in self._widths]
            text = aligned(self._names, [ruler, row], None if self.is_wide else io.width)
            io.result(text.rpartition("\n")[2])

    def _rows(self, table: Json) -> list[list[str]]:
        try:
            shown = self._cells(table)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise PeerBroke(f"the table of {self.kind.plural} cannot be read: {error}") from error
        if shown:
            own = [max(map(len, column)) for column in zip(*shown, strict=True)]
            before = self._widths or [0] * len(own)
            self._widths = [max(pair) for pair in zip(own, before, strict=True)]
        return shown

    def _cells(self, table: Json) -> list[list[str]]:
        columns = table["columnDefinitions"] or []
        chosen = [i for i, c in enumerate(columns) if self.is_wide or not c.get("priority")]
        titled = [i for i, c in enumerate(columns) if self.is_titled and c.get("format") == "name"]
        names = [str(columns[i]["name"]) for i in chosen]
        rows = []
        for row in table["rows"] or []:
            cells = [text_of(row["cells"][i]) for i in chosen]
            for at in titled:
                cells[chosen.index(at)] = self.kind.title(cells[chosen.index(at)])
            if self.has_namespace:
                cells.insert(0, text_of(row["object"]["metadata"].get("namespace")))
            rows.append(cells)
        if rows and not self._names:
            self._names = ["namespace", *names] if self.has_namespace else names
        return rows


def text_of(value: Any) -> str:
    """A cell as text; `-` when it is empty."""
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None or value == "" else str(value)


def merged(tables: Sequence[Json]) -> Json:
    """One Table of the rows of several with the same columns; at least one."""
    return {**tables[0], "rows": [row for table in tables for row in table.get("rows") or []]}
