"""Entries of `metadata.managedFields`: reading, judging, writing, and how many there may be.

In: an object's `metadata.managedFields`, as it is stored or as a request has it. Out: entries, and
the list that is written. Each manager has one entry for what he applied, and one for each version
of what he changed by other requests; what a subresource changed is apart.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from federation.apiserver.patching.fields import Fields, read_fields, union_of, write_fields
from federation.apiserver.patching.values import Json
from federation.model.errors import InvalidInput, shown
from federation.model.timestamps import rfc3339

APPLY = "Apply"
UPDATE = "Update"

MAX_UPDATE_ENTRIES = 10
"""As in Kubernetes: the oldest of more become one entry, of the manager `ancient-changes`."""

ANCIENT = "ancient-changes"

_LONGEST_MANAGER = 128
_LONGEST_SUBRESOURCE = 256


class Key(NamedTuple):
    """What tells entries apart. `api_version` is empty for what was applied."""

    manager: str
    operation: str
    api_version: str
    subresource: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Who owns which fields, by what operation, since when (RFC 3339; empty if nobody knows)."""

    manager: str
    operation: str
    api_version: str
    fields: Fields
    time: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        """What tells it from others of the same object."""
        version = self.api_version if self.operation == UPDATE else ""
        return Key(self.manager, self.operation, version, self.subresource)


Entries = dict[Key, Entry]


def timestamp(now: datetime) -> str:
    """A time as Kubernetes writes it; `now` is in UTC."""
    return rfc3339(now)


def check_manager(manager: str) -> None:
    """Raises InvalidInput for what cannot be the name of a manager."""
    if not manager or len(manager) > _LONGEST_MANAGER or not manager.isprintable():
        raise InvalidInput(
            f"a field manager has 1 to {_LONGEST_MANAGER} printable characters: {shown(manager)}"
        )


def is_reset(value: Any) -> bool:
    """Whether a request says with it that nobody is to own anything."""
    return value in ([], [{}])


def read_entries(value: Any) -> Entries:
    """The entries in a list; none if there is no list. Raises InvalidInput."""
    if value is None:
        return {}
    if not isinstance(value, list):
        raise InvalidInput(f"metadata.managedFields must be a list, not {shown(value)}")
    entries = [_read(item, f"metadata.managedFields[{i}]") for i, item in enumerate(value)]
    return {entry.key: entry for entry in entries if entry.fields}


def stored_entries(value: Any) -> Entries:
    """The entries of what is stored already: none if they cannot be read."""
    try:
        return read_entries(value)
    except InvalidInput:
        return {}


def _read(item: Any, where: str) -> Entry:
    if not isinstance(item, dict):
        raise InvalidInput(f"{where} must be an object, not {shown(item)}")
    operation = _text(item, "operation", where)
    if operation not in (APPLY, UPDATE):
        raise InvalidInput(f"{where}.operation must be Apply or Update, not {shown(operation)}")
    if (kind := _text(item, "fieldsType", where)) not in ("", "FieldsV1"):
        raise InvalidInput(f"{where}.fieldsType must be FieldsV1, not {shown(kind)}")
    manager = _text(item, "manager", where)
    if len(manager) > _LONGEST_MANAGER or (manager and not manager.isprintable()):
        raise InvalidInput(
            f"{where}.manager must have at most {_LONGEST_MANAGER} printable characters"
        )
    subresource = _text(item, "subresource", where)
    if len(subresource) > _LONGEST_SUBRESOURCE:
        raise InvalidInput(
            f"{where}.subresource must have at most {_LONGEST_SUBRESOURCE} characters"
        )
    fields = read_fields(item.get("fieldsV1") or {}, f"{where}.fieldsV1")
    version = _text(item, "apiVersion", where)
    return Entry(manager, operation, version, fields, _time(item, where), subresource)


def _text(item: Json, name: str, where: str) -> str:
    value = item.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(f"{where}.{name} must be a string, not {shown(value)}")
    return value


def _time(item: Json, where: str) -> str:
    text = _text(item, "time", where)
    try:
        zone = datetime.fromisoformat(text).tzinfo if text else None
    except ValueError:
        zone = None
    if text and zone is None:
        raise InvalidInput(f"{where}.time must be like 2024-05-06T07:08:09Z, not {shown(text)}")
    return text


def write_entries(entries: Entries) -> list[Json]:
    """The list as it is stored: what was applied first, then by time and name."""
    order = sorted(entries.values(), key=lambda e: (e.operation, e.time, *e.key))
    return [_written(entry) for entry in order if entry.fields]


def _written(entry: Entry) -> Json:
    found = {
        "manager": entry.manager,
        "operation": entry.operation,
        "apiVersion": entry.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": write_fields(entry.fields),
        "subresource": entry.subresource,
    }
    return {name: value for name, value in found.items() if value}


def capped(entries: Entries) -> Entries:
    """At most `MAX_UPDATE_ENTRIES` of operation Update, if they are of few versions.

    The oldest of one version become one entry, which is as young as the youngest of them.
    """
    updates = [e for e in entries.values() if e.operation == UPDATE]
    excess = len(updates) - MAX_UPDATE_ENTRIES
    if excess <= 0:
        return entries
    groups: dict[str, list[Entry]] = {}
    # The bucket of before comes first, whatever its age: what is merged is merged into it.
    for entry in sorted(updates, key=lambda e: (e.manager != ANCIENT, e.time, *e.key)):
        group = groups.setdefault(entry.api_version, [])
        group.append(entry)
        excess -= len(group) > 1
        if excess <= 0:
            break
    left = dict(entries)
    for version, group in groups.items():
        if len(group) > 1:
            for entry in group:
                del left[entry.key]
            fields = union_of([entry.fields for entry in group])
            bucket = Entry(ANCIENT, UPDATE, version, fields, max(e.time for e in group))
            left[bucket.key] = bucket
    return left
