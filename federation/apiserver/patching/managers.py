"""Who owns which fields after a request: server-side apply, and all other writes.

In: the object as it is, what is to become of it, who asks, the time. Out: the object that is to be
written, with `metadata.managedFields`, or ApplyConflict. The rules are those of Kubernetes
(structured-merge-diff): what a manager changes is his; what he applies is his and whoever else
applies the same; what he applied and applies no more is gone unless somebody else owns it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from federation.apiserver.patching.checked import check_applied
from federation.apiserver.patching.compare import Comparison, compare
from federation.apiserver.patching.conflicts import ApplyConflict, conflicts_of
from federation.apiserver.patching.entries import (
    APPLY,
    UPDATE,
    Entries,
    Entry,
    Key,
    capped,
    check_manager,
    is_reset,
    read_entries,
    stored_entries,
    timestamp,
    write_entries,
)
from federation.apiserver.patching.fields import (
    NEVER_OWNED,
    Fields,
    difference,
    fields_of,
    intersection,
    union,
    union_of,
    with_named,
)
from federation.apiserver.patching.last_applied import KUBECTL, applied_by_client, with_last_applied
from federation.apiserver.patching.merging import merged, without
from federation.apiserver.patching.shape import parts, whole
from federation.apiserver.patching.values import Json, same
from federation.model.errors import InvalidInput, shown

BEFORE_FIRST_APPLY = "before-first-apply"

_OF_THE_API = ("creationTimestamp", "generation", "resourceVersion", "selfLink", "uid")


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply makes: `object` is the live one itself if `changed` is not set."""

    object: Json
    changed: bool


def track_update(
    before: Json | None,
    after: Json,
    manager: str,
    api_version: str,
    *,
    schema: Json,
    now: datetime,
    subresource: str = "",
) -> Json:
    """`after`, the result of any write but apply, with who owns its fields.

    `before` is None for a new object. What `after` says in `metadata.managedFields` is taken as it
    is if it can be read and this is no subresource; an object without any owners stays without.
    Raises InvalidInput.
    """
    check_manager(manager)
    root = whole(schema)
    entries = _given(before, after, bool(subresource))
    if before is not None and not entries:
        return with_entries(after, {})
    changes = compare(before or {}, after, root)
    key = Key(manager, UPDATE, api_version, subresource)
    left = _taken(entries, key, changes)
    mine = entries.get(key) or Entry(manager, UPDATE, api_version, {}, "", subresource)
    fields = union(difference(mine.fields, changes.lost), changes.written)
    if changes.written or fields != mine.fields:
        mine = replace(mine, fields=fields, time=timestamp(now))
    if fields:
        left[key] = mine
    return with_entries(after, capped(left))


def _given(before: Json | None, after: Json, subresource: bool) -> Entries:
    stored = stored_entries(_metadata(before or {}).get("managedFields"))
    said = _metadata(after).get("managedFields")
    if subresource:
        return stored
    if is_reset(said):
        return {}
    return read_entries(said) or stored


def _metadata(document: Json) -> Json:
    found = document.get("metadata")
    return found if isinstance(found, dict) else {}


def with_entries(document: Json, entries: Entries) -> Json:
    """The object with these entries, and without the field if there are none."""
    metadata = {n: v for n, v in _metadata(document).items() if n != "managedFields"}
    written = write_entries(entries)
    if written:
        metadata["managedFields"] = written
    return {**document, "metadata": metadata} if metadata or "metadata" in document else document


def _taken(entries: Entries, key: Key, changes: Comparison) -> Entries:
    """The entries of all others after the changes of one."""
    gone = union(union(changes.written, changes.replaced), changes.removed)
    others = {k: e for k, e in entries.items() if k != key}
    left = {k: replace(e, fields=difference(e.fields, gone)) for k, e in others.items()}
    return {k: e for k, e in left.items() if e.fields}


def apply(
    live: Json | None,
    applied: Json,
    manager: str,
    *,
    force: bool,
    schema: Json,
    now: datetime,
    subresource: str = "",
) -> Applied:
    """Server-side apply of a configuration to an object, or to none.

    Raises InvalidInput, and ApplyConflict if others own what would change and `force` is not set.
    """
    check_manager(manager)
    root = whole(schema)
    configuration = _configuration(applied, root)
    version = configuration["apiVersion"]
    bare = with_entries(live, {}) if live is not None else {}
    known = stored_entries(_metadata(live or {}).get("managedFields"))
    entries = known or _before_first(bare, root, now)
    key = Key(manager, APPLY, "", subresource)
    last = entries.get(key)
    mine = Entry(manager, APPLY, version, _owned(configuration, root), "", subresource)
    after = _after(bare, configuration, {**entries, key: mine}, last, root)
    changes = compare(bare, after, root)
    if not force:
        _refuse_conflicts(bare, entries, key, changes, root)
    left = _taken(entries, key, changes)
    same_owner = last is not None and replace(last, time="") == mine
    if manager == KUBECTL:
        after = with_last_applied(after, configuration)
    unchanged = same(bare, after)
    if mine.fields:
        time = last.time if last is not None and same_owner and unchanged else timestamp(now)
        left[key] = replace(mine, time=time)
    if live is not None and unchanged and left == known:
        return Applied(live, changed=False)
    return Applied(with_entries(after, capped(left)), changed=True)


def _configuration(applied: Any, root: Json) -> Json:
    """What is applied, without what only the API says; InvalidInput if it cannot be applied."""
    if not isinstance(applied, dict):
        raise InvalidInput(f"what is applied must be an object, not {shown(applied)}")
    for name in ("apiVersion", "kind"):
        if not isinstance(applied.get(name), str) or not applied[name]:
            raise InvalidInput(f"what is applied must have {name}")
    if _metadata(applied).get("managedFields") is not None:
        raise InvalidInput("metadata.managedFields must not be in what is applied")
    check_applied(applied, root)
    if not isinstance(applied.get("metadata"), dict):
        return {n: v for n, v in applied.items() if n != "metadata"}
    said = applied["metadata"].items()
    metadata = {n: v for n, v in said if n not in _OF_THE_API and n != "managedFields"}
    return {**applied, "metadata": metadata}


def _owned(document: Json, root: Json) -> Fields:
    return difference(fields_of(parts(document, root) or {}), NEVER_OWNED)


def _before_first(bare: Json, root: Json, now: datetime) -> Entries:
    """The owner of an object that nobody owned before somebody applied something to it."""
    fields = compare({}, bare, root).written
    version = bare.get("apiVersion")
    if not fields or not isinstance(version, str):
        return {}
    entry = Entry(BEFORE_FIRST_APPLY, UPDATE, version, fields, timestamp(now))
    return {entry.key: entry}


def _after(bare: Json, applied: Json, entries: Entries, last: Entry | None, root: Json) -> Json:
    """The object with what is applied, without what was applied before and nobody owns now."""
    after: Json = merged(bare, applied, root)
    if last is None:
        return after
    owned = union_of([entry.fields for entry in entries.values()])
    before = with_named(last.fields, root)
    there = fields_of(parts(after, root) or {}, every=True)
    gone = difference(intersection(there, before), with_named(owned, root))
    left: Json = without(after, difference(gone, NEVER_OWNED), root)
    return left


def _refuse_conflicts(
    bare: Json, entries: Entries, key: Key, changes: Comparison, root: Json
) -> None:
    touched = union(changes.written, changes.replaced)
    if key.manager == KUBECTL:
        touched = difference(touched, applied_by_client(bare, root))
    pairs = ((e, intersection(e.fields, touched)) for k, e in entries.items() if k != key)
    contested = [(entry, fields) for entry, fields in pairs if fields]
    if contested:
        raise ApplyConflict(conflicts_of(contested))
