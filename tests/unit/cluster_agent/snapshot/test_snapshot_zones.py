"""What the sidecars of a scope share: clusters and imports, never one that is not there."""

from dataclasses import replace

from cluster_agent.snapshot.tables import SECRETS
from federation.model.names import ClusterId
from federation.model.plans import Reachability, Scope
from federation.model.proxies import Kind, Node
from federation.model.types import CLUSTER, ENDPOINTS, IMPORT, SECRET
from tests.unit.builders import API
from tests.unit.fakes.snapshots import (
    OUT,
    OWN,
    SERVED,
    SIDECAR,
    UNKNOWN,
    ZONE_A,
    brought,
    known,
    meet,
    names,
)


def test_a_zone_met_late_gets_the_services_known_before() -> None:
    snapshots = known()
    snapshots.set_region("eu")
    snapshots.set_service(API, SERVED)
    early = meet(snapshots, zone="a")
    late = meet(snapshots, replace(SIDECAR, id="shop/other"), zone="b")
    for layers in (early, late):
        assert names(snapshots, layers, ENDPOINTS) == {OUT}
        assert names(snapshots, layers, IMPORT) == {"api.shop", "api.shop:80"}


def test_how_a_cluster_is_seen_changes_how_sidecars_are_led_there() -> None:
    snapshots = known()
    snapshots.set_region("eu")
    layers = meet(snapshots)
    snapshots.set_service(API, SERVED)
    west = ClusterId("west")
    unreachable = Reachability(frozenset({(west, "gw-10.2.0.1")}))
    touched = snapshots.set_service(API, replace(SERVED, reachability=unreachable))
    assert {(t.table, t.type_url) for t in touched} == {(ZONE_A, ENDPOINTS)}
    far = Reachability(rtt=((west, 0.5),))
    snapshots.set_service(API, replace(SERVED, reachability=far))
    snapshots.finish()
    assert names(snapshots, layers, ENDPOINTS) == {OUT, OUT.replace("out~", "far~")}


def test_a_cluster_that_an_import_names_is_there_until_it_names_another() -> None:
    snapshots = known()
    snapshots.set_region("eu")
    layers = meet(snapshots)
    both = replace(SERVED, reachability=Reachability(rtt=((ClusterId("west"), 0.5),)))
    for before, after in ((SERVED, both), (both, SERVED), (SERVED, UNKNOWN)):
        snapshots.set_service(API, before)
        snapshots.finish()
        snapshots.set_service(API, after)
        assert brought(snapshots, layers) <= names(snapshots, layers, CLUSTER)
        meet(snapshots, replace(SIDECAR, id="shop/other"), zone="b")
        assert brought(snapshots, layers) <= names(snapshots, layers, CLUSTER)
        assert snapshots.is_unfinished == (after is not both), "what is gone goes with the turn"
        snapshots.finish()
        assert brought(snapshots, layers) <= names(snapshots, layers, CLUSTER)
        assert not snapshots.is_unfinished
    assert OUT not in names(snapshots, layers, CLUSTER)


def test_a_zone_met_in_the_middle_of_a_turn_takes_no_news_from_another() -> None:
    snapshots = known()
    snapshots.set_region("eu")
    meet(snapshots)
    snapshots.set_service(API, SERVED)
    meet(snapshots, replace(SIDECAR, id="shop/other"), zone="b")
    snapshots.set_service(API, UNKNOWN)
    gone = {(t.table, t.type_url) for t in snapshots.finish()}
    assert {(ZONE_A, IMPORT), (Scope("b"), IMPORT)} <= gone


def test_the_first_sidecar_of_a_zone_touches_what_it_adds_for_others_too() -> None:
    """Else a gateway that is there already never hears of secrets that it needs later."""
    snapshots = known()
    snapshots.set_service(API, SERVED)
    before = names(snapshots, (SECRETS,), SECRET)
    layers, touched = snapshots.admit(OWN, ZONE_A)
    added = names(snapshots, (SECRETS,), SECRET) - before
    assert added
    told = {t.name for t in touched if (t.table, t.type_url) == (SECRETS, SECRET)}
    assert added <= told
    assert names(snapshots, layers, CLUSTER) <= {t.name for t in touched}


def test_whatever_a_scope_says_has_a_snapshot_of_its_own() -> None:
    snapshots = known()
    snapshots.set_region("eu")
    meet(snapshots)
    shop = Scope("a", "shop")
    snapshots.admit(Node(Kind.SIDECAR, "shop/web-1"), shop)
    changed = snapshots.set_service(API, SERVED)
    assert {c.table for c in changed if c.type_url == ENDPOINTS} >= {ZONE_A, shop}
    assert names(snapshots, (ZONE_A,), CLUSTER) == names(snapshots, (shop,), CLUSTER) != set()
