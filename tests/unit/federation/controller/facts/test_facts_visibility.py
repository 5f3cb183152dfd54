"""What one cluster sees of the facts: addresses of endpoints stay within a network."""

from dataclasses import replace

import pytest

from federation.controller.facts.hub import Hub
from federation.controller.facts.registry import Registry
from federation.controller.facts.visibility import Visible
from federation.controller.member import Member
from federation.model.names import ClusterId
from federation.wire import codec
from federation.xds.held_type import Change
from federation.xds.messages import WILDCARD, Point, Request, Response
from tests.unit.builders import backend, export, headless, said

EAST, WEST, SOUTH = map(ClusterId, ("east", "west", "south"))
FACT = "shop/api@west"


def member(cluster: ClusterId, network: str) -> Member:
    return Member(cluster, f"{cluster}.mesh.test", "eu", network=network, anchors=("PEM",))


def reports() -> list[Change]:
    return [said(v) for v in (headless("west", "10.2.0.1"), backend("west"), export("west"))]


def registry(east: str = "one", west: str = "one") -> Registry:
    found = Registry()
    for known in (member(EAST, east), member(WEST, west), member(SOUTH, "")):
        found.set_member(known)
    found.apply(WEST, reports(), 0)
    return found


@pytest.mark.parametrize(
    ("east", "west", "seen"),
    [("one", "one", True), ("one", "two", False), ("", "", False), ("", "one", False)],
)
def test_endpoints_are_seen_within_one_network_that_was_stated(
    east: str, west: str, seen: bool
) -> None:
    found = registry(east, west)
    view = Visible(found.table, found.members, set(), EAST)
    assert list(view.names(codec.HEADLESS)) == ([FACT] if seen else [])
    assert (view.get(codec.HEADLESS, FACT) is not None) is seen
    assert view.get(codec.BACKEND, FACT) is not None
    assert list(view.names(codec.SERVICE)) == ["shop/api"]


def test_a_cluster_sees_its_own_and_nobody_those_of_a_lost_one() -> None:
    found = registry("", "")
    assert Visible(found.table, found.members, set(), WEST).get(codec.HEADLESS, FACT) is not None
    found = registry()
    assert Visible(found.table, found.members, {WEST}, EAST).get(codec.HEADLESS, FACT) is None


class Listener:
    """An agent that listens for endpoints, and what it holds."""

    def __init__(self, hub: Hub, cluster: ClusterId) -> None:
        self.sender = hub.listen(cluster)
        self.held: set[str] = set()
        self.sender.receive(Request(codec.HEADLESS, subscribe=(WILDCARD,)), 0.0)
        self.hear()

    def hear(self) -> None:
        while (response := self.sender.next_response(0.0)) is not None:
            self._take(response)

    def _take(self, response: Response) -> None:
        self.held |= {found.name for found in response.resources}
        self.held -= set(response.removed)
        self.sender.receive(Request(response.type_url, nonce=response.nonce), 0.0)


def test_what_the_operator_says_of_networks_and_who_is_lost_are_told_at_once() -> None:
    hub = Hub(registry())
    hub.registry.table.mark_complete(*codec.FACTS)
    hub.registry.table.stand_at(Point("e", 1))
    east, south = Listener(hub, EAST), Listener(hub, SOUTH)
    assert (east.held, south.held) == ({FACT}, set())
    hub.set_lost({WEST})
    east.hear()
    assert east.held == set()
    hub.set_lost(set())
    east.hear()
    assert east.held == {FACT}
    hub.set_member(replace(member(WEST, "two")))
    hub.set_member(replace(member(SOUTH, "two")))
    for listener in (east, south):
        listener.hear()
    assert (east.held, south.held) == (set(), {FACT})
