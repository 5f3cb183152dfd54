"""What changed is said in short, and no secret is."""

from typing import Any

import pytest

from federation.controller.audit_changes import MOST_CHANGES, changes


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"spec": {"region": "us"}}, {"spec": {"region": "eu"}}, ('spec.region: "us" -> "eu"',)),
        ({"spec": {"a": 1}}, {"spec": {}}, ("spec.a: 1 -> (gone)",)),
        (None, {"spec": {"a": {"b": True}}}, ("spec.a.b: true",)),
        ({"spec": {"a": [1]}}, None, ('spec: {"a": [1]} -> (gone)',)),
        ({"spec": {"a": None}}, {"spec": {"a": 0}}, ("spec.a: null -> 0",)),
        ({"a": 1}, {"a": 1}, ()),
        ({"status": 1, "metadata": {"generation": 1}}, {"metadata": {"generation": 2}}, ()),
        ({"spec": {"l": ["x" * 99]}}, {"spec": {"l": []}}, (f'spec.l: ["{"x" * 55}... -> []',)),
        ({"a": 1}, {"a": {"b": 2}}, ('a: 1 -> {"b": 2}',)),
    ],
)
def test_each_field_that_is_different_is_a_sentence(
    before: Any, after: Any, said: tuple[str, ...]
) -> None:
    assert changes(before, after) == said


@pytest.mark.parametrize(
    "path", ["token", "clientSecret", "PASSWORD", "privateKey", "credentials", "secretRef.name"]
)
def test_what_is_called_a_secret_is_never_shown(path: str) -> None:
    name, _, below = path.partition(".")
    value: Any = {below: "s3cret"} if below else "s3cret"
    for before, after in (({}, {name: value}), ({name: "s3cret0"}, {name: value})):
        found = changes({"spec": before}, {"spec": after})
        assert found
        assert "s3cret" not in str(found)
    assert "s3cret" not in str(changes({"l": []}, {"l": [{name: value}]}))


def test_many_changes_are_cut_and_deep_ones_end() -> None:
    found = changes({}, {f"k{n:03}": n for n in range(50)})
    assert len(found) == MOST_CHANGES + 1
    assert found[-1] == "and 30 more"
    deep: Any = "x"
    for _ in range(60):
        deep = {"a": deep}
    (said,) = changes({}, deep)
    assert len(said) < 200
