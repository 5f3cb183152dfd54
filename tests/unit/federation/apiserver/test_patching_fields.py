"""Sets of fields: their algebra against sets of paths, their written form, what kubectl prints."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.apiserver.patching.fields import (
    SELF,
    Fields,
    difference,
    fields_of,
    intersection,
    paths,
    read_fields,
    union,
    union_of,
    with_named,
    write_fields,
)
from federation.apiserver.patching.shape import parts, whole
from federation.apiserver.patching.values import MAX_DEPTH
from federation.model.errors import InvalidInput
from tests.unit.federation.apiserver.patching_schema import SCHEMA

Json = dict[str, Any]
Path = tuple[str, ...]

NAMES = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', "v:1"])
PATHS = st.frozensets(st.lists(NAMES, min_size=1, max_size=4).map(tuple), max_size=8)


def of_paths(found: frozenset[Path]) -> Fields:
    tree: Fields = {}
    for path in found:
        node = tree
        for name in path:
            node = node.setdefault(name, {})
        node[SELF] = {}
    return _tidy(tree)


def _tidy(node: Fields) -> Fields:
    if set(node) == {SELF}:
        return {}
    return {n: child if n == SELF else _tidy(child) for n, child in node.items()}


def to_paths(node: Fields, above: Path = ()) -> frozenset[Path]:
    found: set[Path] = {above} if above and (not node or SELF in node) else set()
    for name, child in node.items():
        if name != SELF:
            found |= to_paths(child, (*above, name))
    return frozenset(found)


@given(PATHS, PATHS)
def test_the_algebra_is_that_of_sets_of_paths(one: frozenset[Path], other: frozenset[Path]) -> None:
    mine, yours = of_paths(one), of_paths(other)
    assert to_paths(mine) == one
    assert union(mine, yours) == of_paths(one | other)
    assert difference(mine, yours) == of_paths(one - other)
    assert intersection(mine, yours) == of_paths(one & other)
    assert (mine, yours) == (of_paths(one), of_paths(other))


@given(st.lists(PATHS, max_size=6))
def test_a_union_of_many_is_that_of_all(found: list[frozenset[Path]]) -> None:
    assert union_of([of_paths(f) for f in found]) == of_paths(frozenset().union(*found))


@given(PATHS)
def test_a_set_is_read_as_it_was_written(found: frozenset[Path]) -> None:
    written = json.loads(json.dumps(write_fields(of_paths(found))))
    assert read_fields(written, "it") == of_paths(found)


def test_members_are_written_in_order() -> None:
    fields: Fields = {"v:1": {}, "f:b": {"f:x": {}, SELF: {}}, "f:a": {}}
    assert json.dumps(write_fields(fields)) == (
        '{"f:a": {}, "f:b": {".": {}, "f:x": {}}, "v:1": {}}'
    )


def test_a_name_has_one_form() -> None:
    read = read_fields({'k:{"port": 80.0,  "a":"b"}': {}, "x:unknown": {}, "i:3": {}}, "it")
    assert read == {'k:{"a":"b","port":80}': {}, "i:3": {}}


def _deep(levels: int) -> Fields:
    found: Fields = {}
    for _ in range(levels):
        found = {"f:a": found}
    return found


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], r"it must be an object, not \[\]"),
        ({"f:a": 1}, "it: 'f:a' must be an object of fields"),
        ({".": {"f:a": {}}}, "it: '.' must be an object of fields"),
        ({"k:{": {}}, "it: 'k:{' is not k: and a value as JSON"),
        ({"k:[]": {}}, "must have the keys of an item"),
        ({"k:{}": {}}, "must have the keys of an item"),
        ({"i:true": {}}, "must have an index"),
        ({"v:" + "[" * 5000: {}}, "is not v: and a value as JSON"),
        (_deep(MAX_DEPTH + 2), "nested deeper than 64 levels"),
    ],
)
def test_what_is_no_set_is_said(value: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_fields(value, "it")


def test_paths_are_printed_as_kubectl_does() -> None:
    fields = {
        "f:metadata": {"f:labels": {SELF: {}, "f:app.kubernetes.io/name": {}}},
        "f:spec": {
            "f:ports": {'k:{"name":"http","port":80}': {SELF: {}, "f:weight": {}}},
            "f:zones": {'v:"a"': {}, "v:true": {}},
            "f:list": {"i:0": {}},
        },
    }
    assert list(paths(fields)) == [
        ".metadata.labels",
        ".metadata.labels.app.kubernetes.io/name",
        ".spec.list[0]",
        '.spec.ports[name="http",port=80]',
        '.spec.ports[name="http",port=80].weight',
        '.spec.zones[="a"]',
        ".spec.zones[=true]",
    ]


DOCUMENT: Json = {
    "metadata": {
        "labels": {"a": "b"},
        "finalizers": ["x/y"],
        "ownerReferences": [{"uid": "u", "name": "n"}],
    },
    "spec": {
        "mode": "on",
        "atomic": {"a": 1},
        "list": [1, {"a": 1}],
        "zones": ["a", "b"],
        "ports": [{"name": "http", "port": 80, "extra": {}}],
        "free": {"x": {"y": 1}},
        "empty": {},
    },
}


def test_the_fields_of_an_object_go_by_its_schema() -> None:
    assert fields_of(parts(DOCUMENT, whole(SCHEMA)) or {}) == {
        "f:metadata": {
            "f:labels": {"f:a": {}},
            "f:finalizers": {'v:"x/y"': {}},
            "f:ownerReferences": {'k:{"uid":"u"}': {}},
        },
        "f:spec": {
            "f:mode": {},
            "f:atomic": {},
            "f:list": {},
            "f:zones": {'v:"a"': {}, 'v:"b"': {}},
            "f:ports": {
                'k:{"name":"http","protocol":"TCP"}': {
                    SELF: {},
                    "f:name": {},
                    "f:port": {},
                    "f:extra": {},
                }
            },
            "f:free": {"f:x": {SELF: {}, "f:y": {}}},
            "f:empty": {},
        },
    }


def test_what_the_schema_names_is_owned_with_its_parts() -> None:
    root = whole(SCHEMA)
    some: Fields = {
        "f:spec": {"f:free": {"f:x": {"f:y": {}}}, "f:ports": {'k:{"name":"a"}': {"f:b": {}}}}
    }
    assert with_named(some, root) == {
        "f:spec": {
            SELF: {},
            "f:free": {SELF: {}, "f:x": {"f:y": {}}},
            "f:ports": {SELF: {}, 'k:{"name":"a"}': {"f:b": {}}},
        }
    }
