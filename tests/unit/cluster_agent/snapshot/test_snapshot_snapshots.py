"""Which tables a change reaches: each proxy gets its own, its zone's, and what all trust."""

import re
from dataclasses import replace

from cluster_agent.entry.dns_names import NAMES
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Snapshots
from cluster_agent.snapshot.tables import GATEWAYS, SECRETS, TYPES, TableKey
from federation.model.facts import Bundle
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER, ROUTE, SECRET
from tests.unit.builders import (
    API,
    cluster,
    endpoint,
    entry,
    facts,
    local_service,
    service,
)
from tests.unit.builders import gateway as gateway_at
from tests.unit.fakes.snapshots import (
    EAST,
    GATEWAY,
    OUT,
    OWN,
    SERVED,
    UNKNOWN,
    WORKLOAD,
    ZONE_A,
    known,
    meet,
    names,
    others,
)


def is_complete(snapshots: Snapshots, layers: tuple[TableKey, ...], type_url: str) -> bool:
    """Whether a sidecar that is fed from there is told that this is all."""
    demand = snapshots.on_demand(layers)
    assert demand is not None
    return demand.is_complete(type_url)


def test_a_service_reaches_gateways_zones_and_the_sidecars_behind_it() -> None:
    snapshots = known()
    snapshots.set_region("eu")
    sidecar, gateway = meet(snapshots), meet(snapshots, GATEWAY)
    touched = snapshots.set_service(API, SERVED) + snapshots.finish()
    assert {t.table for t in touched} == {
        GATEWAYS,
        NAMES,
        SECRETS,
        ZONE_A,
        OWN,
    }
    assert names(snapshots, sidecar, LISTENER) == {"inbound", "outbound"}
    assert OUT in names(snapshots, sidecar, CLUSTER)
    assert names(snapshots, sidecar, ENDPOINTS) == {OUT}
    assert OUT not in names(snapshots, gateway, CLUSTER)
    assert names(snapshots, gateway, CLUSTER)


def test_an_unchanged_service_touches_nothing() -> None:
    snapshots = known()
    meet(snapshots)
    snapshots.set_service(API, SERVED)
    snapshots.finish()
    assert snapshots.set_service(API, SERVED) + snapshots.finish() == []


def test_a_service_that_is_gone_leaves_only_what_does_not_depend_on_it() -> None:
    snapshots = known()
    sidecar, gateway = meet(snapshots), meet(snapshots, GATEWAY)
    empty = {t: names(snapshots, sidecar, t) | names(snapshots, gateway, t) for t in TYPES}
    snapshots.set_service(API, SERVED)
    snapshots.finish()
    touched = snapshots.set_service(API, UNKNOWN) + snapshots.finish()
    assert (OWN, LISTENER, "inbound") in [(t.table, t.type_url, t.name) for t in touched]
    left = {t: names(snapshots, sidecar, t) | names(snapshots, gateway, t) for t in TYPES}
    assert left == empty
    assert snapshots.sidecars.services_behind(WORKLOAD) == frozenset()


def test_a_service_that_is_not_exported_opens_no_door() -> None:
    snapshots = known()
    sidecar, gateway = meet(snapshots), meet(snapshots, GATEWAY)
    snapshots.set_service(API, ServiceState(None, local_service(endpoint()), None))
    assert names(snapshots, sidecar, LISTENER) == {"outbound"}
    assert names(snapshots, gateway, CLUSTER) == set()
    assert snapshots.sidecars.services_behind(WORKLOAD) == {API}


def test_nothing_is_complete_before_everything_is_known() -> None:
    snapshots = Snapshots(EAST, entry())
    layers = meet(snapshots)
    assert not is_complete(snapshots, layers, CLUSTER)
    snapshots.set_synced()
    assert is_complete(snapshots, layers, CLUSTER)


def test_what_speaks_of_all_services_is_not_said_before_all_are_known() -> None:
    """The doors of a workload: a part of them would take the rest away."""
    snapshots = Snapshots(EAST, entry())
    snapshots.set_region("eu")
    layers = meet(snapshots)
    snapshots.set_service(API, SERVED)
    snapshots.finish()
    assert not snapshots.is_unfinished
    assert names(snapshots, layers, ROUTE) == names(snapshots, layers, LISTENER) == set()
    touched = {(t.table, t.type_url, t.name) for t in snapshots.set_synced()}
    assert (OWN, LISTENER, "inbound") in touched
    assert (OWN, ROUTE, "outbound") in touched


def test_a_proxy_that_has_not_said_what_it_is_gets_nothing_that_looks_whole() -> None:
    """Its own table is empty because it is not known, not because nothing is there."""
    early = Snapshots(EAST, entry())
    layers = early.admit(OWN, ZONE_A)[0]
    early.set_synced()
    assert not is_complete(early, layers, LISTENER)
    snapshots = known()
    layers = snapshots.admit(OWN, ZONE_A)[0]
    assert not is_complete(snapshots, layers, LISTENER)
    meet(snapshots)
    assert is_complete(snapshots, layers, LISTENER)


def test_bundles_reach_everybody_once_in_any_order() -> None:
    snapshots = known()
    one, other = Bundle("east.mesh.test", ("A",)), Bundle("west.mesh.test", ("B",))
    (touch,) = snapshots.set_bundles([one, other])
    assert (touch.table, touch.type_url) == (SECRETS, SECRET)
    assert snapshots.set_bundles([other, one]) == []


def test_the_region_of_the_cluster_changes_every_plan() -> None:
    snapshots = known()
    meet(snapshots)
    snapshots.set_service(API, replace(SERVED, facts=facts(service("east"))))
    touched = snapshots.set_region("eu")
    assert [(t.table, t.type_url, t.name) for t in touched] == [(ZONE_A, ENDPOINTS, OUT)]
    assert snapshots.set_region("eu") == []


def test_a_proxy_that_has_gone_leaves_nothing_behind() -> None:
    there = known()
    before = set(there._tables._tables)
    meet(there)
    there.forget(OWN)
    assert set(there._tables._tables) - before == {ZONE_A}
    assert not there.sidecars._sidecars
    assert not there._tables._owned


def test_every_secret_that_a_cluster_names_is_there() -> None:
    snapshots = known()
    sidecar, gateway = meet(snapshots), meet(snapshots, GATEWAY)
    snapshots.set_bundles([Bundle("east.mesh.test", ("PEM",))])
    own = (replace(gateway_at("10.1.0.1"), name="gw"), gateway_at("10.1.0.2"))
    snapshots.set_clusters([cluster("east", gateways=own), *others(2)])
    snapshots.set_service(API, SERVED)
    snapshots.finish()
    for layers in (sidecar, gateway):
        view = snapshots.view(layers)
        bodies = [view.get(CLUSTER, name) for name in view.names(CLUSTER)]
        text = b"".join(body.body for body in bodies if body is not None)
        named = {n for n in names(snapshots, layers, SECRET) if n.encode() in text}
        assert len(named) > 1, "the whole clusterset and less than that"
        wanted = set(re.findall(rb"clusterset(?::[a-z0-9.,-]+)?", text))
        assert {w.decode() for w in wanted} <= names(snapshots, layers, SECRET)


def test_a_revoked_cluster_is_refused_by_routes_everywhere_and_nothing_else_changes() -> None:
    snapshots = known()
    meet(snapshots, GATEWAY)
    meet(snapshots)
    snapshots.set_service(API, SERVED)
    snapshots.finish()
    west = Bundle("west.mesh.test", ("PEM",))
    snapshots.set_bundles([west])
    touched = snapshots.set_bundles([replace(west, anchors=())])
    routes = {(t.table, t.name) for t in touched if t.type_url == ROUTE}
    assert routes == {
        ("gateways", "terminated"),
        (OWN, "app~8080~http/1.1"),
    }
    assert {t.type_url for t in touched} == {ROUTE, SECRET}
    assert snapshots.set_bundles([replace(west, anchors=())]) == []
