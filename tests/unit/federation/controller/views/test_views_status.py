"""What the controller holds becomes what `fedctl status` says."""

from dataclasses import replace

import pytest

from federation.controller.facts.hub import Hub
from federation.controller.facts.liveness import life_of
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.views.controller_problems import Own
from federation.controller.views.problem import Problem
from federation.controller.views.status import all_problems, checks_view, problem_view, state_of
from federation.model.names import ClusterId
from federation.model.observations import Observation, ProxyNack, Remote
from federation.planning.liveness import Life
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource
from tests.unit.builders import backend, export, gateway

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


def found(hub: Hub, now: float = 15.0) -> list[Problem]:
    return all_problems(hub, Own(), now)


def whats(hub: Hub) -> list[str]:
    return [problem.what for problem in found(hub)]


def test_two_connected_clusters_have_no_problems(hub: Hub) -> None:
    say(hub, EAST, codec.GATEWAY, GATEWAY.name, codec.encode(GATEWAY))
    say(hub, EAST, codec.BACKEND, "shop/api", codec.encode(backend("east", ready=2)))
    say(hub, EAST, codec.EXPORT, "shop/api", codec.encode(export("east")))
    assert whats(hub) == []


def test_refused_reports_are_told_with_their_time(hub: Hub) -> None:
    say(hub, EAST, codec.EXPORT, "shop/api", codec.encode(export("west")))
    (problem,) = found(hub)
    assert problem.where == "east"
    assert "Export shop/api: it names cluster west" in problem.what
    assert problem.since == 10.0


def seen(*remotes: Remote, rejected: tuple[ProxyNack, ...] = ()) -> bytes:
    return codec.encode(Observation(WEST, remotes, (), rejected))


def test_a_gateway_that_a_connected_cluster_does_not_reach_is_a_problem(hub: Hub) -> None:
    say(hub, EAST, codec.GATEWAY, GATEWAY.name, codec.encode(GATEWAY))
    say(hub, WEST, codec.OBSERVATION, "west", seen(Remote(EAST, GATEWAY.name, False)))
    (problem,) = found(hub)
    assert problem.check == "no-gateway-serves"
    assert f"gateway {GATEWAY.name} is not reached from west" in problem.what
    hub.presence(WEST).streams = 0
    hub.presence(WEST).last_seen = 14.0
    assert whats(hub) == [], "what a silent one saw last says nothing of now"


def test_a_gateway_that_nobody_knows_any_more_is_no_problem(hub: Hub) -> None:
    say(hub, WEST, codec.OBSERVATION, "west", seen(Remote(EAST, "gone", False)))
    assert whats(hub) == []


def test_what_a_proxy_does_not_take_travels_up_to_the_problems(hub: Hub) -> None:
    bad = ProxyNack("sidecar shop/api-1", "a.b.Cluster", "80.api", "too large")
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
        "its agent is silent",
        "its agent's clock is 100 s ahead of the controller's",
    ]


def test_a_service_is_unwell_while_a_cluster_that_exports_it_has_nothing_ready(hub: Hub) -> None:
    for cluster, address in ((EAST, "10.1.0.1"), (WEST, "10.2.0.1")):
        made = gateway(address)
        say(hub, cluster, codec.GATEWAY, made.name, codec.encode(made))
        say(hub, cluster, codec.EXPORT, "shop/api", codec.encode(export(cluster)))
    assert [p.check for p in found(hub)] == ["service-unavailable"]
    say(hub, EAST, codec.BACKEND, "shop/api", codec.encode(backend("east", ready=2)))
    assert [(p.check, p.where) for p in found(hub)] == [("export-without-endpoints", "west")]
    say(hub, WEST, codec.BACKEND, "shop/api", codec.encode(backend("west")))
    assert found(hub) == []


def test_what_an_export_asks_for_in_vain_is_told(hub: Hub) -> None:
    for cluster, address in ((EAST, "10.1.0.1"), (WEST, "10.2.0.1")):
        made = gateway(address)
        say(hub, cluster, codec.GATEWAY, made.name, codec.encode(made))
    say(hub, EAST, codec.BACKEND, "shop/api", codec.encode(backend("east")))
    odd = replace(export("east"), session_affinity="ClientIP", session_seconds=60)
    say(hub, EAST, codec.EXPORT, "shop/api", codec.encode(odd))
    (problem,) = found(hub)
    assert problem.check == "export-limited"
    assert "sessionAffinity ClientIP" in problem.what
    say(hub, EAST, codec.EXPORT, "shop/api", codec.encode(export("east")))
    assert found(hub) == []


def test_what_nobody_can_date_is_as_old_as_it_was_found_first(hub: Hub) -> None:
    hub.presence(EAST).clock = 100.0
    assert [p.since for p in found(hub, 15.0)] == [15.0]
    hub.presence(EAST).clock = 101.0
    assert [p.since for p in found(hub, 17.0)] == [15.0], "in other words, but the same"


def test_the_api_shows_problems_with_all_fields_and_every_check(hub: Hub) -> None:
    hub.presence(EAST).clock = 100.0
    problems = found(hub)
    assert [problem_view(p) for p in problems] == [
        {
            "id": "clock-differs",
            "severity": "warning",
            "group": "clusters",
            "where": "east",
            "subject": "",
            "what": "its agent's clock is 100 s ahead of the controller's",
            "since": 15.0,
            "remedy": "set the clock (NTP): beyond 5 minutes certificates are refused",
        }
    ]
    counts = {check["id"]: check["problems"] for check in checks_view(problems)}
    assert counts.pop("clock-differs") == 1
    assert set(counts.values()) == {0}
