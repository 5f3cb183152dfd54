"""What holds of every server-side apply, whoever applies what in which order."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from federation.apiserver.patching.compare import compare
from federation.apiserver.patching.conflicts import ApplyConflict
from federation.apiserver.patching.fields import (
    NEVER_OWNED,
    difference,
    fields_of,
    union_of,
    with_named,
)
from federation.apiserver.patching.managers import apply, track_update
from federation.apiserver.patching.shape import parts, whole
from federation.apiserver.patching.values import same
from tests.unit.federation.apiserver.patching_schema import DOCUMENTS, SCHEMA, VERSION, document

Json = dict[str, Any]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = whole(SCHEMA)
STEPS = st.lists(st.tuples(st.sampled_from("ab"), DOCUMENTS, st.booleans()), min_size=1, max_size=5)


def after_all(steps: list[tuple[str, Json, bool]]) -> Json:
    live: Json | None = None
    for index, (manager, applied, forced) in enumerate(steps):
        try:
            live = apply(
                live, applied, manager, force=forced, schema=SCHEMA, now=NOW + timedelta(index)
            ).object
        except ApplyConflict:
            assert not forced
    return live or document()


def entries(found: Json) -> list[Json]:
    listed: list[Json] = found["metadata"].get("managedFields", [])
    return listed


def bare(found: Json) -> Json:
    metadata = {n: v for n, v in found["metadata"].items() if n != "managedFields"}
    return {**found, "metadata": metadata}


@given(STEPS, DOCUMENTS)
def test_twice_is_once(steps: list[tuple[str, Json, bool]], applied: Json) -> None:
    once = apply(after_all(steps), applied, "a", force=True, schema=SCHEMA, now=NOW).object
    again = apply(once, applied, "a", force=False, schema=SCHEMA, now=NOW + timedelta(9))
    assert again.object is once
    assert not again.changed


@given(STEPS)
def test_what_applies_made_is_owned_whole(steps: list[tuple[str, Json, bool]]) -> None:
    """But for what became empty when its owner let go of all that was in it."""
    live = after_all(steps)
    owned = with_named(union_of([e["fieldsV1"] for e in entries(live)]), ROOT)
    there = difference(fields_of(parts(bare(live), ROOT) or {}), NEVER_OWNED)
    assert difference(there, owned) == {}


@given(STEPS)
def test_nobody_owns_what_is_not_there(steps: list[tuple[str, Json, bool]]) -> None:
    live = after_all(steps)
    there = fields_of(parts(bare(live), ROOT) or {}, every=True)
    for entry in entries(live):
        assert difference(entry["fieldsV1"], there) == {}


@given(STEPS)
def test_who_applies_nothing_owns_nothing(steps: list[tuple[str, Json, bool]]) -> None:
    live = after_all(steps)
    for manager in "ab":
        live = apply(live, document(), manager, force=False, schema=SCHEMA, now=NOW).object
        assert manager not in [e["manager"] for e in entries(live)]
    assert {n: v for n, v in live.items() if v != {}} == document()


@given(STEPS, DOCUMENTS)
def test_force_never_conflicts_and_what_is_applied_is_there(
    steps: list[tuple[str, Json, bool]], applied: Json
) -> None:
    after = apply(after_all(steps), applied, "b", force=True, schema=SCHEMA, now=NOW).object
    changes = compare(applied, bare(after), ROOT)
    assert changes.modified == changes.removed == changes.replaced == {}


@given(STEPS, DOCUMENTS)
def test_without_force_nothing_of_others_changes(
    steps: list[tuple[str, Json, bool]], applied: Json
) -> None:
    live = after_all(steps)
    mine = [e["fieldsV1"] for e in entries(live) if e["manager"] != "a"]
    try:
        after = apply(live, applied, "a", force=False, schema=SCHEMA, now=NOW).object
    except ApplyConflict:
        return
    assert [e["fieldsV1"] for e in entries(after) if e["manager"] != "a"] == mine


@given(STEPS, DOCUMENTS)
@settings(max_examples=50)
def test_a_write_leaves_the_object_as_it_is_and_its_changes_to_the_writer(
    steps: list[tuple[str, Json, bool]], after: Json
) -> None:
    live = after_all(steps)
    found = track_update(live, after, "u", VERSION, schema=SCHEMA, now=NOW)
    assert same(bare(found), after)
    written = compare(bare(live), after, ROOT).written
    mine = [e["fieldsV1"] for e in entries(found) if e["manager"] == "u"]
    if entries(live):
        assert mine == ([written] if written else [])
