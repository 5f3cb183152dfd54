"""What gateways measured of the others: who is used last, and how far everybody is."""

from dataclasses import replace

from federation.model.facts import Cluster, Endpoint, ServiceFacts
from federation.model.names import ClusterId
from federation.model.plans import ALL_REACHABLE, Importer, Plan, Reachability, Tier
from federation.planning import ports, tiers
from federation.planning.plan import plan_service
from federation.planning.reachability import is_reachable, stage
from federation.planning.stage import Known
from tests.unit import builders as b

HOME = b.cluster("east", zones=("a", "b"))


def remote(id: str, region: str = "eu", zone: str = "") -> Cluster:
    return b.cluster(id, region=region, gateways=(b.gateway(f"10.{len(id)}.0.{ord(id[0])}", zone),))


def staged(known: Known) -> Plan:
    plan = tiers.stage(known, ports.stage(known, Plan(b.API, (), ()))[0])[0]
    return stage(known, plan)[0]


def planned(
    reachability: Reachability,
    facts: ServiceFacts,
    *endpoints: Endpoint,
    importer: Importer | None = None,
) -> tuple[Tier, ...]:
    local = b.local_service(*endpoints)
    known = Known(facts, local, importer or b.importer(), reachability=reachability)
    (port,) = staged(known).ports
    return port.parts[0].tiers


def seen_health(found: tuple[Tier, ...]) -> list[list[str]]:
    """Cluster, address and health of every target, tier by tier."""
    return [
        [f"{d.cluster} {t.address} {t.health}" for d in tier.destinations for t in d.targets]
        for tier in found
    ]


def reachability(*unreachable: str, **rtt: float) -> Reachability:
    """Gateways of `west` by address, and round-trip times by cluster."""
    return Reachability(
        frozenset((ClusterId("west"), f"gw-{address}") for address in unreachable),
        tuple((ClusterId(id), seconds) for id, seconds in sorted(rtt.items())),
    )


WEST = b.cluster("west", gateways=(b.gateway("10.2.0.1"), b.gateway("10.2.0.2")))


def seen(reachability: Reachability, *endpoints: Endpoint, ready: int = 1) -> tuple[Tier, ...]:
    backends = (b.backend("west", ready=ready),)
    return planned(
        reachability, b.facts(b.service("east", "west"), backends, (HOME, WEST)), *endpoints
    )


def test_a_gateway_that_does_not_answer_ours_is_degraded_and_stays_in_its_tier() -> None:
    assert seen_health(seen(reachability("10.2.0.1"))) == [
        ["west 10.2.0.1 DEGRADED", "west 10.2.0.2 HEALTHY"]
    ]


def test_when_no_gateway_answers_all_are_degraded_and_none_is_left_out() -> None:
    """Never the last backend: what proxies meet themselves may be better."""
    assert seen_health(seen(reachability("10.2.0.1", "10.2.0.2"), b.endpoint("10.0.0.1"))) == [
        ["east 10.0.0.1 HEALTHY"],
        ["west 10.2.0.1 DEGRADED", "west 10.2.0.2 DEGRADED"],
    ]


def test_without_ready_endpoints_a_gateway_is_unhealthy_however_it_answers() -> None:
    assert seen_health(seen(reachability("10.2.0.1"), ready=0)) == [
        ["west 10.2.0.1 UNHEALTHY", "west 10.2.0.2 UNHEALTHY"]
    ]


def test_a_gateway_of_the_same_name_elsewhere_is_another_one() -> None:
    other = Reachability(frozenset({(ClusterId("north"), "gw-10.2.0.1")}))
    assert seen(other) == seen(ALL_REACHABLE)


def test_what_is_seen_changes_neither_weights_nor_order() -> None:
    """HTTP and TCP move by health alone, so that a wrong view costs little."""
    blind, sees = (
        seen(ALL_REACHABLE, b.endpoint()),
        seen(reachability("10.2.0.1", "10.2.0.2"), b.endpoint()),
    )
    assert [[(d.cluster, d.weight) for d in tier.destinations] for tier in blind] == [
        [(d.cluster, d.weight) for d in tier.destinations] for tier in sees
    ]


def test_a_cluster_is_reachable_while_one_of_its_gateways_answers() -> None:
    assert is_reachable(WEST, ALL_REACHABLE), "nobody has looked yet"
    assert is_reachable(WEST, reachability("10.2.0.1"))
    assert not is_reachable(WEST, reachability("10.2.0.1", "10.2.0.2"))
    assert not is_reachable(b.cluster("walled"), ALL_REACHABLE)


def times(found: tuple[Tier, ...]) -> dict[str, float]:
    return {d.cluster: d.rtt for tier in found for d in tier.destinations}


def far_and_near(reachability: Reachability, importer: Importer | None = None) -> dict[str, float]:
    backends = (b.backend("west"), b.backend("middle"), b.backend("us"))
    clusters = (HOME, WEST, remote("middle", "eu", "c"), remote("us", "us"))
    home = importer or b.importer()
    facts = b.facts(b.service("east", "west", "middle", "us"), backends, clusters)
    return times(planned(reachability, facts, b.endpoint(), importer=home))


def test_until_measured_the_own_region_is_near_and_others_are_far() -> None:
    assert far_and_near(ALL_REACHABLE) == {"east": 0.0, "west": 0.0, "middle": 0.0, "us": 0.25}
    nowhere = far_and_near(ALL_REACHABLE, b.importer("east", "", ""))
    assert nowhere == {"east": 0.0, "west": 0.25, "middle": 0.25, "us": 0.25}


def test_what_was_measured_counts_and_not_the_region() -> None:
    assert far_and_near(reachability(west=0.5, us=0.0)) == {
        "east": 0.0,
        "west": 0.5,
        "middle": 0.0,
        "us": 0.0,
    }


def test_the_own_endpoints_are_near_whatever_is_said() -> None:
    assert far_and_near(reachability(east=2.0))["east"] == 0.0


def test_what_it_changed_is_said() -> None:
    backends = (b.backend("west"), b.backend("us"))
    facts = b.facts(b.service("west", "us"), backends, (HOME, WEST, remote("us", "us")))
    plan = plan_service(facts, None, b.importer(), reachability=reachability("10.2.0.1", west=0.5))
    said = [
        (reason.subject, reason.what, reason.why)
        for reason in plan.reasons
        if reason.stage == "reachability"
    ]
    assert said == [
        ((80, "default", "west"), "far", "a round trip takes up to 0.5 s"),
        (
            (80, "default", "west"),
            "used last by 1 of 2 gateways",
            "they do not answer ours",
        ),
        (
            (80, "default", "us"),
            "far",
            "a round trip takes up to 0.25 s, assumed since nobody measured",
        ),
    ]


def test_of_two_gateways_at_one_address_one_that_answers_is_enough() -> None:
    first = b.gateway("10.2.0.1")
    twins = b.cluster("west", gateways=(first, replace(first, name="other")))
    facts = b.facts(b.service("west"), (b.backend("west"),), (HOME, twins))
    one = Reachability(frozenset({(twins.id, first.name)}))
    both = Reachability(frozenset({(twins.id, first.name), (twins.id, "other")}))
    assert seen_health(planned(one, facts)) == [["west 10.2.0.1 HEALTHY"]]
    assert seen_health(planned(both, facts)) == [["west 10.2.0.1 DEGRADED"]]
