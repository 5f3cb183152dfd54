"""What is seen of gateways: what their cluster says of them, and whether it is heard itself."""

from typing import Any

from federation.controller.facts.hub import Hub
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.objects import views
from federation.model.names import ClusterId
from federation.model.proxies import Kind, KnownProxy, State
from tests.unit.builders import gateway, said

EAST = ClusterId("east")
MEMBER = Member(EAST, "east.mesh.test", "eu")
NOW = 1_000.0


def seen(*proxies: KnownProxy, heard: bool = True) -> dict[str, Any]:
    """The status of the gateway of a cluster that reported this."""
    hub = Hub(Registry())
    hub.set_member(MEMBER)
    hub.registry.apply(EAST, [said(gateway()), *map(said, proxies)], 0)
    if heard:
        presence = hub.presence(EAST)
        presence.streams, presence.last_seen = 1, NOW
    (found,) = views.gateways(hub, MEMBER, NOW)
    status: dict[str, Any] = found["status"]
    return status


def test_a_gateway_is_connected_when_its_agent_hears_of_it_and_is_heard() -> None:
    there = KnownProxy(Kind.GATEWAY, gateway().name, True, State.SERVING, "0.1.0")
    away = KnownProxy(Kind.GATEWAY, gateway().name, False, State.SERVING, "0.1.0")
    assert (seen(there)["connected"], seen(there)["version"]) == (True, "0.1.0")
    assert not seen(away)["connected"]
    assert not seen(there, heard=False)["connected"]


def test_of_a_gateway_of_an_older_agent_only_the_agent_is_known() -> None:
    other = KnownProxy(Kind.SIDECAR, f"shop/{gateway().name}", False, State.SERVING, "0.1.0")
    assert (seen(other)["connected"], seen(other)["version"]) == (True, "")
