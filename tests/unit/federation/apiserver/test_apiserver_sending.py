"""Long lists and watches are made as they are taken, and end with who takes nothing."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from federation.api.kinds import TRAFFIC_POLICY
from federation.apiserver.collection import Collection, Revisions
from federation.apiserver.sending import BYTES_AT_ONCE, pieces
from federation.apiserver.watching import LOOK_SECONDS, Watch, lines
from tests.unit.fakes.api_world import ApiWorld, api_world

Json = dict[str, Any]

POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def large(name: str) -> Json:
    """A policy that is a piece of its own."""
    return {
        "apiVersion": TRAFFIC_POLICY.api_version,
        "kind": TRAFFIC_POLICY.kind,
        "metadata": {
            "name": name,
            "namespace": "shop",
            "annotations": {"a": "x" * BYTES_AT_ONCE},
        },
        "spec": {},
    }


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


def test_a_piece_is_made_when_it_is_asked_for() -> None:
    made: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(6):
            made.append(number)
            yield b"x" * (BYTES_AT_ONCE // 2)

    found = pieces(parts())
    assert (len(next(found)), made) == (BYTES_AT_ONCE, [0, 1])
    assert [len(piece) for piece in found] == [BYTES_AT_ONCE] * 2
    assert list(pieces([b"a", b"b"])) == [b"ab"]
    assert list(pieces([])) == []


async def test_a_long_list_is_sent_in_pieces_and_is_the_same(world: ApiWorld) -> None:
    for name in ("a", "b", "c"):
        world.of[TRAFFIC_POLICY].put(large(name))
    code, found = await world.ask("GET", POLICIES)
    assert code == 200
    assert world.headers["Transfer-Encoding"] == "chunked"
    assert found["kind"] == "TrafficPolicyList"
    assert [len(one["metadata"]["annotations"]["a"]) for one in found["items"]] == [
        BYTES_AT_ONCE
    ] * 3
    _, rows = await world.ask("GET", POLICIES, Accept=TABLE)
    assert [row["cells"][0] for row in rows["rows"]] == ["a", "b", "c"]
    assert rows["metadata"] == found["metadata"]


async def test_a_short_list_is_sent_at_once(world: ApiWorld) -> None:
    code, found = await world.ask("GET", POLICIES)
    assert (code, found["items"]) == (200, [])
    assert int(world.headers["Content-Length"]) > 0


async def test_the_bookmark_after_all_is_of_when_they_were_taken() -> None:
    collection = Collection(TRAFFIC_POLICY, Revisions(1_000))
    for name in ("a", "b"):
        collection.put(large(name))
    taken = collection.revision
    watch = Watch("", None, None, bookmarks=True, initial_end=True)
    stream = lines(collection, watch, lambda found: found, lambda: 60.0)
    found = [await anext(stream)]
    collection.put(large("c"))  # while the first one is being sent
    while b"initial-events-end" not in found[-1]:
        found.append(await anext(stream))
    bookmark = json.loads(found[-1].splitlines()[-1])["object"]["metadata"]
    assert bookmark["resourceVersion"] == str(taken)
    later = json.loads(await anext(stream))
    assert (later["type"], later["object"]["metadata"]["name"]) == ("ADDED", "c")


async def test_it_is_soon_seen_that_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def wait(self: Collection, seen: int, seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(Collection, "wait", wait)
    collection = Collection(TRAFFIC_POLICY, Revisions(1_000))
    watch = Watch("", None, collection.revision)
    stream = lines(collection, watch, lambda found: found, lambda: 60.0)
    assert [await anext(stream), await anext(stream)] == [b"", b""]
    assert waited == [LOOK_SECONDS]
