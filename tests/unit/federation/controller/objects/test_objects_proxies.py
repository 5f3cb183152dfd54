"""Proxies as objects: unique names, only what changed, some at a time, an event for a refusal."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from federation.api.kinds import EVENT
from federation.api.rows.own import PROXY
from federation.apiserver.collection import Collection, Revisions
from federation.controller.facts.reported_proxies import ReportedProxies
from federation.controller.objects.events import Events
from federation.controller.objects.proxies import (
    LONGEST_NAME,
    MOST,
    MOST_EVENTS,
    ShownProxies,
    object_name,
    proxy_object,
)
from federation.model.names import ClusterId, parse_object_name
from federation.model.proxies import Kind, KnownProxy, Nack, State

Json = dict[str, Any]
EAST, WEST = ClusterId("east"), ClusterId("west")
SIDECAR = KnownProxy(Kind.SIDECAR, "shop/api-1", True, State.SERVING, "0.1.0", 1_800_000_000)
BAD = Nack("type.googleapis.com/a.b.Cluster", "80.api", "too large")


class World:
    """What is reported, and what is shown of it."""

    def __init__(self) -> None:
        revisions = Revisions(1)
        self.proxies = ReportedProxies()
        self.collection = Collection(PROXY, revisions)
        self.events = Collection(EVENT, revisions)
        self.shown = ShownProxies(self.proxies, self.collection, Events(self.events))

    def say(self, proxy: KnownProxy, cluster: ClusterId = EAST) -> None:
        self.proxies.take(cluster, proxy.name, proxy)

    def names(self) -> list[str]:
        return [held.object["metadata"]["name"] for held in self.collection.listed()]

    def messages(self) -> list[str]:
        return [held.object["message"] for held in self.events.listed()]


def test_a_proxy_is_an_object_with_what_is_seen_of_it() -> None:
    found = proxy_object((EAST, replace(SIDECAR, refused=(BAD,))))
    assert found["metadata"]["name"] == "east.sidecar.shop.api-1"
    assert found["metadata"]["labels"] == {"fedmesh.dev/cluster": "east"}
    assert found["status"] == {
        "cluster": "east",
        "kind": "sidecar",
        "id": "shop/api-1",
        "connected": True,
        "state": "serving",
        "version": "0.1.0",
        "certificateExpires": "2027-01-15T08:00:00Z",
        "refused": [{"type": BAD.type_url, "name": "80.api", "reason": "too large"}],
    }


def test_nothing_is_said_of_a_certificate_that_is_not_known() -> None:
    found = proxy_object((EAST, replace(SIDECAR, certificate_ends=0)))
    assert "certificateExpires" not in found["status"]


def test_no_two_proxies_have_one_name_and_all_names_may_be() -> None:
    texts = ("a", "gateway", "sidecar", "a.b", "b" * 63, ".".join(["p" * 60] * 4), "c" * 253)
    labels = [text for text in texts if "." not in text and len(text) <= 63]
    names = [f"gateway/{text}" for text in texts]
    names += [f"sidecar/{namespace}/{pod}" for namespace, pod in product(labels, texts)]
    clusters = [ClusterId(text) for text in ("a", "east", "e" * 63)]
    shown = [object_name(cluster, name) for cluster, name in product(clusters, names)]
    assert len(set(shown)) == len(clusters) * len(names)
    for cluster, name in product(clusters, names):
        found = object_name(cluster, name)
        assert found.startswith(f"{cluster}.")
        assert len(found) <= LONGEST_NAME
        assert parse_object_name(found, "name") == found


@pytest.mark.looptime
async def test_what_changed_is_shown_and_what_is_gone_is_not() -> None:
    world = World()
    world.say(SIDECAR)
    world.say(SIDECAR, WEST)
    await world.shown.look(1)
    assert world.names() == ["east.sidecar.shop.api-1", "west.sidecar.shop.api-1"]
    revision = world.collection.revision
    world.say(SIDECAR)
    await world.shown.look(2)
    assert world.collection.revision == revision, "that is no change for who watches"
    world.say(replace(SIDECAR, connected=False))
    world.proxies.take(WEST, SIDECAR.name, None)
    await world.shown.look(3)
    assert world.names() == ["east.sidecar.shop.api-1"]
    held = world.collection.get("", "east.sidecar.shop.api-1")
    assert held is not None
    assert held.object["status"]["connected"] is False
    assert not world.proxies.to_show


@pytest.mark.looptime
async def test_many_are_shown_some_at_a_time() -> None:
    world = World()
    for number in range(MOST + 1):
        world.say(replace(SIDECAR, id=f"shop/api-{number}"))
    await world.shown.look(1)
    assert len(world.collection) == MOST
    await world.shown.look(2)
    assert len(world.collection) == MOST + 1


@pytest.mark.looptime
async def test_what_a_proxy_newly_refuses_is_an_event() -> None:
    world = World()
    world.say(replace(SIDECAR, refused=(BAD,)))
    await world.shown.look(1)
    message = f"proxy sidecar/shop/api-1 refuses {BAD.type_url} 80.api: too large"
    assert world.messages() == [message]
    world.say(replace(SIDECAR, refused=(BAD,), certificate_ends=1))
    await world.shown.look(2)
    assert world.messages() == [message], "that it still refuses it is no news"
    world.say(replace(SIDECAR, refused=(BAD, Nack("t", "n", "r"), Nack("t", "m", "r"))))
    await world.shown.look(3)
    assert f"{message}" in world.messages()
    assert "proxy sidecar/shop/api-1 refuses t n: r (and 1 more)" in world.messages()


@pytest.mark.looptime
async def test_what_all_refuse_at_once_leaves_room_for_other_events() -> None:
    world = World()
    for number in range(100):
        world.say(replace(SIDECAR, id=f"shop/api-{number}", refused=(BAD,)))
    await world.shown.look(1)
    assert len(world.collection) == 100
    assert len(world.events) == MOST_EVENTS
