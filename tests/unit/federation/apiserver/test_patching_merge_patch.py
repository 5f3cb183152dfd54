"""JSON merge patch: the table of RFC 7396, for objects, and what holds of any patch."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.apiserver.patching.merge_patch import merge_patch

Json = dict[str, Any]

NAMES = st.sampled_from("abc")
SCALARS = st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x"])
PLAIN = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, PLAIN, max_size=3)


@pytest.mark.parametrize(
    ("target", "patch", "after"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
    ],
)
def test_the_table_of_the_standard(target: Json, patch: Json, after: Json) -> None:
    assert merge_patch(target, patch) == after


@given(OBJECTS, OBJECTS)
def test_a_patch_twice_is_a_patch_once_and_changes_nothing_given(one: Json, patch: Json) -> None:
    before = deepcopy((one, patch))
    after = merge_patch(one, patch)
    assert (one, patch) == before
    assert merge_patch(after, patch) == after


def _difference(one: Json, other: Json) -> Json:
    found: Json = {name: None for name in one if name not in other}
    for name, value in other.items():
        mine = one.get(name)
        both = isinstance(mine, dict) and isinstance(value, dict)
        found[name] = _difference(mine, value) if isinstance(mine, dict) and both else value
    return found


@given(OBJECTS, OBJECTS)
def test_a_difference_leads_from_any_object_to_any_other(one: Json, other: Json) -> None:
    assert merge_patch(one, _difference(one, other)) == other
