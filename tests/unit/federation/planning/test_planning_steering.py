"""Plans that prefer a cluster, or know no other."""

from federation.model.imports import Importer, Plan
from federation.model.locality import Locality
from federation.model.names import ClusterId
from federation.planning.plan import plan_service
from federation.planning.steering import clusters_of, nearest, only, prefer, wants_steering
from tests.unit.builders import backend, cluster, endpoint, facts, gateway, local_service, service

EAST, WEST, FAR = ClusterId("east"), ClusterId("west"), ClusterId("far")


def plan(*, ready: bool = True, west: int = 3, far: int = 1) -> Plan:
    clusters = (
        cluster("east"),
        cluster("west", gateways=(gateway("10.2.0.1"),)),
        cluster("far", region="ap", gateways=(gateway("10.3.0.1"),)),
    )
    behind = (backend("west", ready=west), backend("far", ready=far))
    found = facts(service("east", "west", "far"), behind, clusters)
    return plan_service(
        found, local_service(endpoint(ready=ready)), Importer(EAST, Locality("eu", ""))
    )


def order(found: Plan) -> list[str]:
    """The clusters of the first port, tier by tier."""
    tiers = found.ports[0].parts[0].tiers
    return ["+".join(sorted({d.cluster for d in tier.destinations})) for tier in tiers]


def test_all_clusters_are_known() -> None:
    assert clusters_of(plan()) == ("east", "far", "west")


def test_the_preferred_one_is_first_and_the_others_follow_in_their_order() -> None:
    assert order(plan()) == ["east", "west", "far"]
    assert order(prefer(plan(), FAR)) == ["far", "east", "west"]
    assert order(prefer(plan(), WEST)) == ["west", "east", "far"]


def test_a_strict_plan_has_no_other_cluster() -> None:
    assert order(only(plan(), WEST)) == ["west"]
    assert order(only(plan(), ClusterId("nobody"))) == []


def test_variants_have_names_of_their_own() -> None:
    labels = {found.ports[0].label for found in (plan(), prefer(plan(), WEST), only(plan(), WEST))}
    assert labels == {"", "prefer.west~", "only.west~"}


def test_the_nearest_healthy_clusters_have_their_shares() -> None:
    assert nearest(plan()) == ((EAST, 1),)
    assert nearest(plan(ready=False)) == ((WEST, 3),)
    assert nearest(plan(ready=False, west=0)) == ((FAR, 1),)
    assert nearest(plan(ready=False, west=0, far=0)) == ()


def test_only_the_word_true_asks_for_steering() -> None:
    assert wants_steering((("fedmesh.dev/steering", "true"),))
    assert not wants_steering((("fedmesh.dev/steering", "false"),))
    assert not wants_steering(())
