"""What the controller holds becomes what `fedctl status` says."""

import pytest

from federation.controller.hub import Hub
from federation.controller.registry import Member, Registry
from federation.controller.status import all_problems, life_of, state_of
from federation.model.names import ClusterId
from federation.model.observations import Observation, Rejected, Remote
from federation.planning.liveness import Life
from federation.wire import codec, codec_proxies
from federation.xds.messages import Response
from federation.xds.resources import resource
from tests.unit.builders import export, gateway

EAST, WEST = ClusterId("east"), ClusterId("west")
MEMBERS = [Member(c, f"{c}.mesh.test", "eu", anchors=("PEM",)) for c in (EAST, WEST)]
GATEWAY = gateway("10.1.0.1")


@pytest.fixture
def hub() -> Hub:
    made = Hub(Registry())
    made.restore("epoch", 1, MEMBERS, [])
    for member in MEMBERS:
        made.presence(member.id).streams = 1
        made.presence(member.id).last_seen = 14.0
    return made


def say(hub: Hub, cluster: ClusterId, type_url: str, name: str, body: bytes) -> None:
    response = Response(type_url, "1", (resource(name, body),))
    hub.apply(cluster, hub.receiver(cluster).receive(response), 10.0)


def whats(hub: Hub) -> list[str]:
    return [problem["what"] for problem in all_problems(hub, "", 15.0)]


def test_two_connected_clusters_have_no_problems(hub: Hub) -> None:
    say(hub, EAST, codec.GATEWAY, GATEWAY.name, codec.encode_gateway(GATEWAY))
    say(hub, EAST, codec.EXPORT, "shop/api", codec.encode_export(export("east")))
    assert whats(hub) == []


def test_refused_reports_are_told_with_their_time(hub: Hub) -> None:
    say(hub, EAST, codec.EXPORT, "shop/api", codec.encode_export(export("west")))
    (problem,) = all_problems(hub, "", 15.0)
    assert problem["where"] == "east"
    assert "Export shop/api: it names cluster west" in problem["what"]
    assert problem["since"] == 10.0


def seen(*remotes: Remote, rejected: tuple[Rejected, ...] = ()) -> bytes:
    return codec_proxies.encode_observation(Observation(WEST, remotes, (), rejected))


def test_a_gateway_that_a_connected_cluster_does_not_reach_is_a_problem(hub: Hub) -> None:
    say(hub, EAST, codec.GATEWAY, GATEWAY.name, codec.encode_gateway(GATEWAY))
    say(hub, WEST, codec.OBSERVATION, "west", seen(Remote(EAST, GATEWAY.name, False)))
    assert whats(hub) == [f"gateway {GATEWAY.name} is not reached from west"]
    hub.presence(WEST).streams = 0
    hub.presence(WEST).last_seen = 14.0
    assert whats(hub) == [], "what a silent one saw last says nothing of now"


def test_a_gateway_that_nobody_knows_any_more_is_no_problem(hub: Hub) -> None:
    say(hub, WEST, codec.OBSERVATION, "west", seen(Remote(EAST, "gone", False)))
    assert whats(hub) == []


def test_what_a_proxy_does_not_take_travels_up_to_the_problems(hub: Hub) -> None:
    bad = Rejected("sidecar shop/api-1", "a.b.Cluster", "80.api", "too large")
    say(hub, WEST, codec.OBSERVATION, "west", seen(rejected=(bad,)))
    assert whats(hub) == ["sidecar shop/api-1 does not take Cluster 80.api: too large"]
    say(hub, WEST, codec.OBSERVATION, "west", seen())
    assert whats(hub) == []


def test_silence_and_clocks_are_seen(hub: Hub) -> None:
    hub.presence(EAST).clock = 100.0
    hub.presence(WEST).streams = 0
    hub.presence(WEST).last_seen = 3.0
    hub.presence(EAST).last_seen = 19.0
    assert life_of(hub, EAST, 20.0) is Life.LIVE
    assert life_of(hub, EAST, 30.0) is Life.SUSPECT, "its stream is open, but nothing is heard"
    assert life_of(hub, WEST, 4.0) is Life.LIVE
    assert state_of(hub, MEMBERS[0], 20.0).clock == 100.0
    assert whats(hub) == [
        "its agent's clock is 100 s ahead of the controller's",
        "its agent is silent",
    ]
