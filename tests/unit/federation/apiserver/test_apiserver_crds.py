"""CustomResourceDefinitions of kinds."""

from collections.abc import Iterator
from dataclasses import replace

from federation.api.kind import Json
from federation.apiserver.crds import definition, definitions
from tests.unit.federation.apiserver.kinds import CLUSTERS, KINDS, POLICIES

CREATED = "2026-03-01T12:00:00Z"
FOUND = definitions(KINDS, uid=lambda name: f"uid-of-{name}", created=CREATED)
BY_NAME = {found["metadata"]["name"]: found for found in FOUND}


def test_kubernetes_defines_its_own_kinds_itself() -> None:
    assert list(BY_NAME) == [
        "clusters.fedmesh.dev",
        "rolebindings.fedmesh.dev",
        "trafficpolicies.fedmesh.dev",
        "users.fedmesh.dev",
    ]


def test_metadata() -> None:
    assert BY_NAME["users.fedmesh.dev"]["metadata"] == {
        "name": "users.fedmesh.dev",
        "uid": "uid-of-users.fedmesh.dev",
        "generation": 1,
        "creationTimestamp": CREATED,
    }


def test_labels_mark_what_a_kind_is_for() -> None:
    labels = BY_NAME["clusters.fedmesh.dev"]["metadata"]["labels"]
    assert labels == {"applyset.kubernetes.io/is-parent-type": "true"}


def test_names_scope_and_version() -> None:
    spec = BY_NAME["trafficpolicies.fedmesh.dev"]["spec"]
    assert spec["scope"] == "Namespaced"
    assert spec["names"] == {
        "plural": "trafficpolicies",
        "singular": "trafficpolicy",
        "kind": "TrafficPolicy",
        "listKind": "TrafficPolicyList",
        "shortNames": ["tp"],
        "categories": ["fedmesh"],
    }
    (version,) = spec["versions"]
    assert (version["name"], version["served"], version["storage"]) == ("v1alpha1", True, True)
    assert version["subresources"] == {"status": {}}
    assert BY_NAME["clusters.fedmesh.dev"]["spec"]["scope"] == "Cluster"
    assert "subresources" not in BY_NAME["clusters.fedmesh.dev"]["spec"]["versions"][0]


def test_columns() -> None:
    spec = BY_NAME["trafficpolicies.fedmesh.dev"]["spec"]
    mode, age, order = spec["versions"][0]["additionalPrinterColumns"]
    assert mode == {
        "name": "Mode",
        "type": "string",
        "jsonPath": ".spec.mode",
        "description": "The mode.",
    }
    assert (age["type"], order["priority"]) == ("date", 1)


def test_fields_by_which_lists_can_be_selected() -> None:
    found = definition([replace(POLICIES, selectable=("spec.mode",))], uid="u", created=CREATED)
    assert found["spec"]["versions"][0]["selectableFields"] == [{"jsonPath": ".spec.mode"}]
    plain = BY_NAME["trafficpolicies.fedmesh.dev"]["spec"]["versions"][0]
    assert "selectableFields" not in plain


def test_they_are_established() -> None:
    for found in FOUND:
        status = found["status"]
        said = {c["type"]: (c["status"], c["lastTransitionTime"]) for c in status["conditions"]}
        assert said == dict.fromkeys(("NamesAccepted", "Established"), ("True", CREATED))
        assert status["acceptedNames"] == found["spec"]["names"]
        assert status["storedVersions"] == [found["spec"]["versions"][0]["name"]]


def schemas(node: Json) -> Iterator[Json]:
    yield node
    for inner in (*node.get("properties", {}).values(), *(node.get(w) for w in ("items",))):
        if inner is not None:
            yield from schemas(inner)


def test_schemas_are_those_of_definitions() -> None:
    for found in FOUND:
        schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for node in schemas(schema):
            assert "$ref" not in node
            assert not any(word.startswith("x-kubernetes-patch-") for word in node)


def test_versions_of_a_kind_are_in_one_definition() -> None:
    newer = replace(POLICIES, version="v1beta1", labels=(("a", "b"),))
    found = definition([POLICIES, newer], uid="u", created=CREATED)
    versions = [(v["name"], v["storage"]) for v in found["spec"]["versions"]]
    assert versions == [("v1beta1", True), ("v1alpha1", False)]
    assert found["metadata"]["labels"] == {"a": "b"}
    both = definitions([POLICIES, CLUSTERS, newer], uid=str, created=CREATED)
    assert len(both) == 2
