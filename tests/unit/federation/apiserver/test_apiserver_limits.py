"""The bounds of the Kubernetes-style API, each gone beyond."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from federation.api.kinds import TRAFFIC_POLICY
from federation.apiserver import streams
from federation.apiserver.collection import Collection, Held, PastIsGoneError, Revisions
from federation.apiserver.metadata import MOST_ANNOTATION_BYTES, MOST_FINALIZERS, mistakes
from federation.apiserver.paging import KEPT_SECONDS, MOST_LISTS, Pages
from federation.apiserver.reading import LONGEST_WATCH_SECONDS, watch_seconds
from federation.apiserver.selectors import LONGEST, of_fields, of_labels
from federation.apiserver.statuses import StatusError
from tests.unit.fakes.api_world import TOKEN, ApiWorld, api_world

ALL = "/apis/fedmesh.dev/v1alpha1/trafficpolicies"
POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


def collection(kept: int) -> Collection:
    return Collection(TRAFFIC_POLICY, Revisions(10), kept)


def policy(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}}


async def test_so_many_watches_are_served_and_no_more(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.kubernetes._streams = streams.Streams(most=5, most_of_one=2)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        world.client.get(f"{ALL}?watch=true", headers=headers) as one,
        world.client.get(f"{ALL}?watch=true", headers=headers) as two,
    ):
        assert (one.status, two.status) == (200, 200)
        status, said = await world.ask("GET", f"{ALL}?watch=true")
        assert (status, said["reason"]) == (429, "TooManyRequests")
        assert world.headers["Retry-After"] == "1"
        status, _ = await world.ask("GET", ALL)
        assert status == 200


async def test_a_watch_that_nobody_reads_ends(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STALL_SECONDS", 0.05)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    large = {"metadata": {"annotations": {"a": "x" * 200_000}}}
    await world.ask("POST", POLICIES, {"metadata": {"name": "near"}})
    merge = "application/merge-patch+json"
    async with world.client.get(f"{ALL}?watch=true", headers=headers) as answer:
        for turn in range(60):
            large["metadata"]["annotations"]["turn"] = str(turn)
            await world.ask("PATCH", f"{POLICIES}/near", large, Content_Type=merge)
            if not world.kubernetes._streams._of:
                break
            await asyncio.sleep(0)
        assert answer.status == 200
        assert not world.kubernetes._streams._of


def test_a_watch_lasts_so_long_at_most() -> None:
    assert watch_seconds({"timeoutSeconds": "999999"}) == LONGEST_WATCH_SECONDS
    assert watch_seconds({"timeoutSeconds": "5"}) == 5
    assert 1_800 <= watch_seconds({}) <= 3_600


def test_a_past_that_is_not_kept_is_said() -> None:
    found = collection(kept=3)
    for name in "abcde":
        found.put(policy(name))
    assert [event.held.object["metadata"]["name"] for event in found.after(12)] == ["c", "d", "e"]
    with pytest.raises(PastIsGoneError):
        found.after(11)
    with pytest.raises(PastIsGoneError):
        found.after(10_000)


def held(count: int) -> tuple[Held, ...]:
    return tuple(Held(("shop", str(i)), b"{}", i) for i in range(count))


def test_only_so_many_lists_are_kept_for_paging() -> None:
    pages = Pages()
    first = pages.first(held(3), 1, 1, "me", 0.0)
    for _ in range(MOST_LISTS):
        pages.first(held(3), 1, 1, "me", 0.0)
    with pytest.raises(StatusError, match="too old"):
        pages.next(first.token, 1, "me", 0.0)


def test_a_list_is_kept_for_so_long() -> None:
    pages = Pages()
    page = pages.first(held(3), 1, 1, "me", 0.0)
    with pytest.raises(StatusError, match="too old"):
        pages.next(page.token, 1, "somebody else", 1.0)
    second = pages.next(page.token, 1, "me", KEPT_SECONDS)
    assert (second.remaining, len(second.items)) == (1, 1)
    with pytest.raises(StatusError, match="too old"):
        pages.next(second.token, 1, "me", KEPT_SECONDS + 1)


@pytest.mark.parametrize("token", ["x", "W10=", "WzEsMl0=", "WyJhIiwtMV0=", "a" * 5_000])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(StatusError):
        Pages().next(token, 1, "me", 0.0)


def test_a_selector_is_of_some_length_at_most() -> None:
    text = ",".join(["a=b"] * (LONGEST // 4 + 2))
    with pytest.raises(StatusError, match="must have"):
        of_labels(text)
    with pytest.raises(StatusError, match="must have"):
        of_fields(text, TRAFFIC_POLICY)


def test_what_metadata_may_hold_is_bounded() -> None:
    name = {"name": "near"}
    size = MOST_ANNOTATION_BYTES
    for found in (
        {**name, "annotations": {"a": "x" * size}},
        {**name, "finalizers": [f"example.com/{i}" for i in range(MOST_FINALIZERS + 1)]},
    ):
        assert list(mistakes(found, is_label=True)), json.dumps(found)[:80]
    assert not list(mistakes({**name, "annotations": {"a": "x" * (size - 1)}}, is_label=True))
