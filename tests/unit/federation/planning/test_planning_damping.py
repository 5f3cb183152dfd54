"""What was lost and is back is held for a while, then trusted step by step."""

from hypothesis import given
from hypothesis import strategies as st

from federation.model.locality import Locality
from federation.model.names import ClusterId
from federation.model.plans import Destination, Target, Tier
from federation.planning.damping import (
    DAMPING,
    FIRST_SHARE,
    FULL,
    Damping,
    Usability,
    damped,
    next_change,
    observe,
    share,
)
from federation.planning.plan import plan_service
from tests.unit import builders as b

EAST, WEST, FAR = ClusterId("east"), ClusterId("west"), ClusterId("far")


def story(*steps: tuple[float, bool]) -> Usability:
    seen: Usability | None = None
    for now, usable in steps:
        seen = observe(seen, usable, now)
    assert seen is not None
    return seen


def destination(cluster: ClusterId, weight: int = 1) -> Destination:
    return Destination(cluster, Locality("r", cluster), weight, (Target(f"10.0.0.{weight}", 1),))


def tier(*found: Destination) -> Tier:
    return Tier(found)


def parts(found: tuple[Tier, ...]) -> list[dict[str, int]]:
    """Percent of the traffic of each tier by cluster."""
    sums = [sum(d.weight for d in t.destinations) for t in found]
    return [
        {d.cluster: round(100 * d.weight / total) for d in t.destinations}
        for t, total in zip(found, sums, strict=True)
    ]


def test_what_is_usable_from_the_start_is_trusted_at_once() -> None:
    assert share(story((0, True)), 0) == FULL


def test_what_becomes_usable_for_the_first_time_is_trusted_at_once() -> None:
    assert share(story((0, False), (5, True)), 5) == FULL


def test_what_is_lost_has_no_share() -> None:
    assert share(story((0, True), (5, False)), 6) == 0


def test_what_is_back_is_held_and_then_ramped() -> None:
    seen = story((0, True), (100, False), (200, True))
    assert share(seen, 200) == 0
    assert share(seen, 200 + DAMPING.hold - 0.1) == 0
    assert share(seen, 200 + DAMPING.hold) == FIRST_SHARE
    assert share(seen, 200 + DAMPING.hold + DAMPING.ramp) == FULL


def test_flapping_starts_the_hold_anew_each_time() -> None:
    steps = [(float(t), t % 2 == 0) for t in range(60)]
    seen = story(*steps, (60.0, True))
    assert share(seen, 60 + DAMPING.hold - 1) == 0


@given(st.floats(0, 100))
def test_the_share_only_grows_and_never_faster_than_the_ramp(after: float) -> None:
    seen = story((0, True), (1, False), (2, True))
    now = 2 + after
    assert share(seen, now) <= share(seen, now + 1)
    allowed = FIRST_SHARE + (FULL - FIRST_SHARE) * max(0.0, after - DAMPING.hold) / DAMPING.ramp
    assert share(seen, now) <= allowed


@given(st.floats(0, 60))
def test_between_two_announced_changes_the_share_stays(after: float) -> None:
    seen = story((0, True), (1, False), (2, True))
    now = 2 + after
    due = next_change(seen, now)
    if due is None:
        assert share(seen, now) == FULL
    else:
        assert due > now
        assert share(seen, now) == share(seen, now + (due - now) * 0.99)


def test_a_held_cluster_comes_last_and_stays() -> None:
    found = damped((tier(destination(EAST)), tier(destination(WEST))), {EAST: 0})
    assert parts(found) == [{"west": 100}, {"east": 100}]


def test_a_ramped_cluster_shares_with_the_next_tier() -> None:
    tiers = (tier(destination(EAST, 2)), tier(destination(WEST, 7)), tier(destination(FAR)))
    assert parts(damped(tiers, {EAST: 10})) == [{"east": 10, "west": 90}, {"far": 100}]


def test_a_ramped_cluster_takes_its_share_of_its_part_in_a_shared_tier() -> None:
    tiers = (tier(destination(EAST, 1), destination(WEST, 1)),)
    assert parts(damped(tiers, {EAST: 40})) == [{"east": 20, "west": 80}]


def test_alone_a_returning_cluster_gets_everything() -> None:
    assert parts(damped((tier(destination(EAST)),), {EAST: 10})) == [{"east": 100}]
    assert parts(damped((tier(destination(EAST)),), {EAST: 0})) == [{"east": 100}]


def test_trusted_tiers_stay_as_they_are() -> None:
    tiers = (tier(destination(EAST, 3)), tier(destination(WEST, 2), destination(FAR, 5)))
    assert damped(tiers, {}) == tiers


clusters = st.sampled_from((EAST, WEST, FAR))


@given(
    st.lists(st.lists(st.integers(1, 1_000_000), min_size=1, max_size=3), min_size=1, max_size=3),
    st.dictionaries(clusters, st.integers(0, 100)),
)
def test_nothing_is_lost_and_nothing_appears_twice(
    weights: list[list[int]], shares: dict[ClusterId, int]
) -> None:
    names = (EAST, WEST, FAR)
    tiers = tuple(
        tier(*(Destination(names[i], Locality("r", f"z{n}"), w, ()) for i, w in enumerate(row)))
        for n, row in enumerate(weights)
    )
    before = sorted((d.cluster, d.locality) for t in tiers for d in t.destinations)
    after = damped(tiers, shares)
    assert sorted((d.cluster, d.locality) for t in after for d in t.destinations) == before
    assert all(d.weight >= 1 for t in after for d in t.destinations)
    assert all(t.destinations for t in after)


def test_without_damping_what_is_back_is_trusted_at_once() -> None:
    assert share(story((0, True), (1, False), (2, True)), 2, Damping(0, 0)) == FULL


def test_who_is_held_or_ramped_is_said_and_nobody_else() -> None:
    clusters = tuple(
        b.cluster(id, gateways=(b.gateway(f"10.{n}.0.1"),))
        for n, id in enumerate((EAST, WEST, FAR), start=1)
    )
    facts = b.facts(b.service(EAST, WEST, FAR), (b.backend(WEST), b.backend(FAR)), clusters)
    plan = plan_service(facts, b.local_service(b.endpoint()), b.importer(), {WEST: 0, FAR: 40})
    said = [(r.subject, r.what) for r in plan.reasons if r.stage == "damping"]
    assert said == [
        ((80, "default", "far"), "gets 40 % of its traffic"),
        ((80, "default", "west"), "used last"),
    ]
    assert not plan_service(facts, None, b.importer()).reasons
