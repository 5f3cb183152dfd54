"""Plans that prefer a cluster, or know no other."""

from dataclasses import replace
from fractions import Fraction

from federation.model.locality import Locality
from federation.model.names import ClusterId
from federation.model.plans import Division, Importer, Plan, Scope
from federation.planning.merge import merge
from federation.planning.plan import plan_service
from federation.planning.steering import clusters_of, nearest, only, prefer, wants_steering
from tests.unit.builders import (
    backend,
    cluster,
    endpoint,
    export,
    facts,
    gateway,
    local_service,
    port,
    service,
)

EAST, WEST, FAR = ClusterId("east"), ClusterId("west"), ClusterId("far")
NAMES = (EAST, WEST, FAR)
HERE = Locality("eu", "a")


def plan(*, ready: bool = True, west: int = 3, far: int = 1) -> Plan:
    clusters = (
        cluster("east"),
        cluster("west", gateways=(gateway("10.2.0.1"),)),
        cluster("far", region="ap", gateways=(gateway("10.3.0.1"),)),
    )
    behind = (backend("west", ready=west), backend("far", ready=far))
    found = facts(service("east", "west", "far"), behind, clusters)
    return plan_service(found, local_service(endpoint(ready=ready)), Importer(EAST, "eu"))


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
    assert nearest(plan(ready=False)) == ((WEST, 1),)
    assert nearest(plan(ready=False, west=0)) == ((FAR, 1),)
    assert nearest(plan(ready=False, west=0, far=0)) == ()


def test_the_port_of_a_later_export_does_not_decide_which_cluster_is_the_nearest() -> None:
    aux = port(1, "aux")
    clusters = tuple(cluster(c, gateways=(gateway(f"10.{n}.0.1"),)) for n, c in enumerate(NAMES))
    merged = merge(
        [export("far", created=1), export("west", created=2), export("east", ports=(aux,))]
    )
    behind = (backend("west"), backend("far"), backend("east", ports=(1,)))
    found = plan_service(
        facts(merged, behind, clusters),
        None,
        Importer(ClusterId("home"), HERE.region, Scope(HERE.zone)),
    )
    assert nearest(found) == ((FAR, 1), (WEST, 1))


def split(**weights: int) -> Plan:
    """The plan in parts: each prefers a cluster, as a split between clusters does."""
    whole = plan()
    ports = tuple(
        replace(
            port,
            parts=tuple(
                replace(prefer(whole, ClusterId(cluster)).ports[number].parts[0], weight=weight)
                for cluster, weight in weights.items()
            ),
        )
        for number, port in enumerate(whole.ports)
    )
    return replace(whole, ports=ports)


def test_under_a_split_each_part_has_its_share() -> None:
    assert nearest(split(east=90, west=10)) == ((EAST, 9), (WEST, 1))
    assert nearest(split(east=1, west=1, far=2)) == ((EAST, 1), (FAR, 2), (WEST, 1))


def test_a_part_without_anything_healthy_gives_its_share_to_the_rest() -> None:
    found = split(east=1, west=1)
    lost = tuple(replace(part, tiers=()) for part in found.ports[0].parts[:1])
    ports = (replace(found.ports[0], parts=(*lost, found.ports[0].parts[1])),)
    assert nearest(replace(found, ports=ports)) == ((WEST, 1),)


def test_clusters_of_one_tier_share_by_their_ready_endpoints() -> None:
    clusters = (
        cluster("east"),
        cluster("west", gateways=(gateway("10.2.0.1"),)),
        cluster("south", gateways=(gateway("10.4.0.1"),)),
    )
    behind = (backend("west", ready=4), backend("south", ready=2))
    found = facts(service("west", "south"), behind, clusters)
    made = plan_service(found, None, Importer(EAST, "eu"))
    assert nearest(made) == ((ClusterId("south"), 1), (WEST, 2))


def test_shares_stay_small_enough_to_be_told() -> None:
    found = nearest(split(east=9_973, west=10_007, far=99_991))
    assert max(share for _, share in found) <= 10_000
    assert [cluster for cluster, _ in found] == [EAST, FAR, WEST]


def test_only_the_word_true_asks_for_steering() -> None:
    assert wants_steering((("fedmesh.dev/steering", "true"),))
    assert not wants_steering((("fedmesh.dev/steering", "false"),))
    assert not wants_steering(())


# -- parts -----------------------------------------------------------------------------------------


def divided(**weights: int) -> Plan:
    """Parts of one cluster each, which are named like it, and `both` of west and far."""
    asked = {"both": ("west", "far")}
    clusters = tuple(
        cluster(id, gateways=(gateway(f"10.{n}.0.1"),)) for n, id in enumerate(NAMES, start=1)
    )
    behind = (backend("west", ready=3), backend("far", ready=1))
    divisions = tuple(
        Division(name, weight, frozenset(map(ClusterId, asked.get(name, (name,)))))
        for name, weight in weights.items()
    )
    return plan_service(
        facts(service(*NAMES), behind, clusters),
        local_service(endpoint()),
        Importer(EAST, "eu"),
        divisions=divisions,
    )


def weights(found: Plan) -> dict[str, int]:
    return {part.name: part.weight for part in found.ports[0].parts}


def test_answers_divide_by_the_shares_of_the_parts_exactly() -> None:
    assert nearest(divided(east=90, west=10)) == ((EAST, 9), (WEST, 1))
    assert nearest(divided(east=9999, west=1)) == ((EAST, 9999), (WEST, 1))
    assert nearest(divided(east=1, west=0)) == ((EAST, 1),)
    assert nearest(divided(east=1, both=1)) == ((EAST, 4), (FAR, 1), (WEST, 3))


def test_who_has_the_answer_is_not_divided_again() -> None:
    """Else west would be asked by 10 % of all callers, and get 10 % of their requests."""
    found = divided(east=90, west=10)
    assert weights(prefer(found, WEST)) == {"east": 0, "west": 1}
    assert weights(prefer(found, EAST)) == {"east": 1, "west": 0}


def test_over_all_answers_every_part_has_its_own_share() -> None:
    found = divided(east=60, west=10, both=30)
    total: dict[str, Fraction] = {}
    answers = nearest(found)
    for cluster_id, share in answers:
        given = weights(prefer(found, cluster_id))
        for part, weight in given.items():
            got = Fraction(share, sum(s for _, s in answers)) * Fraction(
                weight, sum(given.values())
            )
            total[part] = total.get(part, Fraction(0)) + got
    assert total == {"east": Fraction(6, 10), "west": Fraction(1, 10), "both": Fraction(3, 10)}


def test_an_old_answer_for_what_is_nowhere_now_divides_as_everybody_does() -> None:
    assert weights(prefer(divided(east=90, west=10), FAR)) == {"east": 90, "west": 10}


def test_a_preferred_cluster_is_first_within_each_part_and_in_no_other() -> None:
    found = prefer(divided(east=1, both=1), FAR)
    assert [
        [sorted({d.cluster for d in tier.destinations}) for tier in part.tiers]
        for part in found.ports[0].parts
    ] == [[["east"]], [["far"], ["west"]]]


def test_a_strict_plan_leads_to_the_parts_that_have_the_cluster() -> None:
    assert weights(only(divided(east=90, west=5, both=5), WEST)) == {
        "east": 0,
        "west": 5,
        "both": 5,
    }
    assert weights(only(divided(east=90, west=10), FAR)) == {"east": 90, "west": 10}
