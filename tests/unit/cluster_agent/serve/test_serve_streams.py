"""Which streams a change wakes, who is connected, and who fell silent."""

from cluster_agent.serve.streams import OpenStream, ProxyStreams
from cluster_agent.snapshot.tables import Changed
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node
from federation.model.types import CLUSTER
from federation.planning.liveness import SILENT_SECONDS
from federation.xds.messages import WILDCARD, Request
from federation.xds.resources import resource
from federation.xds.rules import Rule
from federation.xds.sender import Sender
from federation.xds.snapshot import Table

API, GHOST = Node(Kind.SIDECAR, "shop/api-1"), Node(Kind.SIDECAR, "shop/ghost")
GATEWAY = Node(Kind.GATEWAY, "gw")
ZONE_A, ZONE_B = Scope("a"), Scope("b")


def streams() -> ProxyStreams:
    """Of a cluster that has one pod."""
    return ProxyStreams(lambda node: node == API)


def check(found: ProxyStreams, now: float) -> tuple[set[Node], set[Node]]:
    """Who fell silent, and who is alive again."""
    silent, alive = found.check_silence(now)
    return set(silent), set(alive)


def fed(table: Table) -> Sender:
    """A sender to somebody who wants all clusters."""
    sender = Sender(table, (Rule(CLUSTER),))
    sender.receive(Request(CLUSTER, "node", (WILDCARD,)), 0.0)
    return sender


def test_a_change_wakes_those_that_read_its_table() -> None:
    found = streams()
    table = Table()
    one, other = (OpenStream((zone,), fed(table), API) for zone in (ZONE_A, ZONE_B))
    with found.opened(one), found.opened(other):
        found.wake([Changed(ZONE_A, CLUSTER, "api")])
        assert (one.wake.is_set(), other.wake.is_set()) == (True, False)
        found.wake_all()
        assert other.wake.is_set()
    one.wake.clear()
    found.wake([Changed(ZONE_A, CLUSTER, "api")])
    assert not one.wake.is_set(), "it is closed"


def test_nobody_waits_for_what_a_silent_proxy_owes() -> None:
    found = streams()
    table = Table()
    table.put(CLUSTER, resource("api", b"1"))
    with found.opened(OpenStream((ZONE_A,), fed(table), API)) as stream:
        found.connect(API)
        found.record_life(API, 0.0)
        assert isinstance(stream.sender, Sender)
        stream.sender.next_response(0.0)
        assert not found.is_quiet()
        assert not found.have_acknowledged(CLUSTER)
        assert check(found, SILENT_SECONDS + 1) == ({API}, set())
        assert found.is_quiet()
        assert found.connected(Kind.SIDECAR) == set()
        assert found.silent == ("sidecar shop/api-1",)
        found.record_life(API, SILENT_SECONDS + 2)
        assert check(found, SILENT_SECONDS + 2) == (set(), {API})
        assert not found.is_quiet()


def test_a_proxy_is_gone_with_its_last_stream() -> None:
    found = streams()
    found.connect(GATEWAY)
    found.connect(GATEWAY)
    assert found.connected(Kind.GATEWAY) == {"gw"}
    assert not found.disconnect(GATEWAY)
    assert found.disconnect(GATEWAY)
    assert found.connected(Kind.GATEWAY) == set()


def test_only_who_should_be_there_is_silent_without_a_stream() -> None:
    found = streams()
    for node in (API, GHOST, GATEWAY):
        found.record_life(node, 0.0)
    assert check(found, SILENT_SECONDS + 1) == ({API}, set())
    found.leave(API)
    assert check(found, SILENT_SECONDS + 1) == (set(), {API}), "it went in order"
