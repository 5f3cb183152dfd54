"""Mutated documents and patches: whatever is sent, the API answers in its own words.

Never an error of the server; what is accepted can be read, listed, shown as a table, selected and
read again by a later life.
"""

import asyncio
import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federation.api.kind import ApiKind
from federation.api.kinds import APPLY_SET, NAMESPACE, TRAFFIC_POLICY
from federation.controller.objects.policies import conditions, with_conditions
from federation.controller.objects.storage import Stored, stored_kind
from federation.controller.store.store import Entry
from tests.unit.fakes.api_world import ApiWorld, api_world

Json = dict[str, Any]

PATHS = {
    TRAFFIC_POLICY: "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies",
    APPLY_SET: "/apis/fedmesh.dev/v1alpha1/applysets",
    NAMESPACE: "/api/v1/namespaces",
}
WHOLE: Json = {
    "apiVersion": "fedmesh.dev/v1alpha1",
    "kind": "TrafficPolicy",
    "metadata": {
        "name": "near",
        "generateName": "near-",
        "namespace": "shop",
        "labels": {"team": "a"},
        "annotations": {"example.com/note": "b"},
        "finalizers": ["example.com/wait"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1"}],
        "managedFields": [],
        "resourceVersion": "",
        "uid": "",
        "generation": 1,
        "creationTimestamp": None,
        "deletionTimestamp": None,
    },
    "spec": {
        "targetRefs": [{"kind": "Service", "name": "web"}],
        "mode": "Ordered",
        "order": [{"sameAsImporter": ["Region"], "labels": {"a": "b"}}, {}],
    },
    "status": {
        "conditions": [
            {"type": "Mine", "status": "True", "reason": "R", "message": "m",
             "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
        ]
    },
}  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 2**64, 10**400, 1.5, float("inf"), float("nan"), "", "x", "A_", "..",
    "\ud800", "\u0000", "a/b/c", "9" * 5_000, "é", "near", [], {}, [None], [[]], [{}], {"a": None},
    {"": ""}, {"$patch": "delete"}, {"\ud800": "\ud800"}, ["a", "a"],
)  # fmt: skip
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
TYPES = (
    "application/json",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


def places(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a document."""
    mine = [path] if path else []
    if not isinstance(found, dict | list):
        return mine
    inner = found.items() if isinstance(found, dict) else enumerate(found)
    return mine + [way for name, part in inner for way in places(part, (*path, name))]


def changed(found: Json, way: tuple[Any, ...], value: Any) -> Json:
    """A copy of a document with another value at a place, where there is that place."""
    made = copy.deepcopy(found)
    at: Any = made
    for step in way[:-1]:
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            return made
    is_there = isinstance(at, list) and isinstance(way[-1], int) and way[-1] < len(at)
    if is_there or (isinstance(at, dict) and isinstance(way[-1], str)):
        at[way[-1]] = copy.deepcopy(value)
    return made


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """The document with some values that are others, or more."""
    found = WHOLE
    for _ in range(draw(st.integers(0, 4))):
        way = draw(st.sampled_from(places(WHOLE)))
        if draw(st.booleans()):
            way = (*way, draw(st.sampled_from(["x", "\ud800", "", "$patch", "metadata"])))
        found = changed(found, way, draw(st.sampled_from(ODD)))
    return found


@st.composite
def operations(draw: st.DrawFn) -> Any:
    """A JSON patch, some of whose parts are odd."""
    ways = ["/" + "/".join(map(str, way)) for way in places(WHOLE)] + ["", "/~2", "/spec/order/-"]
    op = st.sampled_from(["add", "remove", "replace", "move", "copy", "test"])
    one = st.fixed_dictionaries(
        {"op": op, "path": st.sampled_from(ways)},
        optional={"value": st.sampled_from(ODD), "from": st.sampled_from(ways)},
    )
    return draw(st.lists(st.one_of(one, st.sampled_from(ODD)), max_size=3))


@st.composite
def requests(draw: st.DrawFn) -> tuple[ApiKind, str, str, bytes, str]:
    """A write: of which kind, method, what follows its path, body, media type."""
    kind = draw(st.sampled_from(sorted(PATHS, key=lambda k: k.kind)))
    media = draw(st.sampled_from(TYPES))
    body = draw(operations() if media == TYPES[2] else documents())
    if isinstance(body, dict) and draw(st.booleans()):
        body = {**body, "apiVersion": kind.api_version, "kind": kind.kind}
    method = draw(st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]))
    below = draw(st.sampled_from(["", "/near", "/near/status"]))
    query = draw(st.sampled_from(["", "?fieldManager=m", "?fieldManager=m&force=true"]))
    data = written(body)
    cut = draw(st.sampled_from([None, None, None, 1, len(data) // 2]))
    return kind, method, below + query, data[:cut], media


def written(body: Any) -> bytes:
    """As JSON, whose numbers may be too large for anybody."""
    return json.dumps(body).replace("Infinity", "1e999").encode()


def as_in_a_later_life(kind: ApiKind, found: Json) -> None:
    """The object lies in the store as JSON that others read, and means the same there."""
    of_store = stored_kind(kind)
    data = of_store.encode(Stored(found))
    again = of_store.decode(Entry(data, 1)).object
    assert json.loads(data, parse_constant=lambda text: 1 / 0) == again
    assert kind is not TRAFFIC_POLICY or with_conditions(again, conditions(again, lambda _: True))


async def check_all(world: ApiWorld, kind: ApiKind) -> None:
    """Whatever is there can be read in every way."""
    for held in world.of[kind].listed():
        as_in_a_later_life(kind, held.object)
    path = f"{PATHS[kind]}?labelSelector=a!%3Db&includeObject=Object"
    code, found = await world.ask("GET", path, Accept=TABLE)
    assert (code, len(found["rows"])) == (200, len(world.of[kind]))


async def send(world: ApiWorld, request: tuple[ApiKind, str, str, bytes, str]) -> None:
    """Send it, and judge the answer."""
    kind, method, rest, data, media = request
    what = (method, PATHS[kind] + rest, data)
    code, said = await world.ask(*what, Content_Type=media)
    assert code < 500, (what, said)
    assert {"kind", "apiVersion"} <= said.keys(), (what, said)
    assert code < 400 or (said["kind"] == "Status" and said["message"]), (what, said)
    if code < 400:
        await check_all(world, kind)


async def with_one_of_each(world: ApiWorld) -> None:
    """Objects to change."""
    for path in PATHS.values():
        await world.ask("POST", path, {"metadata": {"name": "near"}})


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(requests(), min_size=1, max_size=6))
def test_whatever_is_sent_is_answered_and_can_be_read_again(sent: list[Any]) -> None:
    async def act() -> None:
        async with api_world() as world:
            await with_one_of_each(world)
            for request in sent:
                await send(world, request)

    asyncio.run(act())


@pytest.mark.parametrize(
    ("method", "rest", "media"),
    [
        ("POST", "", TYPES[0]),
        ("PUT", "/near", TYPES[0]),
        ("PUT", "/near/status", TYPES[0]),
        ("PATCH", "/near", TYPES[1]),
        ("PATCH", "/near/status", TYPES[1]),
        ("PATCH", "/near?fieldManager=m&force=true", TYPES[4]),
        ("PATCH", "/near/status?fieldManager=m&force=true", TYPES[4]),
    ],
)
async def test_each_value_may_be_any_other(method: str, rest: str, media: str) -> None:
    async with api_world() as world:
        await with_one_of_each(world)
        for way in places(WHOLE):
            for odd in ODD:
                data = written(changed(WHOLE, way, odd))
                await send(world, (TRAFFIC_POLICY, method, rest, data, media))
        assert world.of[TRAFFIC_POLICY].get("shop", "near") is not None
