"""Whether JSON values are the same, and how large and deep they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.apiserver.patching.values import MAX_DEPTH, is_deep, same, size

SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_two_values_are_the_same_when_their_json_is(one: object, other: object) -> None:
    texts = [json.dumps(value, sort_keys=True) for value in (one, other)]
    assert same(one, other) == (texts[0] == texts[1])


@pytest.mark.parametrize(("one", "other"), [(True, 1), ([0], [False]), ({"a": [1]}, {"a": [True]})])
def test_true_is_not_one(one: object, other: object) -> None:
    assert not same(one, other)


@given(VALUES)
def test_a_size_is_no_less_than_half_of_the_json(value: object) -> None:
    assert size(value, 10_000) * 2 >= len(json.dumps(value, separators=(",", ":")))


def test_what_is_beyond_the_most_is_not_counted_on() -> None:
    value: list[object] = ["x"]
    for _ in range(40):
        value = [value, value]  # 2**40 strings
    assert 1000 < size(value, 1000) < 1100


@pytest.mark.parametrize(("levels", "deep"), [(MAX_DEPTH - 1, False), (MAX_DEPTH, True)])
def test_a_depth_is_bounded(levels: int, deep: bool) -> None:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    assert is_deep(value) is deep
