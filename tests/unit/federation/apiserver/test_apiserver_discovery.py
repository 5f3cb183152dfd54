"""Discovery in both forms."""

from itertools import pairwise

import pytest

from federation.apiserver.discovery import (
    AGGREGATED,
    aggregated,
    aggregated_media,
    api_resources,
    legacy,
    priority,
)
from tests.unit.federation.apiserver.kinds import CLUSTERS, KINDS, POLICIES, USERS

LEGACY = legacy(KINDS)


def test_the_paths() -> None:
    assert set(LEGACY) == {
        "/api",
        "/api/v1",
        "/apis",
        "/apis/authorization.k8s.io",
        "/apis/authorization.k8s.io/v1",
        "/apis/authorization.k8s.io/v1beta1",
        "/apis/fedmesh.dev",
        "/apis/fedmesh.dev/v1alpha1",
    }


def test_the_core_and_the_groups() -> None:
    assert LEGACY["/api"]["versions"] == ["v1"]
    groups = {group["name"]: group for group in LEGACY["/apis"]["groups"]}
    assert set(groups) == {"fedmesh.dev", "authorization.k8s.io"}
    preferred = groups["authorization.k8s.io"]["preferredVersion"]
    assert preferred == {"groupVersion": "authorization.k8s.io/v1", "version": "v1"}
    alone = LEGACY["/apis/fedmesh.dev"]
    assert alone == {"kind": "APIGroup", "apiVersion": "v1", **groups["fedmesh.dev"]}


def test_resources_and_what_is_below() -> None:
    found = {r["name"]: r for r in api_resources([POLICIES, USERS])["resources"]}
    assert list(found) == [
        "trafficpolicies",
        "trafficpolicies/status",
        "users",
        "users/token",
        "users/log-lines",
    ]
    assert found["trafficpolicies"]["shortNames"] == ["tp"]
    assert found["trafficpolicies"]["categories"] == ["fedmesh"]
    assert found["trafficpolicies"]["namespaced"]
    assert "shortNames" not in found["users"]
    assert (found["users/token"]["kind"], found["users/token"]["verbs"]) == (
        "TokenRequest",
        ["create"],
    )
    assert found["trafficpolicies/status"]["kind"] == "TrafficPolicy"


@pytest.mark.parametrize("version", AGGREGATED)
def test_the_aggregated_form(version: str) -> None:
    found = aggregated(KINDS, version)
    assert found["/api"]["apiVersion"] == f"apidiscovery.k8s.io/{version}"
    (core,) = found["/api"]["items"]
    assert core["versions"][0]["resources"][0]["resource"] == "namespaces"
    groups = {item["metadata"]["name"]: item for item in found["/apis"]["items"]}
    assert [v["version"] for v in groups["authorization.k8s.io"]["versions"]] == ["v1", "v1beta1"]
    resources = {r["resource"]: r for r in groups["fedmesh.dev"]["versions"][0]["resources"]}
    assert resources["trafficpolicies"]["scope"] == "Namespaced"
    assert resources["clusters"]["scope"] == "Cluster"
    assert resources["clusters"]["responseKind"] == {
        "group": "fedmesh.dev",
        "version": "v1alpha1",
        "kind": "Cluster",
    }
    assert "subresources" not in resources["clusters"]
    assert resources["users"]["subresources"][0] == {
        "subresource": "token",
        "responseKind": {"group": "fedmesh.dev", "version": "v1alpha1", "kind": "TokenRequest"},
        "verbs": ["create"],
    }


def test_no_kinds_of_the_core() -> None:
    assert legacy([CLUSTERS])["/api"]["versions"] == []
    assert aggregated([CLUSTERS])["/api"]["items"] == []


def test_media_types_name_their_version() -> None:
    assert "v=v2;" in aggregated_media("v2")
    assert "v=v2;" not in aggregated_media("v2beta1")


def test_versions_are_preferred_as_in_kubernetes() -> None:
    rising = ["foo", "v1alpha1", "v1alpha2", "v2alpha1", "v1beta1", "v1beta10", "v1", "v2", "v10"]
    assert all(priority(low) < priority(high) for low, high in pairwise(rising))
