"""Writes of one object at once: none is lost, and none is refused that named no revision."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from federation.api.kinds import TRAFFIC_POLICY
from federation.apiserver.collection import Held
from federation.apiserver.preconditions import LARGEST_OBJECT
from tests.unit.fakes.api_world import ApiWorld, MemoryStorage, api_world

Json = dict[str, Any]

POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"
MERGE, PATCH = "application/merge-patch+json", "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
AT_ONCE = 20


@pytest_asyncio.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiWorld]:
    write = MemoryStorage.write

    async def takes_a_while(self: MemoryStorage, found: Json, before: Held | None) -> None:
        await asyncio.sleep(0)
        await write(self, found, before)

    monkeypatch.setattr(MemoryStorage, "write", takes_a_while)
    async with api_world() as made:
        yield made


async def test_patches_at_once_are_all_applied(world: ApiWorld) -> None:
    await world.ask("POST", POLICIES, {"metadata": {"name": "near"}})
    bodies = [{"metadata": {"labels": {f"l{n}": "x"}}} for n in range(AT_ONCE)]
    done = await asyncio.gather(
        *(world.ask("PATCH", f"{POLICIES}/near", body, Content_Type=MERGE) for body in bodies)
    )
    assert {code for code, _ in done} == {200}
    _, found = await world.ask("GET", f"{POLICIES}/near")
    assert len(found["metadata"]["labels"]) == AT_ONCE


async def test_who_applies_while_another_one_creates_changes_it(world: ApiWorld) -> None:
    def body(number: int) -> Json:
        return {
            "apiVersion": TRAFFIC_POLICY.api_version,
            "kind": TRAFFIC_POLICY.kind,
            "metadata": {"name": "near", "annotations": {f"a{number}": "x"}},
        }

    done = await asyncio.gather(
        *(
            world.ask("PATCH", f"{POLICIES}/near?fieldManager=m{n}", body(n), Content_Type=APPLY)
            for n in range(AT_ONCE)
        )
    )
    assert sorted(code for code, _ in done) == [200] * (AT_ONCE - 1) + [201]
    _, found = await world.ask("GET", f"{POLICIES}/near")
    assert len(found["metadata"]["annotations"]) == AT_ONCE


async def test_a_json_patch_that_names_an_older_revision_is_a_conflict(world: ApiWorld) -> None:
    _, old = await world.ask("POST", POLICIES, {"metadata": {"name": "near"}})
    new = {"metadata": {"labels": {"a": "b"}}}
    _, now = await world.ask("PATCH", f"{POLICIES}/near", new, Content_Type=MERGE)

    async def naming(found: Json) -> int:
        revision = found["metadata"]["resourceVersion"]
        operations = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": revision},
            {"op": "remove", "path": "/metadata/labels"},
        ]
        code, _ = await world.ask("PATCH", f"{POLICIES}/near", operations, Content_Type=PATCH)
        return code

    assert (await naming(old), await naming(now)) == (409, 200)


async def test_an_object_does_not_grow_beyond_what_can_be_sent_back(world: ApiWorld) -> None:
    await world.ask("POST", POLICIES, {"metadata": {"name": "near"}})
    first: Json = {"annotations": {"a0": "x" * (LARGEST_OBJECT * 3 // 4)}}
    code, _ = await world.ask("PATCH", f"{POLICIES}/near", {"metadata": first}, Content_Type=MERGE)
    assert code == 200
    more: Json = {"labels": {f"l{n}": "x" * 60 for n in range(1_000)}}
    code, said = await world.ask(
        "PATCH", f"{POLICIES}/near", {"metadata": more}, Content_Type=MERGE
    )
    assert code == 413
    assert said["reason"] == "RequestEntityTooLarge"
    assert str(LARGEST_OBJECT) in said["message"]
    less = {"metadata": {"annotations": {"a0": None}}}
    code, _ = await world.ask("PATCH", f"{POLICIES}/near", less, Content_Type=MERGE)
    assert code == 200
