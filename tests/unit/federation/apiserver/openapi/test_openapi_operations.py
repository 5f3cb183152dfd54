"""Paths and operations of kinds."""

from typing import Any

from federation.api.kind import ApiKind
from federation.apiserver.openapi.operations import paths
from tests.unit.federation.apiserver.kinds import (
    BINDINGS,
    CLUSTERS,
    NAMESPACES,
    POLICIES,
    REVIEWS,
    USERS,
)

ROOT = "/apis/fedmesh.dev/v1alpha1"
METHODS = {"get", "put", "post", "patch", "delete"}


def methods(kind: ApiKind) -> dict[str, set[str]]:
    return {path: set(item) & METHODS for path, item in paths(kind).items()}


def types(operation: dict[str, Any]) -> set[str]:
    return set(operation["requestBody"]["content"])


def test_a_kind_in_namespaces() -> None:
    below = f"{ROOT}/namespaces/{{namespace}}/trafficpolicies"
    assert methods(POLICIES) == {
        f"{ROOT}/trafficpolicies": {"get"},
        below: {"get", "post", "delete"},
        f"{below}/{{name}}": {"get", "put", "patch", "delete"},
        f"{below}/{{name}}/status": {"get", "put", "patch"},
    }


def test_a_kind_of_the_whole() -> None:
    assert methods(CLUSTERS) == {
        f"{ROOT}/clusters": {"get", "post", "delete"},
        f"{ROOT}/clusters/{{name}}": {"get", "put", "patch", "delete"},
    }
    assert methods(NAMESPACES)["/api/v1/namespaces"] == {"get", "post", "delete"}


def test_kinds_that_can_do_less() -> None:
    assert methods(BINDINGS) == {
        f"{ROOT}/rolebindings": {"get"},
        f"{ROOT}/rolebindings/{{name}}": {"get"},
    }
    (only,) = methods(REVIEWS).items()
    assert only == ("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"post"})


def test_operations_say_what_they_are_for() -> None:
    found = paths(POLICIES)
    patch = found[f"{ROOT}/namespaces/{{namespace}}/trafficpolicies/{{name}}"]["patch"]
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "fedmesh.dev",
        "version": "v1alpha1",
        "kind": "TrafficPolicy",
    }
    assert patch["operationId"] == "patchFedmeshDevV1alpha1NamespacedTrafficPolicy"
    everywhere = found[f"{ROOT}/trafficpolicies"]["get"]
    assert everywhere["operationId"] == "listFedmeshDevV1alpha1TrafficPolicyForAllNamespaces"


def test_strategic_patches_are_for_the_core() -> None:
    strategic = "application/strategic-merge-patch+json"
    core = paths(NAMESPACES)["/api/v1/namespaces/{name}"]["patch"]
    own = paths(CLUSTERS)[f"{ROOT}/clusters/{{name}}"]["patch"]
    assert types(core) - types(own) == {strategic}
    assert types(own) == {
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
    }


def test_subresources_with_kinds_of_their_own() -> None:
    found = paths(USERS)
    token = found[f"{ROOT}/users/{{name}}/token"]["post"]
    schema = token["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/dev.fedmesh.v1alpha1.TokenRequest"}
    assert token["x-kubernetes-group-version-kind"]["kind"] == "TokenRequest"
    assert "required" not in token["requestBody"]
    assert token["description"] == "A token, shown once."
    lines = found[f"{ROOT}/users/{{name}}/log-lines"]["get"]
    assert lines["operationId"] == "readFedmeshDevV1alpha1UserLogLines"
    assert lines["description"] == "read the specified log-lines of the specified User"
    good = lines["responses"]["200"]["content"]["application/json"]["schema"]
    assert good == {"$ref": "#/components/schemas/dev.fedmesh.v1alpha1.UserLogLines"}
