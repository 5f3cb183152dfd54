"""JSON patch: each operation, what is refused and how it is said, and the bounds."""

from copy import deepcopy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.apiserver.patching.json_patch import MAX_OPERATIONS, apply_json_patch
from federation.model.errors import InvalidInput

Json = dict[str, Any]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab/~"), inner, max_size=3)
    ),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from("ab/~"), VALUES, max_size=3)


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        ({"op": "add", "path": "/c", "value": {"d": 1}}, {"a": [1, 2], "b": {}, "c": {"d": 1}}),
        ({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3], "b": {}}),
        ({"op": "add", "path": "/a/0", "value": 3}, {"a": [3, 1, 2], "b": {}}),
        ({"op": "add", "path": "", "value": {"z": 1}}, {"z": 1}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2], "b": {}}),
        ({"op": "replace", "path": "/b", "value": None}, {"a": [1, 2], "b": None}),
        ({"op": "move", "from": "/a", "path": "/b/a~1"}, {"b": {"a/": [1, 2]}}),
        ({"op": "copy", "from": "/a/1", "path": "/b/x"}, {"a": [1, 2], "b": {"x": 2}}),
        ({"op": "test", "path": "/a", "value": [1, 2]}, {"a": [1, 2], "b": {}}),
    ],
)
def test_every_operation(operation: Json, after: Json) -> None:
    assert apply_json_patch({"a": [1, 2], "b": {}}, [operation]) == after


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({}, "must be a list of operations"),
        ([1], "operation 0 of the JSON patch must be an object with op and path"),
        ([{"op": ["add"]}], "op must be one of add, copy, move, remove, replace, test, not"),
        ([{"op": "add"}], r"operation 0 of the JSON patch \(add\): path must be a string"),
        ([{"op": "add", "path": "/a"}], r"\(add '/a'\): value is missing"),
        ([{"op": "move", "path": "/a"}], r"\(move '/a'\): from is missing"),
        ([{"op": "copy", "path": "/b", "from": 3}], "from must be a string"),
        ([{"op": "remove", "path": "/x"}], r"\(remove '/x'\): can't remove a non-existent"),
        ([{"op": "replace", "path": "/x", "value": 1}], "can't replace a non-existent"),
        ([{"op": "add", "path": "/a/9", "value": 1}], "can't insert outside of list"),
        ([{"op": "add", "path": "/a/01", "value": 1}], r"\(add '/a/01'\): "),
        ([{"op": "add", "path": "nowhere", "value": 1}], r"\(add 'nowhere'\): "),
        ([{"op": "add", "path": "/a~2", "value": 1}], r"\(add '/a~2'\): "),
        ([{"op": "add", "path": "/c/d", "value": 1}], r"\(add '/c/d'\): "),
        ([{"op": "copy", "path": "/b", "from": "/x"}], r"\(copy '/b'\): "),
        ([{"op": "move", "path": "/b/c", "from": "/b"}], "into their own children"),
        ([{"op": "remove", "path": ""}], r"\(remove ''\): "),
        ([{"op": "replace", "path": "", "value": [1]}], "must leave an object"),
        ([{"op": "test", "path": "/a", "value": [1, 3]}], "another value is there"),
        ([{"op": "test", "path": "/a/0", "value": True}], "another value is there"),
        ([{"op": "test", "path": "/x", "value": None}], r"\(test '/x'\): "),
    ],
)
def test_what_cannot_be_done_is_said_with_its_operation(patch: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        apply_json_patch({"a": [1, 2], "b": {}}, patch)


def test_the_index_of_the_operation_is_said() -> None:
    fine = {"op": "test", "path": "/a", "value": 1}
    with pytest.raises(InvalidInput, match="operation 2 of the JSON patch"):
        apply_json_patch({"a": 1}, [fine, fine, {"op": "remove", "path": "/b"}])


def test_operations_are_bounded() -> None:
    fine = {"op": "test", "path": "/a", "value": 1}
    assert apply_json_patch({"a": 1}, [fine] * MAX_OPERATIONS) == {"a": 1}
    with pytest.raises(InvalidInput, match="at most 10000 operations, and this has 10001"):
        apply_json_patch({"a": 1}, [fine] * (MAX_OPERATIONS + 1))


def test_copies_of_copies_are_stopped_before_they_are_made() -> None:
    """Thirty of them would make a hundred gigabytes."""
    patch = [{"op": "copy", "from": "/a", "path": "/a/-"} for _ in range(30)]
    with pytest.raises(InvalidInput, match="writes more than 3000000 bytes"):
        apply_json_patch({"a": ["x" * 100]}, patch)


def test_many_values_together_are_stopped() -> None:
    patch = [{"op": "replace", "path": "/a", "value": "x" * 1000} for _ in range(3000)]
    with pytest.raises(InvalidInput, match=r"operation 29\d\d .* writes more than"):
        apply_json_patch({"a": 1}, patch)


def test_what_is_too_deep_is_refused() -> None:
    inner = "/a" * 60
    deep: Json = {}
    for _ in range(60):
        deep = {"a": deep}
    with pytest.raises(InvalidInput, match="nested too deep"):
        apply_json_patch(deep, [{"op": "copy", "from": "", "path": f"{inner}/b"}])
    copies = [{"op": "copy", "from": "", "path": "/a" * 60 * 2**i + "/a"} for i in range(6)]
    with pytest.raises(InvalidInput, match="nested too deep"):
        apply_json_patch(deep, copies)


@given(OBJECTS, OBJECTS)
def test_a_difference_leads_from_any_object_to_any_other(one: Json, other: Json) -> None:
    patch = jsonpatch.make_patch(one, other).patch
    before = deepcopy((one, patch))
    assert apply_json_patch(one, patch) == other
    assert (one, patch) == before


def test_a_value_of_the_patch_is_not_changed_by_a_later_operation() -> None:
    patch: list[Json] = [
        {"op": "add", "path": "/b", "value": {"list": []}},
        {"op": "add", "path": "/b/list/-", "value": 1},
    ]
    assert apply_json_patch({}, patch) == {"b": {"list": [1]}}
    assert patch[0]["value"] == {"list": []}
