"""Whole objects: their schema, defaults, unknown fields."""

from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel, Field

from federation.api.schema import defaults, object_schema, prune, unknown_fields
from federation.api.v1alpha1.access import UserSpec
from federation.api.v1alpha1.cluster import ClusterSpec
from federation.api.v1alpha1.traffic_policy import TrafficPolicySpec

POLICY = object_schema("A TrafficPolicy.", TrafficPolicySpec, spec_required=False)
CLUSTER = object_schema("A Cluster.", ClusterSpec)


class Part(BaseModel):
    size: int = 3


class Status(BaseModel):
    parts: dict[str, Part] = Field(default_factory=dict)
    free: dict[str, Any] = Field(default_factory=dict)


WITH_STATUS = object_schema("A User.", UserSpec, Status, spec_required=False)


def test_a_whole_object() -> None:
    assert POLICY["type"] == "object"
    assert list(POLICY["properties"]) == ["apiVersion", "kind", "metadata", "spec"]
    assert POLICY["properties"]["metadata"] == {"type": "object"}
    assert "required" not in POLICY
    assert POLICY["properties"]["spec"]["default"] == {}


def test_a_spec_that_is_needed_is_not_made() -> None:
    assert CLUSTER["required"] == ["spec"]
    assert defaults(CLUSTER, {}) == {}


def test_an_object_without_spec() -> None:
    assert list(object_schema("A Namespace.")["properties"]) == ["apiVersion", "kind", "metadata"]


@pytest.mark.parametrize("spec", [{}, None, {"mode": None}])
def test_defaults_of_what_is_missing_or_null(spec: object) -> None:
    assert defaults(POLICY, {"spec": spec}) == {"spec": {"mode": "Locality"}}
    assert defaults(POLICY, {}) == {"spec": {"mode": "Locality"}}


def test_defaults_in_lists_and_mappings() -> None:
    found = defaults(POLICY, {"spec": {"mode": "None", "targetRefs": [{"name": "a"}]}})
    assert found["spec"] == {"mode": "None", "targetRefs": [{"name": "a"}]}
    status = defaults(WITH_STATUS, {"status": {"parts": {"a": {}, "b": {"size": 1}, "c": None}}})
    assert status["status"] == {"parts": {"a": {"size": 3}, "b": {"size": 1}}}


def test_a_null_that_no_field_has_stays() -> None:
    document = {"metadata": {"creationTimestamp": None}, "spec": {"foo": None, "mode": "None"}}
    assert defaults(POLICY, document) == document


def test_a_null_that_is_allowed_stays() -> None:
    schema = {"properties": {"a": {"type": "string", "nullable": True, "default": "x"}}}
    assert defaults(schema, {"a": None}) == {"a": None}


def test_what_is_given_is_not_changed() -> None:
    given = {"spec": {"targetRefs": [{"name": "a", "foo": 1}]}}
    before = deepcopy((given, POLICY))
    found = defaults(POLICY, given)
    found["spec"]["targetRefs"][0]["group"] = "changed"
    prune(POLICY, given)
    defaults(POLICY, {})["spec"]["more"] = 1
    assert (given, POLICY) == before


DOCUMENT = {
    "apiVersion": "fedmesh.dev/v1alpha1",
    "kind": "TrafficPolicy",
    "metadata": {
        "name": "a",
        "labels": {"any": "thing"},
        "clusterName": "x",
        "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {".": {}}}, "foo": 1}],
    },
    "spec": {
        "mode": "Ordered",
        "order": [{"foo": 1, "labels": {"tier": "a"}}, {"region": "eu"}],
        "bar": {"baz": [1]},
    },
    "status": {},
}
UNKNOWN = [
    "metadata.clusterName",
    "metadata.managedFields[0].foo",
    "spec.order[0].foo",
    "spec.bar",
    "status",
]


def test_unknown_fields_are_named_by_their_paths() -> None:
    assert unknown_fields(POLICY, DOCUMENT) == UNKNOWN


def test_pruning_leaves_what_is_known() -> None:
    found = prune(POLICY, DOCUMENT)
    assert unknown_fields(POLICY, found) == []
    assert found["spec"] == {
        "mode": "Ordered",
        "order": [{"labels": {"tier": "a"}}, {"region": "eu"}],
    }
    assert found["metadata"]["managedFields"][0]["fieldsV1"] == {"f:spec": {".": {}}}


def test_free_mappings_keep_everything() -> None:
    document = {"status": {"free": {"a": {"b": [{"c": 1}]}}}}
    assert unknown_fields(WITH_STATUS, document) == []
    assert prune(WITH_STATUS, document) == document


@pytest.mark.parametrize("document", [{"spec": []}, {"spec": "x"}, {"metadata": 1}, [], None, 1])
def test_values_of_the_wrong_type_are_left_to_the_models(document: object) -> None:
    assert prune(POLICY, document) == document
    assert unknown_fields(POLICY, document) == []
