"""The API as a client of Kubernetes meets it: verbs, patches, watches, refusals."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from federation.api.kinds import GATEWAY, TRAFFIC_POLICY
from tests.unit.fakes.api_world import ApiWorld, api_world

Json = dict[str, Any]

POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"
ALL = "/apis/fedmesh.dev/v1alpha1/trafficpolicies"
MERGE = "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


def policy(name: str = "near", **spec: Any) -> Json:
    return {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "TrafficPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


async def made(world: ApiWorld, name: str = "near", **spec: Any) -> Json:
    status, found = await world.ask("POST", POLICIES, policy(name, **spec))
    assert status == 201, found
    return dict(found)


async def test_an_object_is_created_read_and_deleted(world: ApiWorld) -> None:
    found = await made(world)
    metadata = found["metadata"]
    assert found["spec"] == {"mode": "Locality"}
    assert metadata["namespace"] == "shop"
    assert metadata["generation"] == 1
    assert {"uid", "creationTimestamp", "resourceVersion"} <= metadata.keys()
    assert metadata["managedFields"][0]["operation"] == "Update"
    assert await world.ask("GET", f"{POLICIES}/near") == (200, found)
    status, said = await world.ask("DELETE", f"{POLICIES}/near")
    assert (status, said["status"], said["details"]["uid"]) == (200, "Success", metadata["uid"])
    status, said = await world.ask("GET", f"{POLICIES}/near")
    assert (status, said["reason"], said["details"]["kind"]) == (404, "NotFound", "trafficpolicies")


async def test_what_is_there_is_not_created_again(world: ApiWorld) -> None:
    await made(world)
    status, said = await world.ask("POST", POLICIES, policy())
    assert (status, said["reason"]) == (409, "AlreadyExists")


async def test_a_generated_name_begins_as_it_was_asked(world: ApiWorld) -> None:
    body = policy()
    body["metadata"] = {"generateName": "near-"}
    _, found = await world.ask("POST", POLICIES, body)
    assert found["metadata"]["name"].startswith("near-")
    assert len(found["metadata"]["name"]) == len("near-") + 5


async def test_an_object_that_cannot_be_is_refused_with_its_fields(world: ApiWorld) -> None:
    status, said = await world.ask("POST", POLICIES, policy(mode="Nearest"))
    assert (status, said["reason"], said["details"]["kind"]) == (422, "Invalid", "TrafficPolicy")
    assert said["details"]["causes"][0]["field"] == "spec.mode"
    assert "must be 'Locality', 'Ordered' or 'None'" in said["details"]["causes"][0]["message"]


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"name": "Near"}, "metadata.name"),
        ({}, "metadata.name"),
        ({"name": "near", "labels": {"a": "b c"}}, "metadata.labels"),
        ({"name": "near", "annotations": {"a": 1}}, "metadata.annotations.a"),
        ({"name": 5}, "metadata.name"),
        ({"name": "near", "generateName": {}}, "metadata.generateName"),
        ({"name": "near", "ownerReferences": [{}]}, "metadata.ownerReferences[0].apiVersion"),
        ({"name": "near", "finalizers": ["a b"]}, "metadata.finalizers[0]"),
    ],
)
async def test_metadata_is_checked(world: ApiWorld, metadata: Json, field: str) -> None:
    status, said = await world.ask("POST", POLICIES, {**policy(), "metadata": metadata})
    assert status == 422
    assert said["details"]["causes"][0]["field"] == field


@pytest.mark.parametrize(
    ("validation", "status", "warned"), [("Strict", 400, 0), ("Warn", 201, 1), ("Ignore", 201, 0)]
)
async def test_unknown_fields_are_refused_warned_of_or_left_out(
    world: ApiWorld, validation: str, status: int, warned: int
) -> None:
    path = f"{POLICIES}?fieldValidation={validation}"
    found, said = await world.ask("POST", path, policy(modus="Locality"))
    assert found == status
    if status == 400:
        assert 'strict decoding error: unknown field "spec.modus"' in said["message"]
    else:
        assert "modus" not in said["spec"]
    assert len(world.headers.getall("Warning", [])) == warned


async def test_a_warning_cannot_become_a_header_of_its_own(world: ApiWorld) -> None:
    status, _ = await world.ask(
        "POST", POLICIES, {**policy(), "spec": {'a"\r\nSet-Cookie: x=ü': 1}}
    )
    assert status == 201
    (warning,) = world.headers.getall("Warning")
    assert "\n" not in warning
    assert "Set-Cookie" not in world.headers


async def test_a_dry_run_changes_nothing(world: ApiWorld) -> None:
    status, found = await world.ask("POST", f"{POLICIES}?dryRun=All", policy())
    assert (status, found["spec"]) == (201, {"mode": "Locality"})
    assert len(world.of[TRAFFIC_POLICY]) == 0
    await made(world)
    status, _ = await world.ask("DELETE", f"{POLICIES}/near", {"dryRun": ["All"]})
    assert status == 200
    assert len(world.of[TRAFFIC_POLICY]) == 1


async def test_a_put_needs_the_revision_that_it_was_made_of(world: ApiWorld) -> None:
    found = await made(world)
    first = {**found, "spec": {"mode": "None"}}
    status, changed = await world.ask("PUT", f"{POLICIES}/near", first)
    assert (status, changed["metadata"]["generation"]) == (200, 2)
    status, said = await world.ask("PUT", f"{POLICIES}/near", first)
    assert (status, said["reason"]) == (409, "Conflict")
    assert "please apply your changes to the latest version" in said["message"]


async def test_what_the_system_says_is_no_conflict(world: ApiWorld) -> None:
    found = await made(world)
    held = world.of[TRAFFIC_POLICY].get("shop", "near")
    assert held is not None
    world.of[TRAFFIC_POLICY].put({**held.object, "status": {"conditions": []}}, held.stored)
    status, after = await world.ask("PUT", f"{POLICIES}/near", {**found, "spec": {"mode": "None"}})
    assert (status, after["status"]) == (200, {"conditions": []})


async def test_a_patch_without_a_revision_is_made_again(world: ApiWorld) -> None:
    found = await made(world)
    other = {**found, "spec": {"mode": "None"}}
    world.storages[TRAFFIC_POLICY].between.append(other)
    patch = {"metadata": {"labels": {"team": "a"}}}
    status, after = await world.ask("PATCH", f"{POLICIES}/near", patch, Content_Type=MERGE)
    assert status == 200
    assert (after["spec"]["mode"], after["metadata"]["labels"]) == ("None", {"team": "a"})


async def test_patches_of_every_kind(world: ApiWorld) -> None:
    await made(world)
    operations = [{"op": "replace", "path": "/spec/mode", "value": "None"}]
    json_patch = json.dumps(operations).encode()
    status, after = await world.ask(
        "PATCH", f"{POLICIES}/near", json_patch, Content_Type="application/json-patch+json"
    )
    assert (status, after["spec"]["mode"]) == (200, "None")
    strategic = "application/strategic-merge-patch+json"
    status, said = await world.ask("PATCH", f"{POLICIES}/near", {}, Content_Type=strategic)
    assert (status, said["reason"]) == (415, "UnsupportedMediaType")
    status, said = await world.ask("PATCH", f"{POLICIES}/near", [], Content_Type=MERGE)
    assert (status, said["reason"]) == (400, "BadRequest")


async def test_server_side_apply_creates_keeps_and_conflicts(world: ApiWorld) -> None:
    apply = "application/apply-patch+yaml"
    path = f"{POLICIES}/near?fieldManager"
    status, first = await world.ask("PATCH", f"{path}=a", policy(mode="None"), Content_Type=apply)
    assert (status, first["spec"]["mode"]) == (201, "None")
    status, again = await world.ask("PATCH", f"{path}=a", policy(mode="None"), Content_Type=apply)
    assert (status, again) == (200, first)
    status, said = await world.ask(
        "PATCH", f"{path}=b", policy(mode="Locality"), Content_Type=apply
    )
    cause = said["details"]["causes"][0]
    assert (status, cause["reason"], cause["field"]) == (409, "FieldManagerConflict", ".spec.mode")
    status, taken = await world.ask(
        "PATCH", f"{path}=b&force=true", policy(mode="Locality"), Content_Type=apply
    )
    assert (status, taken["spec"]["mode"]) == (200, "Locality")
    status, said = await world.ask("PATCH", f"{POLICIES}/near", policy(), Content_Type=apply)
    assert (status, "fieldManager" in said["message"]) == (400, True)


async def test_finalizers_hold_up_a_deletion(world: ApiWorld) -> None:
    body = policy()
    body["metadata"]["finalizers"] = ["example.com/wait"]
    await world.ask("POST", POLICIES, body)
    status, going = await world.ask("DELETE", f"{POLICIES}/near")
    assert (status, "deletionTimestamp" in going["metadata"]) == (200, True)
    more = {"metadata": {"finalizers": ["example.com/wait", "example.com/more"]}}
    status, said = await world.ask("PATCH", f"{POLICIES}/near", more, Content_Type=MERGE)
    assert (status, said["details"]["causes"][0]["field"]) == (422, "metadata.finalizers")
    none: Json = {"metadata": {"finalizers": None}}
    status, _ = await world.ask("PATCH", f"{POLICIES}/near", none, Content_Type=MERGE)
    assert status == 200
    assert len(world.of[TRAFFIC_POLICY]) == 0


async def test_the_status_is_written_apart(world: ApiWorld) -> None:
    await made(world)
    patch = {"status": {"conditions": []}, "spec": {"mode": "None"}}
    status, after = await world.ask("PATCH", f"{POLICIES}/near/status", patch, Content_Type=MERGE)
    assert (status, after["spec"], after["status"]) == (
        200,
        {"mode": "Locality"},
        {"conditions": []},
    )
    assert after["metadata"]["generation"] == 1


@pytest.mark.parametrize("status", [5, [], {"conditions": [{}]}, {"conditions": "all"}])
async def test_a_status_that_cannot_be_is_refused(world: ApiWorld, status: Any) -> None:
    await made(world)
    patch = {"status": status}
    found, said = await world.ask("PATCH", f"{POLICIES}/near/status", patch, Content_Type=MERGE)
    assert (found, said["reason"]) == (422, "Invalid")
    assert said["details"]["causes"][0]["field"].startswith("status")


async def test_null_counts_as_not_written(world: ApiWorld) -> None:
    body = {**policy(mode=None), "status": None}
    body["metadata"] |= {"labels": {"a": None}, "annotations": None}
    _, found = await world.ask("POST", POLICIES, body)
    assert (found["spec"], found["metadata"]["labels"]) == ({"mode": "Locality"}, {})
    assert "annotations" not in found["metadata"]


async def test_lists_are_selected_and_read_in_pages(world: ApiWorld) -> None:
    for name in ("a", "b", "c"):
        await made(world, name)
    status, page = await world.ask("GET", f"{ALL}?limit=2")
    assert (status, len(page["items"]), page["metadata"]["remainingItemCount"]) == (200, 2, 1)
    await made(world, "d")
    token = page["metadata"]["continue"]
    _, rest = await world.ask("GET", f"{ALL}?limit=2&continue={token}")
    assert [one["metadata"]["name"] for one in rest["items"]] == ["c"]
    assert rest["metadata"]["resourceVersion"] == page["metadata"]["resourceVersion"]
    status, said = await world.ask("GET", f"{ALL}?limit=2&continue={token}")
    assert (status, said["reason"]) == (410, "Expired")
    _, found = await world.ask("GET", f"{ALL}?fieldSelector=metadata.name%3Db")
    assert [one["metadata"]["name"] for one in found["items"]] == ["b"]
    status, said = await world.ask("GET", f"{ALL}?fieldSelector=spec.mode%3DNone")
    assert (status, "can be selected by" in said["message"]) == (400, True)
    status, said = await world.ask("DELETE", f"{POLICIES}?fieldSelector=metadata.name%3Db")
    assert (status, len(said["items"]), len(world.of[TRAFFIC_POLICY])) == (200, 1, 3)


async def test_a_table_has_the_columns_of_its_kind(world: ApiWorld) -> None:
    await made(world)
    status, found = await world.ask("GET", ALL, Accept=TABLE)
    names = [column["name"] for column in found["columnDefinitions"]]
    assert (status, names) == (200, ["Name", "Mode", "Accepted", "Age"])
    assert found["rows"][0]["cells"][:2] == ["near", "Locality"]
    assert found["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def lines(world: ApiWorld, path: str, count: int) -> list[Json]:
    """The first lines of a watch, which is left then."""
    headers = {"Authorization": f"Bearer {'t' * 40}"}
    found: list[Json] = []
    async with world.client.get(path, headers=headers) as answer:
        while len(found) < count:
            found.append(json.loads(await answer.content.readline()))
    return found


async def test_a_watch_says_what_is_there_and_what_happens(world: ApiWorld) -> None:
    await made(world, "a")
    watching = asyncio.ensure_future(lines(world, f"{ALL}?watch=1", 3))
    await made(world, "b")
    await world.ask("DELETE", f"{POLICIES}/a")
    found = await watching
    assert [line["type"] for line in found] == ["ADDED", "ADDED", "DELETED"]
    assert [line["object"]["metadata"]["name"] for line in found] == ["a", "b", "a"]


async def test_a_watch_goes_on_from_a_list(world: ApiWorld) -> None:
    _, before = await world.ask("GET", ALL)
    await made(world, "a")
    revision = before["metadata"]["resourceVersion"]
    (line,) = await lines(world, f"{ALL}?watch=true&resourceVersion={revision}", 1)
    assert (line["type"], line["object"]["metadata"]["name"]) == ("ADDED", "a")
    (gone,) = await lines(world, f"{ALL}?watch=true&resourceVersion=5", 1)
    assert (gone["type"], gone["object"]["code"], gone["object"]["reason"]) == (
        "ERROR",
        410,
        "Expired",
    )


async def test_initial_events_end_with_a_bookmark(world: ApiWorld) -> None:
    await made(world, "a")
    wish = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    found = await lines(world, f"{ALL}?watch=true&{wish}", 2)
    assert [line["type"] for line in found] == ["ADDED", "BOOKMARK"]
    annotations = found[1]["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}
    status, _ = await world.ask("GET", f"{ALL}?watch=true&sendInitialEvents=true")
    assert status == 422


async def test_a_watch_with_a_selector_sees_objects_enter_and_leave(world: ApiWorld) -> None:
    await made(world, "a")
    _, listed = await world.ask("GET", ALL)
    revision = listed["metadata"]["resourceVersion"]
    for team in ("x", "y"):
        patch = {"metadata": {"labels": {"team": team}}}
        await world.ask("PATCH", f"{POLICIES}/a", patch, Content_Type=MERGE)
    path = f"{ALL}?watch=true&resourceVersion={revision}&labelSelector=team%3Dx"
    found = await lines(world, path, 2)
    assert [line["type"] for line in found] == ["ADDED", "DELETED"]


async def test_views_are_read_only(world: ApiWorld) -> None:
    gateway = {"kind": "Gateway", "metadata": {"name": "east.gateway-1"}}
    world.of[GATEWAY].put({**gateway, "apiVersion": GATEWAY.api_version})
    path = "/apis/fedmesh.dev/v1alpha1/gateways"
    status, _ = await world.ask("GET", f"{path}/east.gateway-1")
    assert status == 200
    for method, where in (("POST", path), ("DELETE", f"{path}/east.gateway-1")):
        status, said = await world.ask(method, where, gateway)
        assert (status, said["reason"]) == (405, "MethodNotAllowed")
        assert "is a view" in said["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/apis/fedmesh.dev/v1alpha1/things", 404),
        ("GET", "/apis/fedmesh.dev/v2/trafficpolicies", 404),
        ("GET", "/apis/fedmesh.dev/v1alpha1/trafficpolicies/near", 404),
        ("POST", ALL, 405),
        ("GET", "/apis/fedmesh.dev/v1alpha1/namespaces/shop/gateways", 404),
        ("GET", f"{POLICIES}/near/scale", 404),
        ("GET", f"{ALL}?limit=-1", 400),
        ("GET", f"{ALL}?labelSelector=a%20b%20c", 400),
        ("GET", f"{ALL}?watch=maybe", 400),
        ("GET", "/openapi/v4", 404),
    ],
)
async def test_what_is_not_there_is_refused(
    world: ApiWorld, method: str, path: str, status: int
) -> None:
    body = policy() if method == "POST" else None
    found, said = await world.ask(method, path, body)
    assert (found, said["kind"], said["status"]) == (status, "Status", "Failure")


async def test_documents_are_not_sent_again(world: ApiWorld) -> None:
    status, found = await world.ask("GET", "/apis")
    assert (status, found["kind"]) == (200, "APIGroupList")
    etag = world.headers["ETag"]
    status, _ = await world.ask("GET", "/apis", If_None_Match=etag)
    assert status == 304
    _, index = await world.ask("GET", "/openapi/v3")
    address = index["paths"]["apis/fedmesh.dev/v1alpha1"]["serverRelativeURL"]
    status, document = await world.ask("GET", address)
    assert (status, document["openapi"][:3]) == (200, "3.0")
    assert "immutable" in world.headers["Cache-Control"]


async def test_what_was_written_is_noted(world: ApiWorld) -> None:
    await made(world)
    who, what, note = world.gate.notes[-1]
    assert (who, what) == ("admin", "create trafficpolicies.fedmesh.dev in namespace shop")
    assert note.before is None
    assert note.after is not None


async def test_a_long_list_is_whole(world: ApiWorld) -> None:
    for number in range(300):
        metadata = {"name": f"p{number:03}", "namespace": "shop", "labels": {"a": "b"}}
        world.of[TRAFFIC_POLICY].put({**policy(), "metadata": metadata}, number + 1)
    for accept, part in (("application/json", "items"), (TABLE, "rows")):
        _, found = await world.ask("GET", f"{ALL}?labelSelector=a%3Db", Accept=accept)
        assert len(found[part]) == 300
