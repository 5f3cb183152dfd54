"""Which tables a change reaches: each proxy gets its own, its zone's, and what all trust."""

import re
from dataclasses import replace
from typing import Any

from cluster_agent.entry.allocation import preferred
from cluster_agent.entry.entry import NAMES
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import GATEWAYS, SECRETS, TYPES, Proxies
from federation.model.facts import Bundle, Cluster, Endpoint
from federation.model.names import ClusterId
from federation.model.plans import Reachability
from federation.model.proxies import Kind, Proxy, State
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET
from federation.wire import codec
from tests.unit.builders import (
    API,
    backend,
    cluster,
    endpoint,
    entry,
    export,
    facts,
    local_service,
    port,
    service,
)
from tests.unit.builders import gateway as gateway_at
from tests.unit.goldens import document

EAST = ClusterId("east")
OUT = "out~80.api.shop.svc.clusterset.local~"
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


def known(*, tcp_connection_seconds: float = 0) -> Proxies:
    """Those of an agent that knows everything there is."""
    found = Proxies(EAST, entry(), tcp_connection_seconds)
    found.set_synced()
    return found


def meet(proxies: Proxies, proxy: Proxy = SIDECAR, zone: str = "a") -> tuple[str, ...]:
    layers = proxies.admit(proxy.kind, proxy.id, zone)[0]
    proxies.meet(replace(proxy, outbound_address="127.0.0.2", outbound_port=15001))
    return layers


def names(proxies: Proxies, layers: tuple[str, ...], type_url: str) -> set[str]:
    return set(proxies.view(layers).names(type_url))


def test_a_service_reaches_gateways_zones_and_the_sidecars_behind_it() -> None:
    proxies = known()
    proxies.set_region("eu")
    sidecar, gateway = meet(proxies), meet(proxies, GATEWAY)
    touched = proxies.set_service(API, SERVED) + proxies.finish()
    assert {t.table for t in touched} == {
        GATEWAYS,
        NAMES,
        SECRETS,
        "zone/a",
        f"sidecar/{WORKLOAD}",
    }
    assert names(proxies, sidecar, LISTENER) == {"inbound", "outbound"}
    assert OUT in names(proxies, sidecar, CLUSTER)
    assert names(proxies, sidecar, ENDPOINTS) == {OUT}
    assert OUT not in names(proxies, gateway, CLUSTER)
    assert names(proxies, gateway, CLUSTER)


def test_an_unchanged_service_touches_nothing() -> None:
    proxies = known()
    meet(proxies)
    proxies.set_service(API, SERVED)
    proxies.finish()
    assert proxies.set_service(API, SERVED) + proxies.finish() == []


def test_a_service_that_is_gone_leaves_only_what_does_not_depend_on_it() -> None:
    proxies = known()
    sidecar, gateway = meet(proxies), meet(proxies, GATEWAY)
    empty = {t: names(proxies, sidecar, t) | names(proxies, gateway, t) for t in TYPES}
    proxies.set_service(API, SERVED)
    proxies.finish()
    touched = proxies.set_service(API, UNKNOWN) + proxies.finish()
    assert (f"sidecar/{WORKLOAD}", LISTENER, "inbound") in [
        (t.table, t.type_url, t.name) for t in touched
    ]
    left = {t: names(proxies, sidecar, t) | names(proxies, gateway, t) for t in TYPES}
    assert left == {**empty, ROUTE: empty[ROUTE] | {"outbound"}}
    assert proxies.services_behind(WORKLOAD) == frozenset()


def test_a_service_that_is_not_exported_opens_no_door() -> None:
    proxies = known()
    sidecar, gateway = meet(proxies), meet(proxies, GATEWAY)
    proxies.set_service(API, ServiceState(None, local_service(endpoint()), None))
    assert names(proxies, sidecar, LISTENER) == {"outbound"}
    assert names(proxies, gateway, CLUSTER) == set()
    assert proxies.services_behind(WORKLOAD) == {API}


def test_a_zone_met_late_gets_the_services_known_before() -> None:
    proxies = known()
    proxies.set_region("eu")
    proxies.set_service(API, SERVED)
    early = meet(proxies, zone="a")
    late = meet(proxies, replace(SIDECAR, id="shop/other"), zone="b")
    for layers in (early, late):
        assert names(proxies, layers, ENDPOINTS) == {OUT}
        assert "outbound" in names(proxies, layers, ROUTE)


def test_a_sidecar_met_late_gets_the_doors_of_its_workload() -> None:
    proxies = known()
    proxies.set_service(API, SERVED)
    assert names(proxies, meet(proxies), LISTENER) == {"inbound", "outbound"}


def test_a_workload_that_left_a_service_closes_its_door() -> None:
    proxies = known()
    layers = meet(proxies)
    proxies.set_service(API, SERVED)
    elsewhere = local_service(endpoint("10.0.0.2"))
    proxies.set_service(API, replace(SERVED, local=elsewhere))
    proxies.finish()
    assert names(proxies, layers, LISTENER) == {"outbound"}
    assert proxies.services_behind("shop/api-10.0.0.2") == {API}


def test_endpoints_without_a_pod_are_behind_no_sidecar() -> None:
    proxies = known()
    bare: Endpoint = replace(endpoint(), workload="", sidecar=False)
    proxies.set_service(API, replace(SERVED, local=local_service(bare)))
    assert proxies.services_behind("") == frozenset()


def test_nothing_is_complete_before_everything_is_known() -> None:
    proxies = Proxies(EAST, entry())
    layers = meet(proxies)
    assert not proxies.view(layers).is_complete(CLUSTER)
    proxies.set_synced()
    assert proxies.view(layers).is_complete(CLUSTER)


def test_what_speaks_of_all_services_is_not_said_before_all_are_known() -> None:
    """Routes of a zone and doors of a workload: a part of them would take the rest away."""
    proxies = Proxies(EAST, entry())
    proxies.set_region("eu")
    layers = meet(proxies)
    proxies.set_service(API, SERVED)
    proxies.finish()
    assert not proxies.is_unfinished
    assert names(proxies, layers, ROUTE) == names(proxies, layers, LISTENER) == set()
    touched = {(t.table, t.type_url, t.name) for t in proxies.set_synced()}
    assert ("zone/a", ROUTE, "outbound") in touched
    assert (f"sidecar/{WORKLOAD}", LISTENER, "inbound") in touched
    assert OUT in named_by_routes(proxies, layers)


def test_a_proxy_that_has_not_said_what_it_is_gets_nothing_that_looks_whole() -> None:
    """Its own table is empty because it is not known, not because nothing is there."""
    early = Proxies(EAST, entry())
    layers = early.admit(Kind.SIDECAR, WORKLOAD, "a")[0]
    early.set_synced()
    assert not early.view(layers).is_complete(LISTENER)
    proxies = known()
    layers = proxies.admit(Kind.SIDECAR, WORKLOAD, "a")[0]
    assert not proxies.view(layers).is_complete(LISTENER)
    meet(proxies)
    assert proxies.view(layers).is_complete(LISTENER)


def test_bundles_reach_everybody_once_in_any_order() -> None:
    proxies = known()
    one, other = Bundle("east.mesh.test", ("A",)), Bundle("west.mesh.test", ("B",))
    (touch,) = proxies.set_bundles([one, other])
    assert (touch.table, touch.type_url) == (SECRETS, SECRET)
    assert proxies.set_bundles([other, one]) == []


def test_the_region_of_the_cluster_changes_every_plan() -> None:
    proxies = known()
    meet(proxies)
    proxies.set_service(API, replace(SERVED, facts=facts(service("east"))))
    touched = proxies.set_region("eu")
    assert [(t.table, t.type_url, t.name) for t in touched] == [("zone/a", ENDPOINTS, OUT)]
    assert proxies.set_region("eu") == []


def listeners(proxies: Proxies, layers: tuple[str, ...], name: str) -> dict[str, Any]:
    found = proxies.view(layers).get(LISTENER, name)
    assert found is not None
    return document(found.body)


def test_a_gateway_listens_where_it_says_though_others_dial_elsewhere() -> None:
    proxies = known()
    for proxy, at in (
        (GATEWAY, ("10.1.0.1", 15443)),
        (replace(GATEWAY, listen_address="0.0.0.0", listen_port=443), ("0.0.0.0", 443)),
    ):
        found = listeners(proxies, meet(proxies, proxy), "east-west")["address"]["socket_address"]
        assert (found["address"], found["port_value"]) == at


def test_the_life_of_tcp_connections_changes_no_listener_when_the_agent_starts_again() -> None:
    ports = (port(80, "db", ""),)
    state = ServiceState(
        facts(service("east", ports=ports)), SERVED.local, export("east", ports=ports)
    )
    bodies = []
    for seconds in (60.0, 60.0, 0.0):
        proxies = known(tcp_connection_seconds=seconds)
        proxies.set_service(API, state)
        bodies.append(listeners(proxies, meet(proxies), "inbound"))
    first, again, unbounded = bodies
    assert first == again
    assert "max_downstream_connection_duration" in str(first)
    assert "max_downstream_connection_duration" not in str(unbounded)


def test_a_proxy_that_has_gone_leaves_nothing_behind() -> None:
    there = known()
    before = set(there._tables._tables)
    meet(there)
    there.forget(Kind.SIDECAR, WORKLOAD)
    assert set(there._tables._tables) - before == {"zone/a"}
    assert not there._sidecars
    assert not there._tables._made


def others(clusters: int, gateways: int = 2) -> list[Cluster]:
    return [
        cluster(f"c{n}", gateways=tuple(gateway_at(f"10.{n}.0.{g}") for g in range(gateways)))
        for n in range(clusters)
    ]


def test_our_gateways_check_those_of_the_other_clusters() -> None:
    proxies = known()
    layers = meet(proxies, GATEWAY)
    sidecar = meet(proxies)
    here = cluster("east", gateways=(replace(gateway_at("10.1.0.1"), name="gw"),))
    touched = proxies.set_clusters([here, *others(2, 1)])
    assert {(t.table, t.type_url) for t in touched} == {
        (GATEWAYS, CLUSTER),
        (NAMES, codec.GATEWAY_NAMES),
        (SECRETS, SECRET),
    }
    expected = {"remote~c0~gw-10.0.0.0~", "remote~c1~gw-10.1.0.0~"}
    assert names(proxies, layers, CLUSTER) == expected
    assert names(proxies, sidecar, CLUSTER) == set(), "sidecars check nobody"
    assert proxies.set_clusters([*others(2, 1), here]) == []
    assert proxies.set_clusters([here, *others(1, 1)]) == [], "nothing takes its place"
    gone = {t.name for t in proxies.finish()}
    assert gone == {"clusterset:c1.mesh.test", "remote~c1~gw-10.1.0.0~", "c1"}
    assert names(proxies, layers, CLUSTER) == {"remote~c0~gw-10.0.0.0~"}


def test_gateways_of_one_cluster_check_each_other() -> None:
    proxies = known()
    one, other = meet(proxies, GATEWAY), meet(proxies, replace(GATEWAY, id="gw-2"))
    both = (
        replace(gateway_at("10.1.0.1"), name="gw"),
        replace(gateway_at("10.1.0.2"), name="gw-2"),
    )
    proxies.set_clusters([cluster("east", gateways=both)])
    assert names(proxies, one, CLUSTER) == {"remote~east~gw-2~"}
    assert names(proxies, other, CLUSTER) == {"remote~east~gw~"}
    proxies.set_clusters([cluster("east", gateways=both[:1])])
    proxies.finish()
    assert names(proxies, one, CLUSTER) == set()


def test_every_secret_that_a_cluster_names_is_there() -> None:
    proxies = known()
    sidecar, gateway = meet(proxies), meet(proxies, GATEWAY)
    proxies.set_bundles([Bundle("east.mesh.test", ("PEM",))])
    own = (replace(gateway_at("10.1.0.1"), name="gw"), gateway_at("10.1.0.2"))
    proxies.set_clusters([cluster("east", gateways=own), *others(2)])
    proxies.set_service(API, SERVED)
    proxies.finish()
    for layers in (sidecar, gateway):
        view = proxies.view(layers)
        bodies = [view.get(CLUSTER, name) for name in view.names(CLUSTER)]
        text = b"".join(body.body for body in bodies if body is not None)
        named = {n for n in names(proxies, layers, SECRET) if n.encode() in text}
        assert len(named) > 1, "the whole clusterset and less than that"
        wanted = set(re.findall(rb"clusterset(?::[a-z0-9.,-]+)?", text))
        assert {w.decode() for w in wanted} <= names(proxies, layers, SECRET)


def remote_intervals(clusters: int) -> set[str]:
    proxies = known()
    layers = meet(proxies, GATEWAY)
    own = tuple(gateway_at(f"10.200.0.{n}") for n in range(9))
    proxies.set_clusters([cluster("east", gateways=own), *others(clusters)])
    view = proxies.view(layers)
    names = [name for name in view.names(CLUSTER) if not name.startswith("remote~east~")]
    found = [view.get(CLUSTER, name) for name in names]
    assert len(found) == 2 * clusters
    return {document(f.body)["health_checks"][0]["interval"] for f in found if f is not None}


def test_how_a_cluster_is_seen_changes_how_sidecars_are_led_there() -> None:
    proxies = known()
    proxies.set_region("eu")
    layers = meet(proxies)
    proxies.set_service(API, SERVED)
    west = ClusterId("west")
    unreachable = Reachability(frozenset({(west, "gw-10.2.0.1")}))
    touched = proxies.set_service(API, replace(SERVED, reachability=unreachable))
    assert {(t.table, t.type_url) for t in touched} == {("zone/a", ENDPOINTS)}
    far = Reachability(rtt=((west, 0.5),))
    proxies.set_service(API, replace(SERVED, reachability=far))
    proxies.finish()
    assert names(proxies, layers, ENDPOINTS) == {OUT, OUT.replace("out~", "far~")}


def test_a_cluster_that_routes_name_is_there_until_they_name_another() -> None:
    proxies = known()
    proxies.set_region("eu")
    layers = meet(proxies)
    both = replace(SERVED, reachability=Reachability(rtt=((ClusterId("west"), 0.5),)))
    for before, after in ((SERVED, both), (both, SERVED), (SERVED, UNKNOWN)):
        proxies.set_service(API, before)
        proxies.finish()
        proxies.set_service(API, after)
        assert named_by_routes(proxies, layers) <= names(proxies, layers, CLUSTER)
        meet(proxies, replace(SIDECAR, id="shop/other"), zone="b")
        assert named_by_routes(proxies, layers) <= names(proxies, layers, CLUSTER)
        assert proxies.is_unfinished
        proxies.finish()
        assert named_by_routes(proxies, layers) <= names(proxies, layers, CLUSTER)
        assert not proxies.is_unfinished
    assert OUT not in names(proxies, layers, CLUSTER)


def named_by_routes(proxies: Proxies, layers: tuple[str, ...]) -> set[str]:
    found = proxies.view(layers).get(ROUTE, "outbound")
    assert found is not None
    hosts = document(found.body)["virtual_hosts"]
    return {r["route"]["cluster"] for h in hosts for r in h["routes"] if "route" in r}


def test_a_zone_met_in_the_middle_of_a_turn_takes_no_news_from_another() -> None:
    proxies = known()
    proxies.set_region("eu")
    meet(proxies)
    proxies.set_service(API, SERVED)
    meet(proxies, replace(SIDECAR, id="shop/other"), zone="b")
    assert ("zone/a", ROUTE) in [(t.table, t.type_url) for t in proxies.finish()]


def test_checks_of_other_gateways_are_rarer_when_there_are_many_clusters() -> None:
    assert remote_intervals(50) == {"0.500s"}
    assert remote_intervals(51) == {"1s"}
    assert remote_intervals(100) == {"1s"}
    assert remote_intervals(101) == {"2s"}


def test_a_revoked_cluster_is_refused_by_routes_everywhere_and_nothing_else_changes() -> None:
    proxies = known()
    meet(proxies, GATEWAY)
    meet(proxies)
    proxies.set_service(API, SERVED)
    proxies.finish()
    west = Bundle("west.mesh.test", ("PEM",))
    proxies.set_bundles([west])
    touched = proxies.set_bundles([replace(west, anchors=())])
    routes = {(t.table, t.name) for t in touched if t.type_url == ROUTE}
    assert routes == {
        ("gateways", "terminated"),
        (f"sidecar/{WORKLOAD}", "app~8080~http/1.1"),
    }
    assert {t.type_url for t in touched} == {ROUTE, SECRET}
    assert proxies.set_bundles([replace(west, anchors=())]) == []


def test_a_sidecar_that_comes_after_a_revocation_refuses_as_well() -> None:
    proxies = known()
    proxies.set_bundles([Bundle("west.mesh.test", ())])
    proxies.set_service(API, SERVED)
    layers = meet(proxies)
    found = proxies.view(layers).get(ROUTE, "app~8080~http/1.1")
    assert found is not None
    assert b"spiffe://west.mesh.test/" in found.body


ENTRY_GATEWAY = replace(GATEWAY, entry="10.9.0.0/24")
LISTENING = {f"up~10.9.0.{preferred(str(API)) % 254 + 1}:80", "east-west"}


def test_a_gateway_with_entry_has_the_ways_of_a_sidecar_under_an_identity_of_its_own() -> None:
    proxies = known()
    proxies.set_region("eu")
    proxies.set_service(API, SERVED)
    layers = proxies.admit(Kind.GATEWAY, "gw", "", has_entry=True)[0]
    assert OUT not in names(proxies, layers, CLUSTER)
    proxies.meet(ENTRY_GATEWAY)
    assert names(proxies, layers, LISTENER) == LISTENING
    assert {OUT} <= names(proxies, layers, CLUSTER)
    found = proxies.view(layers).get(CLUSTER, OUT)
    assert found is not None
    assert b"\x05entry" in found.body
    assert b"identity" not in found.body
    plain = proxies.admit(Kind.GATEWAY, "other", "")[0]
    assert OUT not in names(proxies, plain, CLUSTER), "one without entry has none of it"


def test_what_a_sidecar_said_before_its_workload_was_known_counts_only_if_it_is_true() -> None:
    proxies = known()
    layers = meet(proxies)
    true = replace(SIDECAR, outbound_address="127.0.0.2", outbound_port=15001)
    elsewhere = replace(true, app_address="10.9.9.9")
    for false in (elsewhere, replace(elsewhere, address="10.9.9.9")):
        proxies.meet(false)
        proxies.set_service(API, SERVED)
        assert "inbound" not in names(proxies, layers, LISTENER)
    proxies.meet(true)
    assert "inbound" in names(proxies, layers, LISTENER)


def test_the_first_sidecar_of_a_zone_touches_what_it_adds_for_others_too() -> None:
    """Else a gateway that is there already never hears of secrets that it needs later."""
    proxies = known()
    proxies.set_service(API, SERVED)
    before = names(proxies, (SECRETS,), SECRET)
    layers, touched = proxies.admit(Kind.SIDECAR, WORKLOAD, "a")
    added = names(proxies, (SECRETS,), SECRET) - before
    assert added
    told = {t.name for t in touched if (t.table, t.type_url) == (SECRETS, SECRET)}
    assert added <= told
    assert names(proxies, layers, CLUSTER) <= {t.name for t in touched}


def test_a_gateway_with_entry_that_comes_back_is_told_all_again() -> None:
    proxies = known()
    proxies.set_service(API, SERVED)
    for _ in range(2):
        layers = proxies.admit(Kind.GATEWAY, "gw", "", has_entry=True)[0]
        proxies.meet(ENTRY_GATEWAY)
        assert names(proxies, layers, LISTENER) == LISTENING
        proxies.forget(Kind.GATEWAY, "gw")
