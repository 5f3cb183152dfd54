"""Objects as the Table (meta/v1) that kubectl shows: the server says columns and cells.

In: objects of a kind, and now. Out: a Table as JSON. Ages are shown as kubectl does: `5m`, `3h12m`.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from federation.api.kind import ApiKind, Column
from federation.apiserver.paths import value_at

Json = dict[str, Any]

OBJECT, METADATA, NONE = "Object", "Metadata", "None"
INCLUDED = (METADATA, OBJECT, NONE)
"""The values of `includeObject`."""
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3_600, 86_400, 365 * 86_400
_UNKNOWN = "<unknown>"
_PART = re.compile(r"\{([^}]*)\}")

_NAME = Column("Name", ".metadata.name", description="The name of the object.")
_AGE = Column("Age", ".metadata.creationTimestamp", "date", "How long ago it was created.")


def table(
    kind: ApiKind, objects: Iterable[Json], metadata: Json, now: datetime, included: str = METADATA
) -> Json:
    """The Table of some objects; `metadata` is that of the list."""
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(found, columns, now, included) for found in objects],
    }


def columns_of(kind: ApiKind) -> tuple[Column, ...]:
    """All columns: name first and age last, where the kind does not say them itself."""
    narrow = [column for column in kind.columns if not column.wide]
    wide = [column for column in kind.columns if column.wide]
    if all(column.path != _NAME.path for column in kind.columns):
        narrow.insert(0, _NAME)
    if all(column.type != _AGE.type for column in kind.columns):
        narrow.append(_AGE)
    return (*narrow, *wide)


def _definition(column: Column) -> Json:
    return {
        "name": column.name,
        "type": column.type if column.type in ("integer", "boolean", "number") else "string",
        "format": "name" if column.path == _NAME.path else "",
        "description": column.description,
        "priority": int(column.wide),
    }


def _row(found: Json, columns: Iterable[Column], now: datetime, included: str) -> Json:
    row: Json = {"cells": [cell(found, column, now) for column in columns]}
    if included == OBJECT:
        row["object"] = found
    elif included == METADATA:
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": found["metadata"],
        }
    return row


def cell(found: Json, column: Column, now: datetime) -> Any:
    """What a column shows of an object."""
    if column.path.startswith("{"):
        return _PART.sub(lambda part: str(value_at(found, part[1]) or "").lower(), column.path)
    value = value_at(found, column.path)
    if column.type == _AGE.type:
        return age(value, now)
    return _text(value) if column.type == "string" else value


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={one}" for name, one in value.items())
    return "" if value is None else str(value)


def age(text: Any, now: datetime) -> str:
    """How long ago a time of RFC 3339 was, in at most two units."""
    if not isinstance(text, str):
        return _UNKNOWN
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return _UNKNOWN
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return duration(int((now - aware).total_seconds()))


def duration(seconds: int) -> str:
    """As kubectl says it: the shorter, the finer."""
    if seconds < -1:
        return "<invalid>"
    seconds = max(0, seconds)
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    for most, unit, name, small, of in (
        (10 * _MINUTE, _MINUTE, "m", 1, "s"),
        (3 * _HOUR, _MINUTE, "m", 0, ""),
        (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
        (2 * _DAY, _HOUR, "h", 0, ""),
        (8 * _DAY, _DAY, "d", _HOUR, "h"),
        (2 * _YEAR, _DAY, "d", 0, ""),
        (8 * _YEAR, _YEAR, "y", _DAY, "d"),
    ):
        if seconds < most:
            rest = seconds % unit // small if small else 0
            return f"{seconds // unit}{name}{rest}{of}" if rest else f"{seconds // unit}{name}"
    return f"{seconds // _YEAR}y"
