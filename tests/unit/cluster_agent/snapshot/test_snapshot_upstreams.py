"""An upstream exists while its service's plan has its port, for its own sidecar alone."""

from dataclasses import replace

from cluster_agent.entry.dns_names import NAMES
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Snapshots
from cluster_agent.snapshot.tables import TableKey
from federation.model.exports import ServicePort
from federation.model.names import ClusterId
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node, Proxy, State, Upstream
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER, ROUTE
from tests.unit.builders import (
    API,
    backend,
    cluster,
    entry,
    facts,
    gateway,
    port,
    service,
)

EAST = ClusterId("east")
TCP, HTTP = port(7000, "tcp-echo", ""), port(80)
ECHO = Upstream("127.0.0.1", 17000, API, 7000)
UP, OUT = "up~127.0.0.1:17000", "out~7000.api.shop.svc.clusterset.local~"
CLIENT = Proxy(
    "shop/web-1",
    Kind.SIDECAR,
    State.SERVING,
    "10.0.0.9",
    15006,
    outbound_address="127.0.0.1",
    outbound_port=15001,
    upstreams=(ECHO,),
)
UNKNOWN = ServiceState(None, None, None)


def served(*ports: ServicePort, ready: int = 1) -> ServiceState:
    numbers = tuple(p.number for p in ports)
    clusters = (cluster("west", gateways=(gateway("10.2.0.1"),)), cluster("east"))
    behind = (backend("west", ready=ready, ports=numbers),)
    return ServiceState(facts(service("west", ports=ports), behind, clusters), None, None)


def join(snapshots: Snapshots, proxy: Proxy = CLIENT, zone: str = "a") -> tuple[TableKey, ...]:
    layers = snapshots.admit(Node(proxy.kind, proxy.id), Scope(zone))[0]
    snapshots.set_proxy(proxy)
    return layers


def names(snapshots: Snapshots, layers: tuple[TableKey, ...], type_url: str) -> set[str]:
    return {n for n in snapshots.view(layers).names(type_url) if n.startswith("up~")}


def test_an_upstream_listens_once_its_service_has_the_port_and_until_it_has_not() -> None:
    snapshots = Snapshots(EAST, entry())
    layers = join(snapshots)
    assert names(snapshots, layers, LISTENER) == set(), "refused, not accepted and cut"
    snapshots.set_service(API, served(HTTP))
    assert names(snapshots, layers, LISTENER) == set()
    changed = snapshots.set_service(API, served(HTTP, TCP))
    assert names(snapshots, layers, LISTENER) == {UP}
    assert (Node(Kind.SIDECAR, "shop/web-1"), LISTENER, UP) in [
        (t.table, t.type_url, t.name) for t in changed
    ]
    assert names(snapshots, layers, ROUTE) == set()
    snapshots.set_service(API, UNKNOWN)
    snapshots.finish()
    assert names(snapshots, layers, LISTENER) == set()


def test_a_plan_that_changes_leaves_the_listener_alone() -> None:
    for stated in (TCP, port(7000, "http-echo", "http")):
        snapshots = Snapshots(EAST, entry())
        join(snapshots)
        snapshots.set_service(API, served(stated))
        changed = snapshots.set_service(API, served(stated, HTTP, ready=0)) + snapshots.finish()
        assert {t.type_url for t in changed if t.table == Scope("a")} >= {CLUSTER, ENDPOINTS}
        assert not [t for t in changed if t.table not in (Scope("a"), NAMES)]


def test_an_http_port_brings_its_routes() -> None:
    snapshots = Snapshots(EAST, entry())
    layers = join(snapshots)
    snapshots.set_service(API, served(port(7000, "http-echo", "http")))
    assert names(snapshots, layers, LISTENER) == names(snapshots, layers, ROUTE) == {UP}
    snapshots.set_service(API, served(TCP))
    snapshots.finish()
    assert names(snapshots, layers, LISTENER) == {UP}
    assert names(snapshots, layers, ROUTE) == set()


def test_a_sidecar_that_comes_late_finds_its_upstreams_whatever_it_does_first() -> None:
    for first in ("stream", "word"):
        snapshots = Snapshots(EAST, entry())
        snapshots.set_service(API, served(TCP))
        if first == "word":
            snapshots.set_proxy(CLIENT)
        layers = join(snapshots)
        assert names(snapshots, layers, LISTENER) == {UP}


def test_upstreams_are_of_one_sidecar_alone() -> None:
    snapshots = Snapshots(EAST, entry())
    join(snapshots)
    other = join(snapshots, replace(CLIENT, id="shop/web-2", upstreams=()))
    snapshots.set_service(API, served(TCP))
    assert names(snapshots, other, LISTENER) == set()


def test_a_sidecar_that_names_other_upstreams_loses_those_it_had() -> None:
    snapshots = Snapshots(EAST, entry())
    layers = join(snapshots)
    snapshots.set_service(API, served(TCP, HTTP))
    elsewhere = replace(ECHO, listen_port=17001)
    web = Upstream("127.0.0.1", 17000, API, 80)
    snapshots.set_proxy(replace(CLIENT, upstreams=(elsewhere,)))
    snapshots.finish()
    assert names(snapshots, layers, LISTENER) == {"up~127.0.0.1:17001"}
    snapshots.set_proxy(replace(CLIENT, upstreams=(web, elsewhere)))
    assert names(snapshots, layers, LISTENER) == {UP, "up~127.0.0.1:17001"}
    assert names(snapshots, layers, ROUTE) == {UP}
    assert snapshots.set_proxy(replace(CLIENT, upstreams=(web, elsewhere))) == []
    snapshots.set_proxy(replace(CLIENT, upstreams=()))
    snapshots.finish()
    assert names(snapshots, layers, LISTENER) == names(snapshots, layers, ROUTE) == set()


def test_a_sidecar_that_has_gone_leaves_nothing_and_comes_back_with_everything() -> None:
    snapshots = Snapshots(EAST, entry())
    join(snapshots)
    snapshots.set_service(API, served(TCP))
    snapshots.forget(Node(Kind.SIDECAR, CLIENT.id))
    assert not snapshots.sidecars._upstreams._users
    assert not snapshots.sidecars._upstreams._wanted
    assert not snapshots.sidecars._upstreams._scopes
    assert snapshots.set_service(API, served(TCP, HTTP))
    assert names(snapshots, join(snapshots), LISTENER) == {UP}
