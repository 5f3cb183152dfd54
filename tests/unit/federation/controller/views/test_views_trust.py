"""How trust stands: who does not know a new key yet, and what is said about it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from federation.controller.facts.hub import Hub
from federation.controller.facts.registry import Registry
from federation.controller.member import Member, anchor_keys
from federation.controller.views.trust import trust_view, waiting_for
from federation.model.names import ClusterId
from federation.model.observations import Observation
from federation.trust.issue import make_root, make_twin, new_key
from federation.trust.pem import pem
from federation.trust.profile import root_profile, twin_profile
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECONDS = NOW.timestamp()
EAST, WEST, NORTH = ClusterId("east"), ClusterId("west"), ClusterId("north")


def anchor(cluster: str) -> str:
    return pem(make_twin(new_key(), twin_profile(f"{cluster}.mesh.test"), NOW)).decode()


def hub_of(*members: Member) -> Hub:
    hub = Hub(Registry())
    hub.restore("first", 1, members, ())
    return hub


def member(cluster: ClusterId, anchors: int = 1) -> Member:
    pems = tuple(anchor(cluster) for _ in range(anchors))
    made = Member(cluster, f"{cluster}.mesh.test", "eu", anchors=pems)
    return replace(made, replace_key=anchor_keys(made)[-1] if anchors > 1 else "")


def believe(hub: Hub, cluster: ClusterId, version: str) -> None:
    """A cluster says that all its proxies have taken a version of east's bundle."""
    seen = Observation(cluster, believed=(("east.mesh.test", version),))
    said = Response(codec.OBSERVATION, "1", (resource(cluster, codec.encode(seen)),))
    hub.apply(cluster, hub.receiver(cluster).receive(said), SECONDS)


def version_of_east(hub: Hub) -> str:
    found = hub.registry.table.get(codec.BUNDLE, "east.mesh.test")
    assert found is not None
    return found.version


def test_a_new_key_waits_for_every_cluster_its_own_included() -> None:
    hub = hub_of(member(EAST, 2), member(WEST))
    assert waiting_for(hub, EAST, SECONDS) == (EAST, WEST)
    believe(hub, EAST, version_of_east(hub))
    believe(hub, WEST, "an older one")
    assert waiting_for(hub, EAST, SECONDS) == (WEST,)
    believe(hub, WEST, version_of_east(hub))
    assert waiting_for(hub, EAST, SECONDS) == ()


def test_nobody_waits_for_a_cluster_that_is_away_for_good() -> None:
    revoked = replace(member(WEST), anchors=(), revoked=True)
    leaving = replace(member(NORTH), leaving=True)
    hub = hub_of(member(EAST, 2), revoked, leaving)
    believe(hub, EAST, version_of_east(hub))
    assert waiting_for(hub, EAST, SECONDS) == ()


def test_the_view_shows_chain_ages_and_next_step() -> None:
    hub = hub_of(member(EAST, 2), member(WEST))
    hub.presence(WEST).intermediate = (NOW - timedelta(minutes=5), NOW + timedelta(days=7))
    root = make_root(new_key(), root_profile("mesh.test"), NOW)
    found = trust_view(hub, root, None, SECONDS)
    assert found["controller"] is None
    east, west = found["clusters"]
    assert east["waiting"] == ["east", "west"]
    assert east["next"].startswith("its new key is not known yet in east, west; then its old key")
    assert west["intermediate"]["not_after"] == "2026-03-08T00:00:00Z"
    assert west["next"] == "renewed at 2026-03-04T12:00:00Z"
