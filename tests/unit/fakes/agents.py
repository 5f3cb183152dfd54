"""An agent with its source and streams, and what it tells the controller."""

from collections.abc import Iterable
from pathlib import Path

from cluster_agent.agent import Agent
from cluster_agent.report.status_news import target_of
from cluster_agent.serve.streams import ProxyStreams
from cluster_agent.snapshot.tables import Changed
from federation.model.exports import Gateway, Tombstone
from federation.model.names import ClusterId
from federation.model.observations import Observation, Remote
from federation.model.plans import ANYWHERE, Scope
from federation.model.proxies import Kind, Node, Proxy, State
from federation.model.types import ENDPOINTS, SECRET
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource
from federation.xds.snapshot import Layers
from tests.unit.builders import API, backend, cluster, service
from tests.unit.fakes.fake_source import FakeSource, FakeStatus
from tests.unit.goldens import document

EAST = ClusterId("east")


EXPORT = target_of(API)


class Streams(ProxyStreams):
    """The proxies' streams, quiet or not."""

    def __init__(self) -> None:
        super().__init__(lambda _: False)
        self.quiet = True
        self.taken = True
        self.touched: list[Changed] = []
        self.woken = 0
        self.there: dict[Kind, set[str]] = {}

    def wake(self, changed: Iterable[Changed]) -> None:
        self.touched += changed

    def wake_all(self) -> None:
        self.woken += 1

    def is_quiet(self) -> bool:
        return self.quiet

    def have_acknowledged(self, type_url: str) -> bool:
        assert type_url == SECRET
        return self.taken

    def connected(self, kind: Kind) -> set[str]:
        return self.there.get(kind, set())


class World:
    """An agent with its source, its streams, and what the controller was told."""

    def __init__(self, folder: Path) -> None:
        self.source, self.streams = FakeSource(), Streams()
        self.told: list[tuple[str, str]] = []
        self.status = FakeStatus()
        self.agent = Agent(EAST, self.source, self.status, folder, streams=self.streams)
        self.agent.reports.on_change = lambda type_url, name: self.told.append((type_url, name))

    async def write(self, text: str, *, live: bool = True) -> None:
        self.source.synced = True
        self.agent.on_source(self.source.write(text, live=live))
        await self.agent.turn()

    async def complete_facts(self) -> None:
        for type_url in codec.FACTS:
            self.agent.on_facts(
                self.agent.down.receiver.receive(Response(type_url, "1", complete=0))
            )
        await self.agent.turn()

    def fact(self, type_url: str, name: str, body: bytes) -> None:
        response = Response(type_url, "2", (resource(name, body),))
        self.agent.on_facts(self.agent.down.receiver.receive(response))

    def tombstone(self) -> Tombstone | None:
        found = self.agent.reports.table.get(codec.TOMBSTONE, "shop/api")
        return codec.decode(Tombstone, found.body) if found is not None else None

    def problems(self) -> tuple[str, ...]:
        found = self.agent.reports.table.get(codec.OBSERVATION, "east")
        seen = codec.decode(Observation, found.body) if found is not None else None
        return tuple(finding.what for finding in seen.findings) if seen is not None else ()

    def reported(self) -> set[str]:
        return set(self.agent.reports.table.names(codec.EXPORT))


WEST = ClusterId("west")


WESTERN = Gateway("g1", "10.2.0.1", 15443, "a")


OUT = "out~80.api.shop.svc.clusterset.local~"


async def know_west(world: World) -> None:
    """A service of `west`, which has one gateway and lies in our region."""
    there = cluster("west", gateways=(WESTERN,))
    world.fact(codec.SERVICE, "shop/api", codec.encode(service("west")))
    world.fact(codec.BACKEND, "shop/api@west", codec.encode(backend("west")))
    world.fact(codec.CLUSTER, "west", codec.encode(there))
    world.fact(codec.CLUSTER, "east", codec.encode(cluster("east")))
    await world.complete_facts()
    await world.write("")


def gateway(*remotes: Remote, state: State = State.SERVING) -> Proxy:
    return Proxy("gw", Kind.GATEWAY, state, "10.1.0.1", 15443, remotes=remotes)


def sees(answers: bool = True, rtt: float = 0.0) -> tuple[Remote, Remote]:
    """Another cluster that answers, so that our gateway is not itself cut off, and west."""
    return Remote(ClusterId("other"), "g1", True), Remote(WEST, "g1", answers, rtt)


def table_of_sidecar(world: World, type_url: str) -> dict[str, str]:
    """What a sidecar of zone a gets, as text by name."""
    view = world.agent.down.snapshots.view(
        world.agent.down.snapshots.admit(Node(Kind.SIDECAR, "shop/client"), Scope("a"))[0]
    )
    found = {name: view.get(type_url, name) for name in view.names(type_url)}
    return {name: str(document(f.body)) for name, f in found.items() if f is not None}


def gateway_view(world: World) -> Layers:
    snapshots = world.agent.down.snapshots
    return snapshots.view(snapshots.admit(Node(Kind.GATEWAY, "gw"), ANYWHERE)[0])


def passed_on(world: World) -> int:
    """To how many endpoints of the service gateways pass connections on."""
    view = gateway_view(world)
    found = view.get(ENDPOINTS, "80.api.shop.svc.clusterset.local")
    assert found is not None
    return found.body.count(b"10.1.0.")
