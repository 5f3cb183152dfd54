"""What the agent tells becomes the table, and the table of the next start."""

from pathlib import Path

from cluster_agent.dns.answer import Counts, answer
from cluster_agent.dns.feed import Feed
from cluster_agent.dns.table import Table
from federation.model.zones import GatewayNames
from federation.runtime.disk import Disk
from federation.wire import codec, last_good
from federation.wire.codec.zones import encode_gateway_names, encode_service_names
from federation.xds.messages import Response
from federation.xds.receiver import Receiver
from federation.xds.resources import Resource, resource
from tests.dns.zones import EAST
from tests.unit.cluster_agent.dns.test_dns_answer import API, NAME, ZONES, query

SERVICE = resource("shop/api", encode_service_names(API))
GATEWAYS = resource(EAST, encode_gateway_names(GatewayNames(EAST, ("10.9.0.1",))))


class World:
    """A feed and its table."""

    def __init__(self, folder: Path) -> None:
        self.table = Table(ZONES)
        self.changes = 0
        self.receiver = Receiver("dns", codec.NAMES, codec.read)
        self.feed = Feed(self.table, folder, self._count, Disk())

    def _count(self) -> None:
        self.changes += 1

    def tell(self, type_url: str, *found: Resource, removed: tuple[str, ...] = ()) -> None:
        """The agent says this, and that it is all."""
        response = Response(type_url, "1", found, removed, None, len(found))
        self.feed.apply(self.receiver.receive(response))

    def code(self) -> int:
        reply = answer(self.table, query(NAME), Counts())
        assert reply is not None
        return reply[3] & 15


def held(folder: Path, *, services_complete: bool = True) -> None:
    """What an earlier server was told, on the disk."""
    receiver = Receiver("dns", codec.NAMES, codec.read)
    receiver.restore(codec.SERVICE_NAMES, (SERVICE,), None, complete=services_complete)
    receiver.restore(codec.GATEWAY_NAMES, (GATEWAYS,), None, complete=True)
    last_good.save(folder, receiver, codec.NAMES)


def test_names_are_answered_once_the_agent_has_said_all(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.feed.load()
    assert world.code() == 2
    world.tell(codec.SERVICE_NAMES, SERVICE)
    assert world.code() == 2, "the gateways are not known yet"


def test_a_server_that_starts_without_its_agent_answers_from_its_disk(tmp_path: Path) -> None:
    held(tmp_path)
    world = World(tmp_path)
    world.feed.load()
    assert world.code() == 0
    assert world.changes == 2


def test_what_was_not_complete_is_not_taken_for_all(tmp_path: Path) -> None:
    held(tmp_path, services_complete=False)
    world = World(tmp_path)
    world.feed.load()
    assert world.code() == 2


def test_a_service_that_is_gone_is_not_answered(tmp_path: Path) -> None:
    held(tmp_path)
    world = World(tmp_path)
    world.feed.load()
    last_good.load(tmp_path, world.receiver, codec.NAMES)
    world.tell(codec.SERVICE_NAMES, removed=("shop/api",))
    assert world.code() == 3
