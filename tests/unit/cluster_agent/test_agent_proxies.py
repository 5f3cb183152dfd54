"""Which tables a change reaches: each proxy gets its own, its zone's, and what all trust."""

from dataclasses import replace

from cluster_agent.proxies import (
    GATEWAYS,
    MAX_CHECKS_PER_SECOND,
    SECRETS,
    TYPES,
    Proxies,
    ServiceState,
    check_interval,
)
from federation.model.imports import Bundle, Endpoint
from federation.model.names import ClusterId
from federation.model.proxies import Kind, Proxy, State
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET
from tests.unit.builders import (
    API,
    backend,
    cluster,
    endpoint,
    export,
    facts,
    local_service,
    service,
)
from tests.unit.builders import gateway as gateway_at

EAST = ClusterId("east")
OUT = "out~80.api.shop.svc.clusterset.local"
WORKLOAD = "shop/api-10.0.0.1"
SIDECAR = Proxy(WORKLOAD, Kind.SIDECAR, State.SERVING, "10.0.0.1", 15006, "a", "127.0.0.1")
GATEWAY = Proxy("gw", Kind.GATEWAY, State.SERVING, "10.1.0.1", 15443)
FACTS = facts(
    service("east", "west"),
    (backend("west"),),
    (cluster("west", gateways=(gateway_at("10.2.0.1"),)), cluster("east")),
)
SERVED = ServiceState(FACTS, local_service(endpoint()), export("east"))
UNKNOWN = ServiceState(None, None, None)


def meet(proxies: Proxies, proxy: Proxy = SIDECAR, zone: str = "a") -> tuple[str, ...]:
    layers = proxies.layers(proxy.kind, proxy.id, zone)
    proxies.meet(replace(proxy, outbound_address="127.0.0.2", outbound_port=15001))
    return layers


def names(proxies: Proxies, layers: tuple[str, ...], type_url: str) -> set[str]:
    return set(proxies.view(layers).names(type_url))


def test_a_service_reaches_gateways_zones_and_the_sidecars_behind_it() -> None:
    proxies = Proxies(EAST)
    sidecar, gateway = meet(proxies), meet(proxies, GATEWAY)
    touched = proxies.set_service(API, SERVED) + proxies.finish()
    assert {t.table for t in touched} == {GATEWAYS, "zone/a", f"sidecar/{WORKLOAD}"}
    assert names(proxies, sidecar, LISTENER) == {"inbound", "outbound"}
    assert OUT in names(proxies, sidecar, CLUSTER)
    assert names(proxies, sidecar, ENDPOINTS) == {OUT}
    assert OUT not in names(proxies, gateway, CLUSTER)
    assert names(proxies, gateway, CLUSTER)


def test_an_unchanged_service_touches_nothing() -> None:
    proxies = Proxies(EAST)
    meet(proxies)
    proxies.set_service(API, SERVED)
    proxies.finish()
    assert proxies.set_service(API, SERVED) + proxies.finish() == []


def test_a_service_that_is_gone_leaves_only_what_does_not_depend_on_it() -> None:
    proxies = Proxies(EAST)
    sidecar, gateway = meet(proxies), meet(proxies, GATEWAY)
    empty = {t: names(proxies, sidecar, t) | names(proxies, gateway, t) for t in TYPES}
    proxies.set_service(API, SERVED)
    proxies.finish()
    touched = proxies.set_service(API, UNKNOWN) + proxies.finish()
    assert (f"sidecar/{WORKLOAD}", LISTENER, "inbound") in [
        (t.table, t.type_url, t.name) for t in touched
    ]
    left = {t: names(proxies, sidecar, t) | names(proxies, gateway, t) for t in TYPES}
    assert left == {**empty, ROUTE: {"outbound"}}
    assert proxies.services_behind(WORKLOAD) == frozenset()


def test_a_service_that_is_not_exported_opens_no_door() -> None:
    proxies = Proxies(EAST)
    sidecar, gateway = meet(proxies), meet(proxies, GATEWAY)
    proxies.set_service(API, ServiceState(None, local_service(endpoint()), None))
    assert names(proxies, sidecar, LISTENER) == {"outbound"}
    assert names(proxies, gateway, CLUSTER) == set()
    assert proxies.services_behind(WORKLOAD) == {API}


def test_a_zone_met_late_gets_the_services_known_before() -> None:
    proxies = Proxies(EAST)
    proxies.set_service(API, SERVED)
    early = meet(proxies, zone="a")
    late = meet(proxies, replace(SIDECAR, id="shop/other"), zone="b")
    for layers in (early, late):
        assert names(proxies, layers, ENDPOINTS) == {OUT}
        assert names(proxies, layers, ROUTE) == {"outbound"}


def test_a_sidecar_met_late_gets_the_doors_of_its_workload() -> None:
    proxies = Proxies(EAST)
    proxies.set_service(API, SERVED)
    assert names(proxies, meet(proxies), LISTENER) == {"inbound", "outbound"}


def test_a_workload_that_left_a_service_closes_its_door() -> None:
    proxies = Proxies(EAST)
    layers = meet(proxies)
    proxies.set_service(API, SERVED)
    elsewhere = local_service(endpoint("10.0.0.2"))
    proxies.set_service(API, replace(SERVED, local=elsewhere))
    assert names(proxies, layers, LISTENER) == {"outbound"}
    assert proxies.services_behind("shop/api-10.0.0.2") == {API}


def test_endpoints_without_a_pod_are_behind_no_sidecar() -> None:
    proxies = Proxies(EAST)
    bare: Endpoint = replace(endpoint(), workload="", sidecar=False)
    proxies.set_service(API, replace(SERVED, local=local_service(bare)))
    assert proxies.services_behind("") == frozenset()


def test_nothing_is_complete_before_everything_is_known() -> None:
    proxies = Proxies(EAST)
    layers = meet(proxies)
    assert not proxies.view(layers).is_complete(CLUSTER)
    assert set(proxies.set_synced()) >= set(layers)
    assert proxies.view(layers).is_complete(CLUSTER)


def test_a_proxy_that_has_not_said_what_it_is_gets_nothing_that_looks_whole() -> None:
    """Its own table is empty because it is not known, not because nothing is there."""
    proxies = Proxies(EAST)
    proxies.set_synced()
    layers = proxies.layers(Kind.SIDECAR, WORKLOAD, "a")
    assert not proxies.view(layers).is_complete(LISTENER)
    meet(proxies)
    assert proxies.view(layers).is_complete(LISTENER)


def test_bundles_reach_everybody_once_in_any_order() -> None:
    proxies = Proxies(EAST)
    one, other = Bundle("east.mesh.test", ("A",)), Bundle("west.mesh.test", ("B",))
    (touch,) = proxies.set_bundles([one, other])
    assert (touch.table, touch.type_url) == (SECRETS, SECRET)
    assert proxies.set_bundles([other, one]) == []


def test_the_region_of_the_cluster_changes_every_plan() -> None:
    proxies = Proxies(EAST)
    meet(proxies)
    proxies.set_service(API, replace(SERVED, facts=facts(service("east"))))
    touched = proxies.set_region("eu")
    assert [(t.table, t.type_url, t.name) for t in touched] == [("zone/a", ENDPOINTS, OUT)]
    assert proxies.set_region("eu") == []


def test_a_proxy_that_has_gone_leaves_nothing_behind() -> None:
    there = Proxies(EAST)
    before = set(there._tables)
    meet(there)
    there.forget(Kind.SIDECAR, WORKLOAD)
    assert set(there._tables) - before == {"zone/a"}
    assert not there._sidecars
    assert not there._made


def test_checks_of_a_gateway_are_bounded_however_many_addresses_there_are() -> None:
    for checks in (0, 1, 200, 201, 1_000, 50_000):
        assert checks / check_interval(checks) <= MAX_CHECKS_PER_SECOND
    assert check_interval(200) == 0.5
