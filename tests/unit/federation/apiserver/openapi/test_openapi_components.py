"""Schemas of kinds in OpenAPI documents."""

from dataclasses import replace

import pytest

from federation.apiserver.openapi.components import components, with_needed
from federation.apiserver.openapi.names import META, ref
from tests.unit.federation.apiserver.kinds import BINDINGS, CLUSTERS, NAMESPACES, POLICIES, USERS

POLICY = "dev.fedmesh.v1alpha1.TrafficPolicy"


def test_objects_say_their_kind_and_have_metadata() -> None:
    found = components([POLICIES])[POLICY]
    assert found["x-kubernetes-group-version-kind"] == [
        {"group": "fedmesh.dev", "version": "v1alpha1", "kind": "TrafficPolicy"}
    ]
    assert found["properties"]["metadata"]["allOf"] == [ref(f"{META}.ObjectMeta")]
    assert found["properties"]["apiVersion"]["enum"] == ["fedmesh.dev/v1alpha1"]
    assert found["properties"]["kind"]["enum"] == ["TrafficPolicy"]
    assert components([NAMESPACES])["io.k8s.api.core.v1.Namespace"]["properties"]["apiVersion"][
        "enum"
    ] == ["v1"]


def test_lists() -> None:
    found = components([CLUSTERS])["dev.fedmesh.v1alpha1.ClusterList"]
    assert found["required"] == ["items"]
    assert found["properties"]["items"]["items"] == ref("dev.fedmesh.v1alpha1.Cluster")
    assert found["x-kubernetes-group-version-kind"][0]["kind"] == "ClusterList"


def test_subresources() -> None:
    found = components([USERS])
    assert {name.rpartition(".")[2] for name in found} == {
        "User",
        "UserList",
        "TokenRequest",
        "UserLogLines",
    }
    kind = found["dev.fedmesh.v1alpha1.TokenRequest"]["x-kubernetes-group-version-kind"][0]
    assert kind["kind"] == "TokenRequest"


def test_lists_are_merged_by_the_one_key_that_varies() -> None:
    spec = components([POLICIES])[POLICY]["properties"]["spec"]["properties"]
    assert spec["targetRefs"]["x-kubernetes-patch-merge-key"] == "name"
    assert spec["targetRefs"]["x-kubernetes-patch-strategy"] == "merge"
    subjects = components([BINDINGS])["dev.fedmesh.v1alpha1.RoleBinding"]["properties"]["spec"][
        "properties"
    ]["subjects"]
    assert "x-kubernetes-patch-merge-key" not in subjects
    assert "x-kubernetes-patch-merge-key" not in str(POLICIES.schema)


def test_only_what_is_referred_to_is_added() -> None:
    found = with_needed(components([NAMESPACES]))
    assert f"{META}.ListMeta" in found
    assert f"{META}.APIGroup" not in found
    assert list(found) == sorted(found)


def test_a_reference_to_nothing_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="Nothing"):
        with_needed({}, [ref("Nothing")])


def test_one_kind_has_one_schema() -> None:
    token, lines = USERS.subresources
    again = replace(token, name="again", schema={**(token.schema or {}), "description": "Again."})
    found = components([replace(USERS, subresources=(token, again))])
    assert found["dev.fedmesh.v1alpha1.TokenRequest"]["description"] == "A token."
    other = replace(token, name="other", schema=lines.schema)
    with pytest.raises(ValueError, match="TokenRequest has two schemas"):
        components([replace(USERS, subresources=(token, other))])
