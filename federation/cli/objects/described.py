"""An object for people: what it is, what it says, what is seen of it, what happened to it.

In: an object and its events. Out: lines.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from federation.cli.io import aligned
from federation.cli.objects.events import time_of
from federation.cli.objects.goals import conditions
from federation.cli.objects.shown import as_yaml

Json = dict[str, Any]

_CONDITIONS = ("type", "status", "reason", "since", "message")
_EVENTS = ("last seen", "type", "reason", "count", "message")
_SHOWN = ("apiVersion", "kind", "metadata", "status")
_INDENT = "  "


def described(found: Json, events: Sequence[Json] | None) -> Iterator[str]:
    """The lines; `events` None: they may not be read."""
    yield from _metadata(found)
    for name in (n for n in found if n not in _SHOWN):
        yield f"{name.capitalize()}:"
        yield from _block(found[name])
    status = found.get("status")
    seen = (
        {n: v for n, v in status.items() if n != "conditions"} if isinstance(status, dict) else {}
    )
    if seen:
        yield "Status:"
        yield from _block(seen)
    rows = [_condition(c) for c in conditions(found)]
    if rows:
        yield "Conditions:"
        yield from _table(_CONDITIONS, rows)
    yield from _events(events)


def _metadata(found: Json) -> Iterator[str]:
    metadata = found.get("metadata") or {}
    pairs = {
        "Name": metadata.get("name"),
        "Namespace": metadata.get("namespace"),
        "Kind": found.get("kind"),
        "API version": found.get("apiVersion"),
        "Created": metadata.get("creationTimestamp"),
        "Deleted": metadata.get("deletionTimestamp"),
        "Generation": metadata.get("generation"),
        "Finalizers": ", ".join(metadata.get("finalizers") or ()),
    }
    for name, value in pairs.items():
        if value not in (None, ""):
            yield f"{f'{name}:':<14}{value}"
    for name in ("labels", "annotations"):
        if metadata.get(name):
            yield f"{name.capitalize()}:"
            yield from _block(metadata[name])


def _block(value: Any) -> Iterator[str]:
    if value in ({}, [], None, ""):
        yield f"{_INDENT}-"
        return
    yield from (f"{_INDENT}{line}" for line in as_yaml(value).splitlines())


def _condition(found: Json) -> list[str]:
    names = ("type", "status", "reason", "lastTransitionTime", "message")
    return [str(found.get(name) or "-") for name in names]


def _events(events: Sequence[Json] | None) -> Iterator[str]:
    if events is None:
        yield "Events:       they may not be read with this token or certificate"
        return
    rows = [
        [time_of(e), *(str(e.get(n) or "-") for n in ("type", "reason", "count", "message"))]
        for e in sorted(events, key=time_of)
    ]
    if not rows:
        yield "Events:       none in the last hour"
        return
    yield "Events:"
    yield from _table(_EVENTS, rows)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (f"{_INDENT}{line}" for line in aligned(names, rows).splitlines())
