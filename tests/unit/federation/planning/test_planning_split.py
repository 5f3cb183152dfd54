"""A service in parts: each has its own tiers, and what fails in one never goes to another."""

from hypothesis import given
from hypothesis import strategies as st

from federation.model.names import ClusterId
from federation.model.plans import Division, Plan
from federation.planning.plan import plan_service
from tests.unit import builders as b

CLUSTERS = ("east", "west", "north", "south")
KNOWN = tuple(
    b.cluster(id, gateways=(b.gateway(f"10.{n}.0.1"),)) for n, id in enumerate(CLUSTERS, start=1)
)


def division(name: str, weight: int, *clusters: str) -> Division:
    return Division(name, weight, frozenset(map(ClusterId, clusters)))


STABLE, CANARY = division("stable", 90, "east", "west"), division("canary", 10, "north")


def plan(*divisions: Division, ready: dict[str, int] | None = None, **more: object) -> Plan:
    backends = tuple(b.backend(id, ready=(ready or {}).get(id, 1)) for id in CLUSTERS[1:])
    facts = b.facts(b.service(*CLUSTERS), backends, KNOWN)
    local = b.local_service(b.endpoint(ready=bool((ready or {}).get("east", 1))))
    return plan_service(facts, local, b.importer(), divisions=divisions, **more)  # type: ignore[arg-type]


def shape(plan: Plan) -> dict[str, tuple[int, list[list[str]]]]:
    """Weight and clusters by tier of every part."""
    (port,) = plan.ports
    return {
        part.name: (part.weight, [[d.cluster for d in t.destinations] for t in part.tiers])
        for part in port.parts
    }


def said(plan: Plan) -> list[tuple[str, str, str]]:
    return [(r.subject.part, r.what, r.why) for r in plan.reasons if r.stage == "split"]


def test_nobody_divided_it_so_it_has_one_part_with_everything() -> None:
    assert shape(plan()) == {"default": (1, [["east"], ["north", "south", "west"]])}
    assert said(plan()) == []


def test_each_part_has_the_tiers_of_its_own_clusters() -> None:
    found = plan(STABLE, CANARY)
    assert shape(found) == {"stable": (90, [["east"], ["west"]]), "canary": (10, [["north"]])}
    assert said(found) == [
        ("stable", "weight 90", "as it is divided"),
        ("canary", "weight 10", "as it is divided"),
    ]


def test_one_cluster_may_be_in_several_parts() -> None:
    found = shape(plan(STABLE, division("all", 5, *CLUSTERS)))
    assert found["all"] == (5, [["east"], ["north", "south", "west"]])


def test_a_part_without_weight_keeps_its_tiers() -> None:
    """What is pinned to it finds it, and its connections stay."""
    assert shape(plan(STABLE, division("canary", 0, "north")))["canary"] == (0, [["north"]])


def test_a_part_of_which_nothing_is_ready_gives_its_share_to_the_rest() -> None:
    found = plan(STABLE, CANARY, ready={"north": 0})
    assert {name: weight for name, (weight, _) in shape(found).items()} == {
        "stable": 90,
        "canary": 0,
    }
    assert said(found)[-1] == ("canary", "weight 0", "nothing in it is ready")


def test_when_no_part_has_anything_ready_all_keep_their_shares() -> None:
    dead = dict.fromkeys(CLUSTERS, 0)
    assert [weight for weight, _ in shape(plan(STABLE, CANARY, ready=dead)).values()] == [90, 10]


def test_a_part_without_weight_never_takes_the_share_of_one_that_is_lost() -> None:
    """Weight 0 is a promise: no request, whatever happens to the others."""
    found = plan(division("stable", 1, "west"), division("off", 0, "north"), ready={"west": 0})
    assert {name: weight for name, (weight, _) in shape(found).items()} == {"stable": 1, "off": 0}


def test_who_comes_back_is_held_within_its_part() -> None:
    """East is held, so the rest of its part goes first; the other part is not touched."""
    found = plan(STABLE, CANARY, shares={ClusterId("east"): 0})
    assert shape(found) == {"stable": (90, [["west"], ["east"]]), "canary": (10, [["north"]])}
    ramped = plan(STABLE, CANARY, shares={ClusterId("east"): 10})
    (port,) = ramped.ports
    (tier,) = port.parts[0].tiers
    assert {d.cluster: d.weight for d in tier.destinations} == {"east": 1000, "west": 9000}


def test_a_cluster_may_lie_about_its_part_but_not_about_others() -> None:
    found = plan(division("a", 1, "west", "south"), division("b", 1, "north"), ready={"west": 9999})
    tiers = {p.name: p.tiers for p in found.ports[0].parts}
    assert {d.cluster: d.weight for d in tiers["a"][0].destinations} == {"south": 1, "west": 19}
    assert [d.cluster for tier in tiers["b"] for d in tier.destinations] == ["north"]


PARTS = st.lists(
    st.builds(
        lambda weight, clusters: (weight, clusters),
        st.integers(0, 100),
        st.frozensets(st.sampled_from(CLUSTERS), min_size=1),
    ),
    min_size=1,
    max_size=4,
)


@given(PARTS, st.frozensets(st.sampled_from(CLUSTERS)))
def test_no_part_ever_leads_out_of_its_clusters(
    parts: list[tuple[int, frozenset[str]]], down: frozenset[str]
) -> None:
    divisions = [division(f"p{n}", weight, *ids) for n, (weight, ids) in enumerate(parts)]
    found = shape(plan(*divisions, ready=dict.fromkeys(down, 0)))
    assert list(found) == [d.name for d in divisions]
    for asked in divisions:
        weight, tiers = found[asked.name]
        assert {c for tier in tiers for c in tier} <= asked.clusters
        assert weight in (asked.weight, 0)
    if any(d.weight for d in divisions):
        assert any(weight for weight, _ in found.values())
