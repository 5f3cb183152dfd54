"""What a schema finds wrong in an object, beyond what a model judges."""

from typing import Any

import pytest

from federation.api.kinds import TRAFFIC_POLICY
from federation.api.wrong import MOST, wrong

GOOD: dict[str, Any] = {"metadata": {"name": "near"}, "spec": {"mode": "None"}}


def test_an_object_as_it_should_be_has_nothing_wrong() -> None:
    assert wrong(TRAFFIC_POLICY.schema, {**GOOD, "status": {"conditions": []}}) == []
    assert wrong(TRAFFIC_POLICY.schema, {**GOOD, "status": None}) == []


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"metadata": {"name": "near", "generateName": {}}}, "metadata.generateName"),
        ({"metadata": {"name": "near", "labels": []}}, "metadata.labels"),
        ({"metadata": {"name": "near", "finalizers": {"a": 1}}}, "metadata.finalizers"),
        ({"metadata": {"name": "near", "generation": True}}, "metadata.generation"),
        ({"status": {"conditions": [{}]}}, "status.conditions[0].type"),
        ({"status": {"conditions": "none"}}, "status.conditions"),
        ({"status": 5}, "status"),
    ],
)
def test_each_field_is_named(part: dict[str, Any], path: str) -> None:
    found = wrong(TRAFFIC_POLICY.schema, {**GOOD, **part})
    assert path in {field for field, _ in found}


def test_only_so_many_are_named() -> None:
    status: dict[str, Any] = {"conditions": [{}] * 1_000}
    assert len(wrong(TRAFFIC_POLICY.schema, {**GOOD, "status": status})) == MOST


def test_what_others_judge_is_left_to_them() -> None:
    assert wrong(TRAFFIC_POLICY.schema, {**GOOD, "spec": 5}, but=("spec",)) == []
