"""Strategic merge patch: lists by their keys, each directive, and what is refused."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.apiserver.patching.merge_patch import merge_patch
from federation.apiserver.patching.strategic import strategic_merge
from federation.apiserver.patching.strategic_lists import in_order
from federation.model.errors import InvalidInput

Json = dict[str, Any]

_BY_NAME: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "tags": {"type": "array", "items": {}, "x-kubernetes-patch-strategy": "merge"}
        },
    },
    "x-kubernetes-patch-merge-key": "name",
    "x-kubernetes-patch-strategy": "merge",
}
SCHEMA: Json = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "named": _BY_NAME,
                "retained": {**_BY_NAME, "x-kubernetes-patch-strategy": "merge,retainKeys"},
                "keyed": {
                    "type": "array",
                    "items": {"properties": {"protocol": {"default": "TCP"}}},
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port", "protocol"],
                },
                "words": {"type": "array", "items": {}, "x-kubernetes-patch-strategy": "merge"},
                "plain": {"type": "array", "items": {}},
                "one": {"type": "object", "x-kubernetes-patch-strategy": "replace"},
                "replaced": {**_BY_NAME, "x-kubernetes-patch-strategy": "replace"},
            },
        }
    },
}

X: Json = {"name": "x", "v": 1}
Y: Json = {"name": "y", "v": 2}
Z: Json = {"name": "z", "v": 3}


def merged(target: Json, patch: Json) -> Json:
    found: Json = strategic_merge({"spec": target}, {"spec": patch}, SCHEMA)["spec"]
    return found


@pytest.mark.parametrize(
    ("target", "patch", "after"),
    [
        # objects
        ({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": 1}, {"b": {"c": None, "d": {"e": None}}}, {"a": 1, "b": {"d": {}}}),
        ({"one": {"a": 1}}, {"one": {"b": 2}}, {"one": {"b": 2}}),
        ({"a": {"b": 1}}, {"a": {"$patch": "replace", "c": 2}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": {"$patch": "delete"}}, {"a": {}}),
        ({"a": {"b": 1}}, {"a": {"$patch": "merge", "c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": 1, "b": 2}, {"$retainKeys": ["b", "c"], "c": 3}, {"b": 2, "c": 3}),
        ({"a": 1}, {"$retainKeys": [], "a": None}, {}),
        # lists of objects
        ({"named": [X]}, {"named": [Y]}, {"named": [X, Y]}),
        ({"named": [X, Y]}, {"named": [{"name": "x", "w": 0}]}, {"named": [{**X, "w": 0}, Y]}),
        ({"named": [X]}, {"named": [{"name": "x", "v": None}]}, {"named": [{"name": "x"}]}),
        ({"named": [X, Y]}, {"named": [{"name": "x", "$patch": "delete"}]}, {"named": [Y]}),
        ({"named": [X]}, {"named": [{"name": "q", "$patch": "delete"}]}, {"named": [X]}),
        ({"named": [X]}, {"named": [{"$patch": "replace"}, Y]}, {"named": [Y]}),
        ({"named": [X]}, {"named": [{**X, "$patch": "merge"}]}, {"named": [X]}),
        ({}, {"named": [{"name": "x", "v": None}]}, {"named": [{"name": "x"}]}),
        (
            {"named": [{"v": 9}, X]},
            {"named": [{"name": "x", "v": 2}]},
            {"named": [{"v": 9}, {"name": "x", "v": 2}]},
        ),
        (
            {"retained": [X]},
            {"retained": [{"$retainKeys": ["name"], "name": "x"}]},
            {"retained": [{"name": "x"}]},
        ),
        (
            {"keyed": [{"port": 1, "v": 1}]},
            {"keyed": [{"port": 1, "protocol": "TCP", "v": 2}]},
            {"keyed": [{"port": 1, "protocol": "TCP", "v": 2}]},
        ),
        ({"replaced": [X]}, {"replaced": [Y]}, {"replaced": [Y]}),
        # lists of plain values
        ({"plain": [1, 2]}, {"plain": [3]}, {"plain": [3]}),
        ({"words": ["a", "b"]}, {"words": ["b", "c"]}, {"words": ["a", "b", "c"]}),
        ({"words": ["a", "b"]}, {"$deleteFromPrimitiveList/words": ["a", "z"]}, {"words": ["b"]}),
        (
            {"words": ["a"]},
            {"words": ["b"], "$deleteFromPrimitiveList/words": ["a"]},
            {"words": ["b"]},
        ),
        ({}, {"$deleteFromPrimitiveList/words": ["a"]}, {}),
        (
            {"named": [{"name": "x", "tags": [1]}]},
            {"named": [{"name": "x", "tags": [2]}]},
            {"named": [{"name": "x", "tags": [1, 2]}]},
        ),
        # order
        ({"words": ["a", "b"]}, {"$setElementOrder/words": ["b", "a"]}, {"words": ["b", "a"]}),
        (
            {"words": ["a", "b"]},
            {"words": ["c"], "$setElementOrder/words": ["b", "c", "a"]},
            {"words": ["b", "c", "a"]},
        ),
        (
            {"named": [X, Y]},
            {"$setElementOrder/named": [{"name": "z"}, {"name": "y"}, {"name": "x"}], "named": [Z]},
            {"named": [Z, Y, X]},
        ),
        (
            {"named": [X, Y, Z]},
            {"$setElementOrder/named": [{"name": "z"}, {"name": "x"}]},
            {"named": [Z, X, Y]},
        ),
        (
            {"named": [X, Y]},
            {
                "$setElementOrder/named": [{"name": "y"}],
                "named": [{"name": "x", "$patch": "delete"}],
            },
            {"named": [Y]},
        ),
        ({}, {"$setElementOrder/named": [{"name": "y"}]}, {}),
        ({"plain": [1, 2]}, {"$setElementOrder/plain": [2, 1]}, {"plain": [1, 2]}),
    ],
)
def test_what_a_patch_makes(target: Json, patch: Json, after: Json) -> None:
    before = deepcopy((target, patch))
    assert merged(target, patch) == after
    assert (target, patch) == before


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (
            {"a": {"$patch": "eat"}},
            r"\.spec\.a\.\$patch must be delete, merge or replace, not 'eat'",
        ),
        ({"a": {"$patch": []}}, "must be delete, merge or replace"),
        ({"named": [{"v": 1}]}, r"\.spec\.named: {'v': 1} lacks the key"),
        ({"named": [1]}, r"\.spec\.named: 1 lacks the key"),
        ({"$retainKeys": "a"}, r"\.spec\.\$retainKeys must be a list of names, not 'a'"),
        ({"$retainKeys": ["a"], "b": 1}, r"\$retainKeys must name 'b', which the patch sets"),
        ({"$deleteFromPrimitiveList/words": 1}, "must be a list of values, not 1"),
        ({"$setElementOrder/words": 1, "words": ["a"]}, r"\.spec\.words: .* must be a list, not 1"),
        ({"$setElementOrder/words": ["b"], "words": ["a"]}, 'must have "a", which the patch sets'),
    ],
)
def test_what_cannot_be_done_is_said(patch: Json, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        merged({"words": ["a"]}, patch)


def test_metadata_is_merged_without_a_schema() -> None:
    target = {
        "metadata": {"labels": {"a": "b"}, "finalizers": ["x"], "ownerReferences": [{"uid": "u"}]}
    }
    patch = {
        "metadata": {
            "labels": {"a": None, "c": "d"},
            "finalizers": ["y"],
            "ownerReferences": [{"uid": "v"}],
        }
    }
    assert strategic_merge(target, patch, {}) == {
        "metadata": {
            "labels": {"c": "d"},
            "finalizers": ["x", "y"],
            "ownerReferences": [{"uid": "u"}, {"uid": "v"}],
        }
    }


_NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(_NAMES, _NAMES)
def test_an_order_is_kept_and_loses_nothing(before: list[str], wanted: list[str]) -> None:
    items = {name: name for name in (*before, *wanted)}
    found = in_order(items, wanted, before)
    assert sorted(found) == sorted(items)
    assert [name for name in found if name in wanted] == wanted
    rest = [name for name in found if name not in wanted]
    assert rest == [name for name in before if name not in wanted]
    for name in rest:
        behind = {w for w in wanted if w in before and before.index(w) < before.index(name)}
        assert behind <= set(found[: found.index(name)])


_VALUES = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
_OBJECTS = st.dictionaries(st.sampled_from("abc"), _VALUES, max_size=3)


@given(_OBJECTS, _OBJECTS)
def test_without_directives_and_schema_it_is_a_merge_patch(one: Json, patch: Json) -> None:
    assert strategic_merge(one, patch, {}) == merge_patch(one, patch)


def test_a_large_list_is_merged_by_its_keys() -> None:
    """It would take minutes if anything looked at each pair of items."""
    target = {"named": [{"name": str(i)} for i in range(20_000)]}
    order = [{"name": str(i)} for i in reversed(range(20_000))]
    patch = {
        "named": [{"name": str(i), "v": i} for i in range(20_000)],
        "$setElementOrder/named": order,
    }
    found = merged(target, patch)["named"]
    assert found == [{"name": str(i), "v": i} for i in reversed(range(20_000))]
