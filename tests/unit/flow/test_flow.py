"""The whole path without I/O, in the order in which it runs (docs/architecture.md).

Texts of a folder become objects, objects a report, reports facts, facts a plan, plans the resources
of a sidecar; at every leg a sender and a receiver joined in memory.
"""

import pytest
from envoy.config.endpoint.v3 import endpoint_pb2
from google.protobuf.any_pb2 import Any
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_agent.observe.index import Index
from cluster_agent.observe.service import observe_service
from cluster_agent.report.table import Reports
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Snapshots
from cluster_agent.snapshot.tables import TYPES, Changed
from cluster_agent.source.folder import Folder
from cluster_agent.uplink.facts import Facts
from federation.controller.facts.registry import Registry, Touched
from federation.controller.member import Member
from federation.envoy.on_demand import asked_name
from federation.model.exports import Gateway
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import ANYWHERE, Scope
from federation.model.proxies import Kind, Node, Proxy, State
from federation.model.types import CLUSTER, ENDPOINTS, VIRTUAL_HOST
from federation.wire import codec
from federation.xds.messages import Point
from federation.xds.receiver import Receiver
from federation.xds.sender import Sender
from tests.unit.builders import entry
from tests.unit.fakes.fake_envoy import FakeEnvoy
from tests.unit.fakes.fake_sidecar import FakeSidecar
from tests.unit.fakes.shop import shop
from tests.unit.fakes.wires import Wire
from tests.unit.goldens import document

API = "out~80.api.shop.svc.clusterset.local~"
EAST, WEST = ClusterId("east"), ClusterId("west")
NETS = {EAST: 1, WEST: 2}
FIRST_SEEN = 1_000


CALLED = ("api.shop.svc.clusterset.local", "api.shop", "api.shop:80")


def _led_to(envoy: FakeEnvoy, name: str) -> set[str]:
    """The clusters to which a virtual host leads."""
    routes = document(envoy.has[VIRTUAL_HOST][name]).get("routes", ())
    return {str(route["route"]["cluster"]) for route in routes}


class Controller:
    """The registry as it stands after a start: members are on its disk, reports are not."""

    def __init__(self, epoch: str = "first") -> None:
        self.registry = Registry()
        for cluster in NETS:
            domain = f"{cluster}.mesh.test"
            self.registry.set_member(Member(cluster, domain, "eu", ("a",), anchors=("PEM",)))
        self.registry.table.stand_at(Point(epoch, 1))


class Home:
    """One cluster: its agent's functions in the agent's order, and one sidecar of a client."""

    def __init__(self, cluster: ClusterId, controller: Controller) -> None:
        self.cluster = cluster
        self.folder, self.index = Folder(), Index()
        self.reports, self.facts = Reports(), Facts()
        self.snapshots = Snapshots(cluster, entry(cluster))
        self.held = Receiver(f"agent/{cluster}", codec.FACTS, codec.read_fact)
        self.now = 0.0
        self.reports.gateway("gw", Gateway("gw", f"10.{NETS[cluster]}.9.1", 15443, "a"))
        self.reports.table.mark_complete(*codec.REPORTS)
        client = Proxy("shop/client", Kind.SIDECAR, State.SERVING, "10.0.0.9", 15006, "a")
        self.layers = self.snapshots.admit(Node(Kind.SIDECAR, client.id), Scope("a"))[0]
        self.gateway = self.snapshots.admit(Node(Kind.GATEWAY, "gw"), ANYWHERE)[0]
        self.snapshots.set_proxy(client)
        self.snapshots.set_synced()
        demand = self.snapshots.on_demand(self.layers)
        assert demand is not None
        self.sidecar = FakeSidecar(demand)
        self.envoy = self.sidecar.envoy
        self.envoy.call(*CALLED)
        self.connect(controller)

    def connect(self, controller: Controller) -> None:
        """Open both streams anew; what is held stays held."""
        self.controller = controller
        checker = controller.registry.reader(self.cluster)
        receiver = Receiver("controller", codec.REPORTS, checker)
        self.up = Wire(Sender(self.reports.table, codec.REPORT_RULES), receiver)
        self.down = Wire(Sender(controller.registry.table, codec.FACT_RULES), self.held)

    def write(self, text: str) -> None:
        """Somebody changes the folder of this cluster."""
        changed = self.folder.update({"shop.yaml": text})
        for name in self.index.affected(changed, self.folder.objects):
            self._look_at(name)

    def _look_at(self, name: ServiceName) -> None:
        objects = self.folder.objects
        slices = self.index.slices(name, objects)
        seen = observe_service(name, slices, objects, self.cluster, first_seen=FIRST_SEEN)
        if self.reports.export(name, seen.export):
            self.up.sender.touch(codec.EXPORT, str(name))
        if self.reports.backend(name, seen.backend, self.now):
            self.up.sender.touch(codec.BACKEND, str(name))
        facts = self.facts.of(name, self.cluster)
        self._tell(self.snapshots.set_service(name, ServiceState(facts, seen.local, seen.export)))
        self.look_at_routes()
        self._tell(self.snapshots.finish())
        self.look_at_routes()

    def _tell(self, changed: list[Changed]) -> None:
        self.sidecar.tell(changed)

    def report(self) -> Touched:
        """Counts have waited long enough; everything goes up. Returns the facts that changed."""
        self.now += 1.0
        for name in self.reports.tick(self.now):
            self.up.sender.touch(codec.BACKEND, str(name))
        return self.controller.registry.apply(self.cluster, self.up.changes(), 0)

    def learn(self) -> None:
        """Facts come down, and the sidecar gets what they lead to."""
        concerned = self.facts.apply(self.down.changes())
        here = self.facts.clusters.get(self.cluster)
        self._tell(self.snapshots.set_region(here.region if here else ""))
        if concerned.clusters:
            self._tell(self.snapshots.set_clusters(self.facts.clusters.values()))
        for name in sorted(concerned.services):
            self._look_at(name)
        self.sidecar.settle()

    def look_at_routes(self) -> None:
        """Whatever is under way here, a sidecar that hears now has the clusters its routes name."""
        self.sidecar.settle()
        for host in self.envoy.has.get(VIRTUAL_HOST, {}):
            assert _led_to(self.envoy, host) <= self.envoy.has[CLUSTER].keys()

    def leads(self, host: str) -> str:
        """The cluster to which the sidecar's routes lead calls with this Host header."""
        (cluster,) = _led_to(self.envoy, asked_name(host))
        return cluster

    def dials(self) -> set[tuple[str, str]]:
        """Where the sidecar goes for the service: (cluster, address)."""
        if API not in self.envoy.has.get(CLUSTER, {}):
            return set()
        found = endpoint_pb2.ClusterLoadAssignment()
        assert Any.FromString(self.envoy.has[ENDPOINTS][API]).Unpack(found)
        return {
            (locality.locality.sub_zone, lb.endpoint.address.socket_address.address)
            for locality in found.endpoints
            for lb in locality.lb_endpoints
        }

    def tables(self) -> dict[tuple[str, str], bytes]:
        """Everything that the sidecar and the gateway of this cluster are fed from."""
        views = [self.snapshots.view(layers) for layers in (self.layers, self.gateway)]
        return {
            (f"{number}{type_url}", name): found.body
            for number, view in enumerate(views)
            for type_url in TYPES
            for name in view.names(type_url)
            if (found := view.get(type_url, name)) is not None
        }


class World:
    """Two clusters and a controller."""

    def __init__(self) -> None:
        self.controller = Controller()
        self.controller.registry.table.mark_complete(*codec.FACTS)
        self.east = Home(EAST, self.controller)
        self.west = Home(WEST, self.controller)
        self.settle()

    @property
    def homes(self) -> tuple[Home, Home]:
        return self.east, self.west

    def settle(self) -> None:
        """Everybody hears everything."""
        for changed in [home.report() for home in self.homes]:
            for type_url, name in changed:
                for home in self.homes:
                    home.down.sender.touch(type_url, name)
        for home in self.homes:
            home.learn()

    def restart_controller(self) -> None:
        """Another life of the controller: a lost store, so it knows members and nothing else."""
        self.controller = Controller("second")
        for home in self.homes:
            home.connect(self.controller)


def test_an_exported_service_becomes_an_endpoint_of_a_sidecar_in_another_cluster() -> None:
    world = World()
    assert world.west.dials() == set()
    world.east.write(shop(True, True))
    world.settle()
    assert world.west.dials() == {("east", "10.1.9.1")}, "the gateway, never a pod of east"


def test_the_gateways_of_a_cluster_check_those_of_the_other() -> None:
    world = World()
    checks = [n for _, n in world.west.tables() if n.startswith("remote~")]
    assert checks == ["remote~east~gw~"]


def test_what_is_not_exported_is_not_reached() -> None:
    world = World()
    world.east.write(shop(True, exported=False))
    world.settle()
    assert world.west.dials() == set()


def test_withdrawing_the_export_takes_it_away_everywhere() -> None:
    world = World()
    world.east.write(shop(True))
    world.settle()
    world.east.write(shop(True, exported=False))
    world.settle()
    assert world.west.dials() == set()
    assert API not in world.west.envoy.has[CLUSTER]


def test_a_service_of_both_clusters_is_reached_at_home_and_elsewhere() -> None:
    world = World()
    world.east.write(shop(True, net=1))
    world.west.write(shop(True, net=2))
    world.settle()
    assert world.west.dials() == {("west", "10.2.0.1"), ("east", "10.1.9.1")}


def test_clusters_may_have_identical_networks() -> None:
    """The same addresses of pods in both: of the other only the gateway's address is told."""
    world = World()
    for home in world.homes:
        home.write(shop(True, True, net=7))
    world.settle()
    assert world.east.dials() == {
        ("east", "10.7.0.1"),
        ("east", "10.7.0.2"),
        ("west", "10.2.9.1"),
    }
    assert world.west.dials() == {
        ("west", "10.7.0.1"),
        ("west", "10.7.0.2"),
        ("east", "10.1.9.1"),
    }
    told = world.controller.registry.table
    facts = [told.get(type_url, name) for type_url in codec.FACTS for name in told.names(type_url)]
    assert any(b"10.1.9.1" in fact.body for fact in facts if fact is not None)
    assert [fact.name for fact in facts if fact is not None and b"10.7." in fact.body] == []


def test_a_cluster_without_ready_endpoints_is_left_while_another_one_has_some() -> None:
    world = World()
    world.east.write(shop(True, net=1))
    world.west.write(shop(True, net=2))
    world.settle()
    world.east.write(shop(False, net=1))
    world.settle()
    assert world.west.dials() == {("west", "10.2.0.1")}


def test_a_later_exporter_with_port_80_gets_no_call_that_names_no_port() -> None:
    world = World()
    world.west.write(shop(True, net=2, port=8080))
    world.settle()
    world.east.write(shop(True, net=1, port=80, name="aux", created="2001-01-01T00:00:00Z"))
    world.settle()
    for home in world.homes:
        assert home.leads("api.shop.svc.clusterset.local") == API.replace("80", "8080")
        assert home.leads("api.shop") == API.replace("80", "8080")
        assert home.leads("api.shop:80") == API


def test_a_controller_that_starts_again_with_nothing_takes_nothing_away() -> None:
    world = World()
    world.east.write(shop(True))
    world.settle()
    world.restart_controller()
    world.west.learn()
    assert world.west.dials() == {("east", "10.1.9.1")}


def test_a_controller_that_starts_again_is_believed_once_it_knows_everything() -> None:
    world = World()
    world.east.write(shop(True))
    world.settle()
    world.restart_controller()
    world.east.write(shop(True, exported=False))
    world.settle()
    assert world.west.dials() == {("east", "10.1.9.1")}, "still incomplete: nothing is taken away"
    world.controller.registry.table.mark_complete(*codec.FACTS)
    world.settle()
    assert world.west.dials() == set()


STEP = st.tuples(
    st.sampled_from(sorted(NETS)), st.booleans(), st.lists(st.booleans(), max_size=3), st.booleans()
)


@pytest.mark.timeout(90)
@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=8))
def test_step_by_step_leads_where_starting_from_scratch_leads(
    steps: list[tuple[ClusterId, bool, list[bool], bool]],
) -> None:
    world, last = World(), {EAST: "", WEST: ""}
    for cluster, exported, ready, settles in steps:
        last[cluster] = shop(*ready, exported=exported, net=NETS[cluster])
        (world.east if cluster == EAST else world.west).write(last[cluster])
        if settles:
            world.settle()
    world.settle()
    scratch = World()
    for home in scratch.homes:
        home.write(last[home.cluster])
    scratch.settle()
    for home, fresh in zip(world.homes, scratch.homes, strict=True):
        assert home.tables() == fresh.tables()
        assert home.dials() == fresh.dials()
        assert home.envoy.has == fresh.envoy.has, "what was sent adds up to what there is"


def test_every_report_has_its_rule() -> None:
    assert {rule.type_url for rule in codec.REPORT_RULES} == set(codec.REPORTS)
