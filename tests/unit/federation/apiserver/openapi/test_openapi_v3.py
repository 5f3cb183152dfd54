"""The documents of OpenAPI 3.0."""

from collections.abc import Iterator
from typing import Any

import pytest

from federation.api.kinds import KINDS as ROWS
from federation.apiserver.openapi import v3
from federation.apiserver.openapi.v3 import digest, document, documents, index
from tests.unit.federation.apiserver.kinds import CLUSTERS, KINDS, POLICIES, USERS

DOCUMENTS = documents(KINDS)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def target(found: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


@pytest.mark.parametrize("path", DOCUMENTS)
def test_no_reference_leads_nowhere(path: str) -> None:
    found = DOCUMENTS[path]
    all_ = set(references(found))
    assert all_
    assert all(isinstance(target(found, one), dict) for one in all_)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_names_of_operations_are_unique(path: str) -> None:
    names = [
        operation["operationId"]
        for item in DOCUMENTS[path]["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    assert names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", DOCUMENTS)
def test_parameters_of_a_path_are_in_it(path: str) -> None:
    for at, item in DOCUMENTS[path]["paths"].items():
        named = {p["name"] for p in item.get("parameters", ()) if p["in"] == "path"}
        assert named == {part[1:-1] for part in at.split("/") if part.startswith("{")}


def test_the_index_leads_to_all_documents() -> None:
    found = index(KINDS)["paths"]
    assert set(found) == {
        "api",
        "api/v1",
        "apis",
        "apis/authorization.k8s.io",
        "apis/authorization.k8s.io/v1",
        "apis/authorization.k8s.io/v1beta1",
        "apis/fedmesh.dev",
        "apis/fedmesh.dev/v1alpha1",
        "version",
    }
    url = found["apis/fedmesh.dev/v1alpha1"]["serverRelativeURL"]
    hashed = digest(DOCUMENTS["apis/fedmesh.dev/v1alpha1"])
    assert url == f"/openapi/v3/apis/fedmesh.dev/v1alpha1?hash={hashed}"


def test_the_hash_changes_with_the_document() -> None:
    one, more = document([POLICIES, CLUSTERS]), document([POLICIES, CLUSTERS, USERS])
    assert digest(one) == digest(document([POLICIES, CLUSTERS]))
    assert digest(one) != digest(more)


def test_a_version_has_discovery_and_its_kinds() -> None:
    found = DOCUMENTS["apis/fedmesh.dev/v1alpha1"]
    assert found["openapi"] == "3.0.0"
    assert "/apis/fedmesh.dev/v1alpha1/" in found["paths"]
    assert "/apis/fedmesh.dev/v1alpha1/clusters/{name}" in found["paths"]
    assert found["security"] == [{"BearerToken": []}]


def test_the_version_of_the_server_is_said() -> None:
    assert document([CLUSTERS], version="1.2")["info"]["version"] == "1.2"


def test_the_paths_are_known_without_the_documents() -> None:
    assert set(v3.paths_of(ROWS)) == set(v3.documents(ROWS))
