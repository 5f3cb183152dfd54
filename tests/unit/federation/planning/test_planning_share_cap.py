"""However many endpoints a cluster claims, others of its tier keep a part of the traffic."""

from hypothesis import given
from hypothesis import strategies as st

from federation.model.locality import Locality
from federation.model.names import ClusterId
from federation.model.plans import Destination, Target
from federation.planning.plan import plan_service
from federation.planning.share_cap import LARGEST_SHARE_PERCENT, bounded, fair
from tests.unit.builders import backend, cluster, facts, gateway, importer, service


def to(cluster_id: str, weight: int, zone: str = "a") -> Destination:
    target = Target("10.0.0.1", 15443)
    return Destination(ClusterId(cluster_id), Locality("eu", zone), weight, (target,))


def weights(*destinations: Destination) -> dict[str, int]:
    found: dict[str, int] = {}
    for destination in bounded(destinations):
        found[destination.cluster] = found.get(destination.cluster, 0) + destination.weight
    return found


def test_honest_counts_stay_as_they_are() -> None:
    assert weights(to("a", 100), to("b", 6)) == {"a": 100, "b": 6}


def test_a_cluster_alone_in_its_tier_takes_all_of_it() -> None:
    assert weights(to("a", 10_000), to("a", 5, "b")) == {"a": 10_005}


def test_one_that_claims_far_more_than_all_others_gets_no_more_than_its_largest_share() -> None:
    assert weights(to("a", 10_000), to("b", 2), to("c", 1)) == {"a": 57, "b": 2, "c": 1}
    assert weights(to("a", 5_000), to("a", 5_000, "b"), to("c", 2)) == {"a": 38, "c": 2}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 10_000)), min_size=1, max_size=9))
def test_no_cluster_gets_more_than_the_largest_share(claims: list[tuple[str, int]]) -> None:
    found = weights(*(to(name, weight, str(n)) for n, (name, weight) in enumerate(claims)))
    if len(found) > 1:
        assert 100 * max(found.values()) <= LARGEST_SHARE_PERCENT * sum(found.values()) + 900
    assert set(found) == {name for name, _ in claims}


def test_a_lying_cluster_leaves_a_plan_its_other_clusters() -> None:
    claims = {"liar": 10_000, "honest": 3}
    clusters = [
        cluster(c, gateways=(gateway(f"10.{n}.0.1"),)) for n, c in enumerate(claims, start=1)
    ]
    backends = [backend(c, ready=n) for c, n in claims.items()]
    plan = plan_service(facts(service(*claims), tuple(backends), tuple(clusters)), None, importer())
    (tier,) = plan.ports[0].parts[0].tiers
    assert {d.cluster: d.weight for d in tier.destinations} == {"liar": 57, "honest": 3}
    assert [(r.subject.cluster, r.what) for r in plan.reasons if r.stage == "share cap"] == [
        ("liar", "gets at most 95 % of its tier")
    ]


# -- answers that hold so much and no more ---------------------------------------------------------


def test_who_needs_little_leaves_the_rest_to_the_others() -> None:
    assert fair({"a": [1] * 10, "b": [1] * 2, "c": [1] * 10}, 12) == {"a": 5, "b": 2, "c": 5}
    assert fair({"a": [1] * 3}, 12) == {"a": 3}
    assert fair({}, 12) == {}


@given(
    st.dictionaries(st.integers(0, 5), st.lists(st.integers(1, 30), max_size=9)),
    st.integers(0, 300),
)
def test_all_have_no_more_than_there_is_and_each_its_equal_share_if_it_wants_it(
    costs: dict[int, list[int]], most: int
) -> None:
    found = fair(costs, most)
    spent = {owner: sum(costs[owner][:count]) for owner, count in found.items()}
    assert found.keys() == costs.keys()
    assert sum(spent.values()) <= most
    for owner, items in costs.items():
        is_whole = found[owner] == len(items)
        assert is_whole or spent[owner] + items[found[owner]] > most // len(costs)
