"""What crosses a border is read once there: whoever uses it is given the value."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cluster_agent.dns.feed import Feed
from cluster_agent.dns.table import Table as Names
from cluster_agent.uplink.facts import Facts
from federation.controller.facts.hub import Hub
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.store.store import Row
from federation.model.names import ClusterId
from federation.model.observations import Observation
from federation.model.zones import GatewayNames
from federation.runtime.disk import Disk
from federation.wire import codec
from federation.wire.codec import clusters, headless, proxies, services, zones
from federation.xds.messages import Response
from federation.xds.receiver import Receiver
from federation.xds.resources import resource
from tests.dns.zones import EAST as HERE
from tests.unit.builders import backend, cluster, export, gateway, service
from tests.unit.builders import headless as endpoints
from tests.unit.cluster_agent.dns.test_dns_answer import API, ZONES

EAST = ClusterId("east")
REPORTED = (
    Observation(EAST),
    gateway(),
    endpoints("east", "10.2.0.1"),
    backend("east"),
    export("east"),
)
TOLD = (cluster("east"), endpoints("east", "10.2.0.1"), backend("east"), service("east"))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many messages of each kind were parsed."""
    count: Counter[str] = Counter()
    for module in (clusters, headless, proxies, services, zones):
        parse: Any = vars(module)["parse_message"]

        def counted(message: Any, body: bytes, parse: Any = parse) -> Any:
            count[type(message).__name__] += 1
            return parse(message, body)

        monkeypatch.setattr(module, "parse_message", counted)
    return count


def hub() -> Hub:
    made = Hub(Registry())
    made.registry.set_member(Member(EAST, "east.mesh.test", "eu", anchors=("PEM",)))
    return made


def test_the_controller_reads_a_report_once(read: Counter[str]) -> None:
    there = hub()
    receiver = there.receiver(EAST)
    for number, value in enumerate(REPORTED):
        kind = codec.kind_of(value)
        said = Response(kind.type_url, str(number), (codec.resource_of(value),), complete=1)
        there.apply(EAST, receiver.receive(said), 1_000.0)
    assert there.registry.table.get(codec.SERVICE, "shop/api") is not None
    assert read == dict.fromkeys(("Observation", "Gateway", "Headless", "Backend", "Export"), 1)


def test_the_controller_reads_what_it_stored_once(read: Counter[str]) -> None:
    there = hub()
    rows = [
        Row(EAST, codec.kind_of(v).type_url, found.name, found.body, 0)
        for v in REPORTED[1:]
        for found in [codec.resource_of(v)]
    ]
    assert there.restore("epoch", 1, there.registry.members.values(), rows) == ()
    assert there.registry.table.get(codec.SERVICE, "shop/api") is not None
    assert read == dict.fromkeys(("Gateway", "Headless", "Backend", "Export"), 1)


def test_an_agent_reads_a_fact_once(read: Counter[str]) -> None:
    receiver, facts = Receiver("agent", codec.FACTS, codec.read_fact), Facts()
    for number, value in enumerate(TOLD):
        kind = codec.kind_of(value)
        told = Response(kind.type_url, str(number), (codec.fact_of(value),), complete=1)
        facts.apply(receiver.receive(told).changes)
    assert facts.of(service("east").name, EAST) is not None
    assert read == dict.fromkeys(("Cluster", "Headless", "Backend", "Service"), 1)


def test_a_dns_server_reads_a_name_once(tmp_path: Path, read: Counter[str]) -> None:
    feed = Feed(Names(ZONES), tmp_path, lambda: None, Disk())
    for number, value in enumerate((GatewayNames(HERE, ("10.9.0.1",)), API)):
        kind = codec.kind_of(value)
        told = Response(kind.type_url, str(number), (codec.resource_of(value),), complete=1)
        feed.apply(feed.receiver.receive(told))
    assert read == dict.fromkeys(("GatewayNames", "ServiceNames"), 1)


def test_what_is_on_the_disk_and_cannot_be_read_is_not_all_there_is() -> None:
    receiver = Receiver("agent", codec.FACTS, codec.read_fact)
    good, bad = codec.fact_of(cluster("east")), resource("west", b"\xff")
    receiver.restore(codec.CLUSTER, (good, bad), None, complete=True)
    receiver.restore(codec.BACKEND, (codec.fact_of(backend("east")),), None, complete=True)
    assert [change.name for change in receiver.taken_back()] == ["east", "shop/api@east"]
    assert receiver.held(codec.CLUSTER).keys() == {"east"}
    assert not receiver.is_complete(codec.CLUSTER)
    assert receiver.is_complete(codec.BACKEND)
