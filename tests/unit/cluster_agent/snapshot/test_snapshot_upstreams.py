"""An upstream exists while its service's plan has its port, for its own sidecar alone."""

from dataclasses import replace

from cluster_agent.entry.entry import NAMES
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Proxies
from federation.model.exports import ServicePort
from federation.model.names import ClusterId
from federation.model.proxies import Kind, Proxy, State, Upstream
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


def join(proxies: Proxies, proxy: Proxy = CLIENT, zone: str = "a") -> tuple[str, ...]:
    layers = proxies.admit(proxy.kind, proxy.id, zone)[0]
    proxies.meet(proxy)
    return layers


def names(proxies: Proxies, layers: tuple[str, ...], type_url: str) -> set[str]:
    return {n for n in proxies.view(layers).names(type_url) if n.startswith("up~")}


def test_an_upstream_listens_once_its_service_has_the_port_and_until_it_has_not() -> None:
    proxies = Proxies(EAST, entry())
    layers = join(proxies)
    assert names(proxies, layers, LISTENER) == set(), "refused, not accepted and cut"
    proxies.set_service(API, served(HTTP))
    assert names(proxies, layers, LISTENER) == set()
    touched = proxies.set_service(API, served(HTTP, TCP))
    assert names(proxies, layers, LISTENER) == {UP}
    assert ("sidecar/shop/web-1", LISTENER, UP) in [(t.table, t.type_url, t.name) for t in touched]
    assert names(proxies, layers, ROUTE) == set()
    proxies.set_service(API, UNKNOWN)
    proxies.finish()
    assert names(proxies, layers, LISTENER) == set()


def test_a_plan_that_changes_leaves_the_listener_alone() -> None:
    for stated in (TCP, port(7000, "http-echo", "http")):
        proxies = Proxies(EAST, entry())
        join(proxies)
        proxies.set_service(API, served(stated))
        touched = proxies.set_service(API, served(stated, HTTP, ready=0)) + proxies.finish()
        assert {t.type_url for t in touched if t.table == "zone/a"} >= {CLUSTER, ENDPOINTS}
        assert not [t for t in touched if t.table not in ("zone/a", NAMES)]


def test_an_http_port_brings_its_routes() -> None:
    proxies = Proxies(EAST, entry())
    layers = join(proxies)
    proxies.set_service(API, served(port(7000, "http-echo", "http")))
    assert names(proxies, layers, LISTENER) == names(proxies, layers, ROUTE) == {UP}
    proxies.set_service(API, served(TCP))
    proxies.finish()
    assert names(proxies, layers, LISTENER) == {UP}
    assert names(proxies, layers, ROUTE) == set()


def test_a_sidecar_that_comes_late_finds_its_upstreams_whatever_it_does_first() -> None:
    for first in ("stream", "word"):
        proxies = Proxies(EAST, entry())
        proxies.set_service(API, served(TCP))
        if first == "word":
            proxies.meet(CLIENT)
        layers = join(proxies)
        assert names(proxies, layers, LISTENER) == {UP}


def test_upstreams_are_of_one_sidecar_alone() -> None:
    proxies = Proxies(EAST, entry())
    join(proxies)
    other = join(proxies, replace(CLIENT, id="shop/web-2", upstreams=()))
    proxies.set_service(API, served(TCP))
    assert names(proxies, other, LISTENER) == set()


def test_a_sidecar_that_names_other_upstreams_loses_those_it_had() -> None:
    proxies = Proxies(EAST, entry())
    layers = join(proxies)
    proxies.set_service(API, served(TCP, HTTP))
    elsewhere = replace(ECHO, listen_port=17001)
    web = Upstream("127.0.0.1", 17000, API, 80)
    proxies.meet(replace(CLIENT, upstreams=(elsewhere,)))
    proxies.finish()
    assert names(proxies, layers, LISTENER) == {"up~127.0.0.1:17001"}
    proxies.meet(replace(CLIENT, upstreams=(web, elsewhere)))
    assert names(proxies, layers, LISTENER) == {UP, "up~127.0.0.1:17001"}
    assert names(proxies, layers, ROUTE) == {UP}
    assert proxies.meet(replace(CLIENT, upstreams=(web, elsewhere))) == []
    proxies.meet(replace(CLIENT, upstreams=()))
    proxies.finish()
    assert names(proxies, layers, LISTENER) == names(proxies, layers, ROUTE) == set()


def test_a_sidecar_that_has_gone_leaves_nothing_and_comes_back_with_everything() -> None:
    proxies = Proxies(EAST, entry())
    join(proxies)
    proxies.set_service(API, served(TCP))
    proxies.forget(Kind.SIDECAR, CLIENT.id)
    assert not proxies._upstreams._users
    assert not proxies._upstreams._wanted
    assert not proxies._upstreams._zones
    assert proxies.set_service(API, served(TCP, HTTP))
    assert names(proxies, join(proxies), LISTENER) == {UP}
