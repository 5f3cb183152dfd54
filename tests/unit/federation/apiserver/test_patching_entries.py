"""Entries of managedFields: what is refused, in which order they are written, how many may be."""

from typing import Any

import pytest

from federation.apiserver.patching.entries import (
    ANCIENT,
    MAX_UPDATE_ENTRIES,
    Entries,
    Entry,
    capped,
    is_reset,
    read_entries,
    stored_entries,
    write_entries,
)
from federation.model.errors import InvalidInput

Json = dict[str, Any]

FINE: Json = {
    "manager": "a",
    "operation": "Update",
    "apiVersion": "v1",
    "time": "2026-01-02T03:04:05Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:a": {}},
    "subresource": "status",
}


def entry(manager: str, hour: int, version: str = "v1", operation: str = "Update") -> Entry:
    return Entry(manager, operation, version, {f"f:{manager}": {}}, f"2026-01-01T{hour:02}:00:00Z")


def of(*found: Entry) -> Entries:
    return {e.key: e for e in found}


def test_what_is_read_is_written_again() -> None:
    listed = [{**FINE, "operation": "Apply"}, FINE]
    assert write_entries(read_entries(listed)) == listed


def test_no_list_is_no_entry_and_who_owns_nothing_has_none() -> None:
    assert read_entries(None) == {}
    assert read_entries([{**FINE, "fieldsV1": {}}, {**FINE, "fieldsV1": None}]) == {}


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (1, r"managedFields\[0\] must be an object"),
        ({**FINE, "operation": "apply"}, r"\[0\]\.operation must be Apply or Update, not 'apply'"),
        ({**FINE, "fieldsType": "FieldsV2"}, r"\[0\]\.fieldsType must be FieldsV1"),
        ({**FINE, "manager": 1}, r"\[0\]\.manager must be a string, not 1"),
        ({**FINE, "manager": "x" * 129}, r"\[0\]\.manager must have at most 128"),
        ({**FINE, "manager": "a\x00"}, "printable"),
        ({**FINE, "subresource": "x" * 257}, r"\[0\]\.subresource must have at most 256"),
        ({**FINE, "time": "yesterday"}, r"\[0\]\.time must be like .*, not 'yesterday'"),
        ({**FINE, "time": "2026-01-02T03:04:05"}, r"\[0\]\.time must be like"),
        ({**FINE, "fieldsV1": []}, None),
        ({**FINE, "fieldsV1": "x"}, r"\[0\]\.fieldsV1 must be an object"),
    ],
)
def test_what_is_no_entry_is_said(item: object, said: str | None) -> None:
    if said is None:
        assert read_entries([item]) == {}
        return
    with pytest.raises(InvalidInput, match=said):
        read_entries([item])
    assert stored_entries([item]) == {}


def test_the_list_must_be_one() -> None:
    with pytest.raises(InvalidInput, match="managedFields must be a list, not"):
        read_entries({})


@pytest.mark.parametrize(
    ("value", "resets"),
    [([], True), ([{}], True), (None, False), ([{}, {}], False), ([FINE], False)],
)
def test_an_empty_list_or_an_empty_entry_clears(value: object, resets: bool) -> None:
    assert is_reset(value) is resets


def test_what_was_applied_comes_first_then_the_older() -> None:
    found = of(entry("b", 1), entry("a", 2), entry("d", 1), entry("c", 3, operation="Apply"))
    assert [e["manager"] for e in write_entries(found)] == ["c", "b", "d", "a"]


def test_the_oldest_updates_become_one() -> None:
    kept = [entry(f"m{i}", i + 3) for i in range(MAX_UPDATE_ENTRIES - 1)]
    many = [entry("x", 1), entry("y", 2), *kept, entry("z", 0, operation="Apply")]
    left = capped(of(*many))
    bucket = Entry(ANCIENT, "Update", "v1", {"f:x": {}, "f:y": {}}, "2026-01-01T02:00:00Z")
    assert left == of(*kept, entry("z", 0, operation="Apply"), bucket)
    again = capped({**left, **of(entry("new", 20))})
    assert [e.manager for e in again.values() if e.operation == "Update"] == [
        *(f"m{i}" for i in range(1, MAX_UPDATE_ENTRIES - 1)),
        "new",
        ANCIENT,
    ]
    assert again[bucket.key].fields == {"f:x": {}, "f:y": {}, "f:m0": {}}
    assert again[bucket.key].time == "2026-01-01T03:00:00Z"


def test_versions_are_not_mixed() -> None:
    many = [entry(f"m{i}", i, f"v{i % 2}") for i in range(MAX_UPDATE_ENTRIES + 2)]
    left = capped(of(*many))
    assert len(left) == MAX_UPDATE_ENTRIES
    buckets = {e.api_version: e.fields for e in left.values() if e.manager == ANCIENT}
    assert buckets == {"v0": {"f:m0": {}, "f:m2": {}}, "v1": {"f:m1": {}, "f:m3": {}}}


def test_as_many_as_may_be_stay() -> None:
    found = of(*(entry(f"m{i}", i) for i in range(MAX_UPDATE_ENTRIES)))
    assert capped(found) is found


def test_what_is_of_a_version_of_its_own_stays() -> None:
    found = of(*(entry(f"m{i}", i, f"v{i}") for i in range(MAX_UPDATE_ENTRIES + 3)))
    assert capped(found) == found
