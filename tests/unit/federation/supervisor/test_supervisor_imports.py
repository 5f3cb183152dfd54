"""What Envoy is shown because it asked for a host: never too early, never less than it needs."""

import pytest

from federation.envoy.on_demand import NOBODY, ROUTES, asked_name, virtual_host
from federation.model.imports import Import
from federation.model.types import CLUSTER, ENDPOINTS, IMPORT, LISTENER, ROUTE, VIRTUAL_HOST
from federation.supervisor.asked_hosts import AskedHosts
from federation.supervisor.feeding import Feeding
from federation.supervisor.imports import MOST_MISSING, Imports
from federation.supervisor.relay import read_import
from federation.wire.codec.imports import brought_by, encode_import
from federation.xds.messages import Request, Response
from federation.xds.on_demand import OnDemand
from federation.xds.receiver import Receiver
from federation.xds.resources import resource
from federation.xds.snapshot import Table
from tests.unit.fakes.fake_envoy import FakeEnvoy
from tests.unit.fakes.fake_sidecar import FakeSidecar

TYPES = (CLUSTER, ENDPOINTS, LISTENER, ROUTE)
HOST = asked_name("api.shop")


class World:
    """An agent's tables, with a service near and one near and far, and a sidecar."""

    def __init__(self, *pinned: str, synced: bool = True) -> None:
        self.common, self.pool = Table(), Table()
        self.common.put(CLUSTER, resource("app~8080", b"app"))
        self.common.put(ROUTE, resource(ROUTES, virtual_host("outbound/x", b"")))
        self.common.mark_complete(*TYPES, "secret")
        if synced:
            self.pool.mark_complete(IMPORT)
        self.demand = OnDemand(IMPORT, self.common, self.pool, brought_by)
        self.sidecar = FakeSidecar(self.demand, pinned)
        self.lead("api.shop", Import(b"", ("out~api",)), host=True)
        self.lead("both.shop", Import(b"", ("out~both", "far~both"), ("any~both",)), host=True)
        self.lead("db.shop:5432", Import(b"", ("out~db",)))
        self.sidecar.settle()

    @property
    def envoy(self) -> FakeEnvoy:
        return self.sidecar.envoy

    def lead(self, name: str, found: Import, version: bytes = b"1", *, host: bool = False) -> None:
        """There is a service, or it is reached in another way."""
        for cluster in found.clusters:
            self.put(CLUSTER, cluster, version)
            self.put(ENDPOINTS, cluster, version)
        for cluster in found.aggregates:
            self.put(CLUSTER, cluster, version)
        body = b"".join(name.encode() for name in found.clusters) if host else b""
        self.put(IMPORT, name, encode_import(Import(body, found.clusters, found.aggregates)))

    def put(self, type_url: str, name: str, body: bytes) -> None:
        if self.pool.put(type_url, resource(name, body)):
            self._changed(type_url, name)

    def drop(self, type_url: str, name: str) -> None:
        if self.pool.drop(type_url, name):
            self._changed(type_url, name)

    def _changed(self, type_url: str, name: str) -> None:
        self.sidecar.touch(type_url, name)

    def call(self, *hosts: str) -> None:
        self.envoy.call(*hosts)
        self.sidecar.settle()

    def told(self) -> list[str]:
        """What Envoy has heard since the last look."""
        found, self.envoy.told = self.envoy.told, []
        return found

    def clusters(self) -> set[str]:
        return set(self.envoy.has[CLUSTER])

    def hosts(self) -> set[str]:
        return set(self.envoy.has[VIRTUAL_HOST])


def test_an_envoy_that_has_called_nobody_has_nothing_of_any_service() -> None:
    world = World()
    assert world.clusters() == {"app~8080"}
    assert world.hosts() == {NOBODY}, "it is not ready before the first virtual host"


def test_a_call_brings_the_clusters_then_the_host() -> None:
    world = World()
    world.told()
    world.call("api.shop")
    assert world.told() == ["out~api", HOST]
    assert world.envoy.has[VIRTUAL_HOST][HOST] == virtual_host(HOST, b"out~api")
    assert world.sidecar.imports.called == ("api.shop",)


def test_the_host_waits_until_the_cluster_is_warm() -> None:
    world = World()
    world.envoy.warming = True
    world.call("api.shop")
    assert "out~api" in world.clusters()
    assert HOST not in world.hosts()
    world.envoy.warm()
    world.sidecar.settle()
    assert HOST in world.hosts()


def test_an_aggregate_waits_for_what_it_is_made_of_and_the_host_for_both() -> None:
    world = World()
    world.told()
    world.envoy.warming = True
    world.call("both.shop")
    assert "any~both" not in world.clusters()
    world.envoy.warm()
    world.sidecar.settle()
    told = world.told()
    assert told.index("any~both") > max(told.index("out~both"), told.index("far~both"))
    assert told[-1] == asked_name("both.shop")


def test_all_forms_of_a_host_lead_to_one_set_of_clusters() -> None:
    world = World()
    world.call("api.shop")
    world.told()
    world.call("api.shop.svc", "api.shop.svc.clusterset.local")
    assert set(world.told()) == {
        asked_name("api.shop.svc"),
        asked_name("api.shop.svc.clusterset.local"),
    }


def test_an_unknown_host_is_answered_at_once_and_found_when_it_comes() -> None:
    world = World()
    world.told()
    world.call("late.shop")
    assert world.told() == [f"({asked_name('late.shop')})"]
    world.lead("late.shop", Import(b"", ("out~late",)), host=True)
    world.sidecar.settle()
    assert asked_name("late.shop") in world.hosts()
    assert world.sidecar.imports.called == ("late.shop",)


def test_what_is_no_name_of_a_service_is_answered_without_asking_the_agent() -> None:
    world = World()
    world.sidecar.asked.clear()
    world.told()
    odd = ("x" * 1100, "no host", "a.b.c.d", "api.shop:notaport", "")
    world.call(*odd)
    assert set(world.told()) == {f"({asked_name(host)})" for host in odd}
    assert world.sidecar.asked == []


def test_a_port_that_is_not_http_is_called_by_no_host() -> None:
    world = World()
    world.told()
    world.call("db.shop:5432")
    assert f"({asked_name('db.shop:5432')})" in world.told()


def test_unknown_is_not_absent_while_the_agent_does_not_know_everything() -> None:
    world = World(synced=False)
    world.told()
    world.call("later.shop")
    assert world.told() == []
    world.pool.mark_complete(IMPORT)
    world.sidecar.settle()
    assert f"({asked_name('later.shop')})" in world.told()


def test_a_withdrawn_service_loses_its_host_before_its_clusters_and_may_come_back() -> None:
    world = World()
    world.call("api.shop")
    world.told()
    world.drop(IMPORT, "api.shop")
    world.sidecar.settle()
    world.drop(CLUSTER, "out~api")
    world.drop(ENDPOINTS, "out~api")
    world.sidecar.settle()
    told = world.told()
    assert told.index(f"-{HOST}") < told.index("-out~api")
    assert world.sidecar.imports.called == ()
    world.lead("api.shop", Import(b"", ("out~api",)), host=True)
    world.sidecar.settle()
    assert HOST in world.hosts()


def test_another_way_is_there_before_the_host_leads_to_it_and_the_old_one_goes_after() -> None:
    world = World()
    world.call("api.shop")
    world.told()
    world.envoy.warming = True
    world.lead("api.shop", Import(b"", ("far~api",)), host=True)
    world.sidecar.settle()
    assert world.envoy.has[VIRTUAL_HOST][HOST] == virtual_host(HOST, b"out~api")
    assert "out~api" in world.clusters(), "requests still go there"
    world.envoy.warm()
    world.sidecar.settle()
    assert world.envoy.has[VIRTUAL_HOST][HOST] == virtual_host(HOST, b"far~api")
    told = world.told()
    assert told.index("far~api") < told.index(HOST) < told.index("-out~api")


def test_an_upstream_is_there_though_nobody_calls_its_host() -> None:
    world = World("db.shop:5432")
    assert "out~db" in world.clusters()
    assert world.sidecar.imports.called == ()


def test_a_new_envoy_gets_what_was_called_without_asking() -> None:
    world = World()
    world.call("api.shop", "both.shop", "nobody.shop")
    world.sidecar.start_envoy()
    world.sidecar.settle()
    assert world.hosts() == {NOBODY, HOST, asked_name("both.shop")}
    told = world.told()
    assert told.index("any~both") > max(told.index("out~both"), told.index("far~both"))
    assert f"({asked_name('nobody.shop')})" not in told, "that was forgotten"


def test_what_was_called_is_taken_back_and_the_rest_is_let_go() -> None:
    world = World()
    world.call("api.shop", "both.shop")
    receiver = Receiver("x", (IMPORT, CLUSTER), read_import, by_name=(IMPORT,))
    held = world.sidecar.receiver.held(IMPORT).values()
    receiver.restore(IMPORT, held, None, complete=True)
    again = Imports(receiver, ("db.shop:5432",), lambda _: None)
    again.load(["api.shop", "api.shop.svc"])
    assert set(receiver.held(IMPORT)) == {"api.shop"}
    (opened, _) = receiver.open()
    assert set(opened.subscribe) == {"api.shop", "db.shop:5432"}
    assert again.called == ("api.shop", "api.shop.svc")


def test_a_supervisor_that_has_lost_everything_takes_nothing_from_envoy() -> None:
    """Its disk is gone; Envoy says what it has, clusters first, and then what it asked for."""
    world = World()
    world.call("api.shop")
    has = world.envoy.has
    lost = FakeSidecar(OnDemand(IMPORT, world.common, world.pool, brought_by))
    lost.settle()
    envoy = lost.start_envoy(has)
    lost.settle()
    assert "out~api" in envoy.has[CLUSTER]
    assert HOST in envoy.has[VIRTUAL_HOST]
    assert not [name for name in envoy.told if name.startswith("-")]


def test_without_its_agent_it_takes_nothing_from_envoy_either() -> None:
    world = World()
    world.call("api.shop")
    has = world.envoy.has
    lost = FakeSidecar(OnDemand(IMPORT, Table(), Table(), brought_by))
    envoy = lost.start_envoy(has)
    lost.settle()
    assert {"out~api", "app~8080"} <= set(envoy.has[CLUSTER])
    assert HOST in envoy.has[VIRTUAL_HOST]


def test_too_many_invented_hosts_are_forgotten_together_and_those_that_serve_stay() -> None:
    world = World()
    world.call("api.shop")
    before = world.envoy.has[ROUTE][ROUTES]
    for start in range(0, MOST_MISSING + 200, 100):
        world.call(*(f"x{number}.shop" for number in range(start, start + 100)))
    assert world.envoy.has[ROUTE][ROUTES] != before, "Envoy is made to forget as well"
    assert world.hosts() == {NOBODY, HOST}
    assert len(list(world.sidecar.imports.shown.names(VIRTUAL_HOST))) < MOST_MISSING
    dropped = [name for request in world.sidecar.asked for name in request.unsubscribe]
    assert len(dropped) > MOST_MISSING, "the agent has nothing to look for any more"
    world.lead("x1.shop", Import(b"", ("out~x1",)), host=True)
    world.sidecar.settle()
    world.call("x1.shop")
    assert asked_name("x1.shop") in world.hosts()


def test_hosts_that_are_invented_while_the_agent_is_away_are_forgotten_as_well() -> None:
    """Else it would be asked for more names than it takes on one stream, for ever."""
    world = World()
    world.call("api.shop")
    before = world.envoy.has[ROUTE][ROUTES]
    world.sidecar.is_silent = True
    for start in range(0, 3 * MOST_MISSING, 100):
        world.call(*(f"x{number}.shop" for number in range(start, start + 100)))
    assert world.envoy.has[ROUTE][ROUTES] != before, "Envoy is made to forget as well"
    world.sidecar.is_silent = False
    world.sidecar.asked.clear()
    world.sidecar.connect()
    assert len(world.sidecar.asked[0].subscribe) <= MOST_MISSING + 1
    world.call("both.shop")
    assert world.hosts() == {NOBODY, HOST, asked_name("both.shop")}


def test_hosts_that_envoy_has_stay_though_the_agent_is_away() -> None:
    world = World()
    hosts = [f"s{number}.shop" for number in range(MOST_MISSING + 10)]
    for host in hosts:
        world.lead(host, Import(b"", ("out~api",)), host=True)
    world.call(*hosts)
    lost = FakeSidecar(OnDemand(IMPORT, Table(), Table(), brought_by))
    envoy = lost.start_envoy(world.envoy.has)
    lost.settle()
    assert set(envoy.has[VIRTUAL_HOST]) == {NOBODY, *map(asked_name, hosts)}


def test_an_aggregate_that_changes_with_its_members_follows_them() -> None:
    world = World()
    world.call("both.shop")
    world.lead("both.shop", Import(b"", ("out~both", "far~both"), ("any~both",)), b"2", host=True)
    world.told()
    world.sidecar.settle()
    told = world.told()
    assert told.index("any~both") > max(told.index("out~both"), told.index("far~both"))
    assert world.envoy.has[CLUSTER]["any~both"] == b"2"


def test_a_host_that_waits_while_its_cluster_changes_is_not_forgotten() -> None:
    """Something of another host is on its way to Envoy, so this one cannot be sent at once."""
    world = World()
    world.call("api.shop", "both.shop")
    feeding = Feeding(world.sidecar.imports, world.sidecar.to_envoy)
    other, asked = asked_name("api.shop.svc"), asked_name("both.shop.svc")
    world.envoy.say(Request(VIRTUAL_HOST, subscribe=(other,)))
    on_its_way = feeding.next_response(0.0)
    assert on_its_way is not None
    assert on_its_way.type_url == VIRTUAL_HOST
    world.envoy.say(Request(VIRTUAL_HOST, subscribe=(asked,)))
    assert feeding.next_response(0.0) is None
    world.envoy.warming = True
    world.put(CLUSTER, "out~both", b"2")
    world.sidecar.settle()
    world.envoy.say(Request(VIRTUAL_HOST, nonce=on_its_way.nonce))
    world.sidecar.settle()
    world.envoy.warm()
    world.sidecar.settle()
    assert asked in world.hosts()


def test_what_it_led_to_goes_though_the_service_goes_before_its_host_has_followed() -> None:
    world = World()
    world.call("api.shop")
    world.envoy.warming = True
    world.lead("api.shop", Import(b"", ("far~api",)), host=True)
    world.sidecar.settle()
    for type_url, name in ((IMPORT, "api.shop"), (CLUSTER, "far~api"), (CLUSTER, "out~api")):
        world.drop(type_url, name)
    world.sidecar.settle()
    world.envoy.warm()
    world.sidecar.settle()
    assert world.clusters() == {"app~8080"}


def test_what_an_earlier_supervisor_gave_envoy_stays_until_its_hosts_lead_elsewhere() -> None:
    world = World()
    world.call("api.shop")
    has = world.envoy.has
    world.lead("api.shop", Import(b"", ("far~api",)), host=True)
    world.drop(CLUSTER, "out~api")
    world.drop(ENDPOINTS, "out~api")
    later = FakeSidecar(OnDemand(IMPORT, world.common, world.pool, brought_by))
    later.start_envoy()
    later.envoy.call("api.shop")
    later.settle()
    envoy = later.start_envoy(has)
    envoy.warming = True
    later.settle()
    envoy.warm()
    later.settle()
    assert envoy.has[VIRTUAL_HOST][HOST] == virtual_host(HOST, b"far~api")
    assert envoy.told.index(HOST) < envoy.told.index("-out~api")


def test_an_aggregate_of_two_imports_stays_one_when_one_of_them_goes() -> None:
    world = World()
    both = Import(b"", ("out~both", "far~both"), ("any~both",))
    world.lead("both.shop:80", both, host=True)
    world.call("both.shop", "both.shop:80")
    world.drop(IMPORT, "both.shop:80")
    world.sidecar.settle()
    envoy = world.sidecar.start_envoy()
    world.sidecar.settle()
    assert envoy.told.index("any~both") > max(map(envoy.told.index, both.clusters))


def test_an_answer_that_comes_when_nobody_calls_any_more_is_not_remembered() -> None:
    world = World()
    name = "gone.shop"
    world.call(name)
    imports, receiver = world.sidecar.imports, world.sidecar.receiver
    world.sidecar.start_envoy()
    world.sidecar.settle()
    assert name not in receiver.held(IMPORT)
    found = resource(name, encode_import(Import(b"", ("out~gone",))))
    imports.take(receiver.receive(Response(IMPORT, "7", (found,))))
    assert name not in receiver.held(IMPORT)
    imports.take(receiver.receive(Response(IMPORT, "8", removed=(name,))))
    world.sidecar.is_silent = True
    world.told()
    world.call(name)
    assert world.told() == [], "it may be there by now"


def test_an_upstreams_clusters_stay_while_a_new_supervisor_does_not_know_them_yet() -> None:
    world = World("db.shop:5432")
    lost = FakeSidecar(OnDemand(IMPORT, world.common, Table(), brought_by), ("db.shop:5432",))
    lost.settle()
    envoy = lost.start_envoy(world.envoy.has)
    lost.settle()
    assert "out~db" in envoy.has[CLUSTER]


def test_when_envoy_asks_anew_it_is_answered_so_that_it_goes_on() -> None:
    world = World()
    world.call("api.shop")
    world.told()
    world.envoy.say(Request(VIRTUAL_HOST, unsubscribe=(HOST,)))
    world.sidecar.settle()
    assert world.told() == [NOBODY]
    assert HOST in world.hosts()


def test_a_gateway_keeps_nothing_of_what_it_is_no_longer_shown() -> None:
    receiver = Receiver("x", (IMPORT, CLUSTER), by_name=(IMPORT,))
    gateway = Imports(receiver, None, lambda _: None).shown
    gateway.claim(CLUSTER, ["old"], None)
    assert not gateway.keeps_any()
    assert not gateway.keeps(CLUSTER, "old")


def test_what_nobody_calls_any_more_is_let_go_and_comes_again_when_it_is_called() -> None:
    world = World("db.shop:5432")
    world.call("api.shop", "api.shop.svc", "both.shop")
    routes = world.envoy.has[ROUTE][ROUTES]
    world.told()
    unused = {"out~api", "out~both", "out~db"}
    assert set(world.sidecar.imports.let_go(unused)) == {"api.shop", "api.shop.svc"}
    world.sidecar.settle()
    assert world.hosts() == {NOBODY, asked_name("both.shop")}, "the far cluster is in use"
    assert world.clusters() == {"app~8080", "out~both", "far~both", "any~both", "out~db"}
    assert world.envoy.has[ROUTE][ROUTES] != routes
    told = world.told()
    assert told.index(ROUTES) < told.index(f"-{HOST}") < told.index("-out~api")
    assert world.sidecar.imports.called == ("both.shop",)
    world.call("api.shop")
    assert HOST in world.hosts()
    assert "out~api" in world.clusters()


def test_to_look_for_hosts_to_forget_costs_the_same_for_each_that_is_invented(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look at each request would take seconds of each of thousands, and acknowledgements wait."""
    world = World(synced=False)
    looks = 0
    look = AskedHosts.unknown

    def counted(hosts: AskedHosts) -> list[str]:
        nonlocal looks
        looks += 1
        return look(hosts)

    monkeypatch.setattr(AskedHosts, "unknown", counted)
    for number in range(3 * MOST_MISSING):
        world.call(f"x{number}.shop")
    assert 1 <= looks < 40


def test_however_often_hosts_are_invented_no_more_are_remembered_than_the_first_time() -> None:
    """The agent is away, and Envoy has nothing to acknowledge: only their number tells."""
    world = World(synced=False)
    most = 0
    for start in range(0, 6 * MOST_MISSING, 100):
        world.call(*(f"x{number}.shop" for number in range(start, start + 100)))
        most = max(most, len(tuple(world.sidecar.imports.shown.names(VIRTUAL_HOST))))
    assert most <= MOST_MISSING * 9 // 8 + 200
