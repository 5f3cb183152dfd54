"""The document of OpenAPI 2.0."""

from collections.abc import Iterator
from typing import Any

from federation.apiserver.openapi.names import META
from federation.apiserver.openapi.v2 import document
from tests.unit.federation.apiserver.kinds import CLUSTERS, KINDS

DOCUMENT = document(KINDS, version="1.2")
DEFINITIONS = DOCUMENT["definitions"]


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


def test_no_reference_leads_nowhere() -> None:
    found = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    assert found
    assert {one.removeprefix("#/definitions/") for one in found} <= set(DEFINITIONS)


def test_it_has_no_words_that_kill_it() -> None:
    for node in nodes(DOCUMENT):
        assert not {"anyOf", "oneOf", "allOf", "not", "nullable"} & set(node)
        assert node.get("type") != "array" or "items" in node


def test_all_kinds_are_defined() -> None:
    kinds = {
        said["kind"]
        for schema in DEFINITIONS.values()
        for said in schema.get("x-kubernetes-group-version-kind", ())
    }
    assert {kind.kind for kind in KINDS} <= kinds
    assert "metadata" in DEFINITIONS["dev.fedmesh.v1alpha1.Cluster"]["properties"]


def test_object_meta_is_there_for_terraform() -> None:
    assert f"{META}.ObjectMeta" in document([CLUSTERS])["definitions"]


def test_number_or_text() -> None:
    review = DEFINITIONS["io.k8s.api.authorization.v1.SelfSubjectAccessReview"]
    target = review["properties"]["spec"]["properties"]["target"]
    assert target == {"type": "string", "format": "int-or-string"}


def test_patches_say_what_they_support() -> None:
    path = "/apis/fedmesh.dev/v1alpha1/namespaces/{namespace}/trafficpolicies/{name}"
    item = DOCUMENT["paths"][path]
    names = {p["name"]: p for p in item["patch"]["parameters"]}
    assert {"dryRun", "fieldValidation"} < set(names)
    assert names["force"]["type"] == "boolean"
    assert names["body"]["schema"] == {"$ref": f"#/definitions/{META}.Patch"}
    assert "application/merge-patch+json" in item["patch"]["consumes"]
    assert item["patch"]["x-kubernetes-group-version-kind"]["kind"] == "TrafficPolicy"
    assert item["patch"]["responses"]["404"]["schema"] == {"$ref": f"#/definitions/{META}.Status"}


def test_bodies_of_one_schema_are_said() -> None:
    post = DOCUMENT["paths"]["/apis/fedmesh.dev/v1alpha1/clusters"]["post"]
    body = post["parameters"][0]
    assert body["schema"] == {"$ref": "#/definitions/dev.fedmesh.v1alpha1.Cluster"}
    assert body["required"]
    assert DOCUMENT["info"] == {"title": "fedmesh", "version": "1.2"}
