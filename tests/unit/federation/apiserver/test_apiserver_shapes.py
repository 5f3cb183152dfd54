"""What no model judges has the shape of its schema, or it is refused with its field."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.unit.fakes.api_world import ApiWorld, api_world

Json = dict[str, Any]

POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"
MERGE = "application/merge-patch+json"
CONDITION = {
    "type": "Accepted",
    "status": "True",
    "reason": "Fine",
    "message": "",
    "lastTransitionTime": "2026-03-01T12:00:00Z",
}


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        await made.ask("POST", POLICIES, {"metadata": {"name": "near"}})
        yield made


@pytest.mark.parametrize(
    ("status", "field"),
    [
        (5, "status"),
        ([], "status"),
        ({"conditions": "x"}, "status.conditions"),
        ({"conditions": [None]}, "status.conditions[0]"),
        ({"conditions": [{**CONDITION, "type": {}}]}, "status.conditions[0].type"),
        ({"conditions": [{**CONDITION, "status": "Maybe"}]}, "status.conditions[0].status"),
        ({"conditions": [{"type": "Accepted"}]}, "status.conditions[0].lastTransitionTime"),
        (
            {"conditions": [{**CONDITION, "observedGeneration": True}]},
            "status.conditions[0].observedGeneration",
        ),
    ],
)
async def test_a_status_of_another_shape_is_refused(
    world: ApiWorld, status: Any, field: str
) -> None:
    code, said = await world.ask("PUT", f"{POLICIES}/near/status", {"status": status})
    assert (code, said["reason"]) == (422, "Invalid")
    assert field in [cause["field"] for cause in said["details"]["causes"]]
    code, found = await world.ask("GET", f"{POLICIES}/near")
    assert (code, found.get("status")) == (200, None)


async def test_a_status_of_its_shape_is_taken(world: ApiWorld) -> None:
    status = {"conditions": [CONDITION]}
    code, found = await world.ask("PUT", f"{POLICIES}/near/status", {"status": status})
    assert (code, found["status"]) == (200, status)
    code, found = await world.ask(
        "PATCH", f"{POLICIES}/near/status", {"status": None}, Content_Type=MERGE
    )
    assert (code, found.get("status")) == (200, None)


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"generateName": "A_"}, "metadata.generateName"),
        ({"generateName": 5}, "metadata.generateName"),
        ({"generateName": {}}, "metadata.generateName"),
        ({"generateName": "x" * 300}, "metadata.generateName"),
        (
            {
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1", "controller": "x"}
                ]
            },
            "metadata.ownerReferences[0].controller",
        ),
        ({"annotations": {"\ud800": "half a character"}}, "metadata.annotations"),
    ],
)
async def test_metadata_of_another_shape_is_refused(
    world: ApiWorld, metadata: Json, field: str
) -> None:
    code, said = await world.ask("POST", POLICIES, {"metadata": {"name": "far", **metadata}})
    assert code in (400, 422), said
    assert field in said["message"] or code == 400
    code, said = await world.ask(
        "PATCH", f"{POLICIES}/near", {"metadata": metadata}, Content_Type=MERGE
    )
    assert code in (400, 422), said


async def test_a_kind_without_a_model_is_judged_by_its_schema(world: ApiWorld) -> None:
    code, said = await world.ask(
        "POST", "/api/v1/namespaces", {"metadata": {"name": "a"}, "spec": 5}
    )
    assert (code, said["details"]["causes"][0]["field"]) == (422, "spec")
