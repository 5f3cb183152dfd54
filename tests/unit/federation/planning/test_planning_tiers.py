"""Which tiers a port has, and who is in them."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from federation.model.exports import Backend
from federation.model.facts import Cluster, Endpoint
from federation.model.names import ClusterId
from federation.model.plans import (
    Destination,
    Health,
    Importer,
    Plan,
    Target,
    Tier,
)
from federation.planning import ports
from federation.planning.stage import Known
from federation.planning.tiers import INBOUND_PORT, distinct, stage, target_of, tiers
from tests.unit import builders as b

HOME = b.cluster("east", zones=("a", "b"))


def where(found: tuple[Tier, ...]) -> list[list[tuple[str, str, int]]]:
    """Cluster, zone and weight of every destination, tier by tier."""
    return [[(d.cluster, d.locality.zone, d.weight) for d in tier.destinations] for tier in found]


def remote(id: str, region: str = "eu", *zones: str) -> Cluster:
    gateways = tuple(
        b.gateway(f"10.{len(id)}.{n}.{ord(id[0])}", zone) for n, zone in enumerate(zones or ("",))
    )
    return b.cluster(id, region=region, gateways=gateways)


def plan(
    *endpoints: Endpoint,
    backends: tuple[Backend, ...] = (),
    clusters: tuple[Cluster, ...] = (),
    importer: Importer | None = None,
) -> tuple[Tier, ...]:
    return tiers(80, backends, (HOME, *clusters), endpoints, importer or b.importer())


def test_distance_decides_first_and_within_a_distance_the_own_cluster() -> None:
    found = plan(
        b.endpoint("10.0.0.1", zone="a"),
        b.endpoint("10.0.1.1", zone="b"),
        backends=(b.backend("near"), b.backend("middle"), b.backend("far")),
        clusters=(remote("near"), remote("middle", "eu", "c"), remote("far", "us", "a")),
    )
    assert where(found) == [
        [("east", "a", 1)],
        [("near", "a", 1)],
        [("east", "b", 1)],
        [("middle", "c", 1)],
        [("far", "a", 1)],
    ]


def test_clusters_at_one_distance_share_a_tier_by_their_ready_endpoints() -> None:
    found = plan(
        backends=(b.backend("south", ready=6), b.backend("north", ready=2)),
        clusters=(remote("north"), remote("south")),
    )
    assert where(found) == [[("north", "a", 2), ("south", "a", 6)]]


def test_a_cluster_is_split_over_the_zones_of_its_gateways_as_the_gateways_are() -> None:
    found = plan(
        backends=(b.backend("west", ready=9),),
        clusters=(remote("west", "us", "a", "b", "b"),),
    )
    assert where(found) == [[("west", "a", 3), ("west", "b", 6)]]


def test_every_gateway_zone_has_weight_at_least_1() -> None:
    found = plan(
        backends=(b.backend("west", ready=1),), clusters=(remote("west", "us", "a", "b", "c"),)
    )
    assert [weight for tier in where(found) for _, _, weight in tier] == [1, 1, 1]


def test_a_gateway_without_a_zone_lies_in_the_first_zone_of_its_cluster() -> None:
    west = b.cluster("west", zones=("c", "a"), gateways=(b.gateway("10.2.0.1"),))
    assert where(plan(backends=(b.backend("west"),), clusters=(west,))) == [[("west", "c", 1)]]


def test_an_importer_without_region_prefers_its_own_cluster_all_the_same() -> None:
    nowhere = b.cluster("east", region="", zones=())
    west = b.cluster("west", region="", zones=(), gateways=(b.gateway("10.2.0.1"),))
    found = tiers(
        80,
        (b.backend("west"),),
        (nowhere, west),
        (b.endpoint(zone=""),),
        b.importer("east", "", ""),
    )
    assert where(found) == [[("east", "", 1)], [("west", "", 1)]]


def test_a_cluster_without_ready_endpoints_is_left_out_while_another_is_usable() -> None:
    found = plan(
        backends=(b.backend("empty", ready=0), b.backend("west")),
        clusters=(remote("empty"), remote("west", "us")),
    )
    assert where(found) == [[("west", "a", 1)]]


def test_a_cluster_without_gateways_or_unknown_or_without_the_port_is_left_out() -> None:
    found = plan(
        backends=(
            b.backend("walled"),
            b.backend("stranger"),
            b.backend("other", ports=(81,)),
            b.backend("west"),
        ),
        clusters=(b.cluster("walled"), remote("other"), remote("west")),
    )
    assert where(found) == [[("west", "a", 1)]]


def test_the_backend_of_the_own_cluster_is_never_dialled_through_its_gateways() -> None:
    home = b.cluster("east", gateways=(b.gateway("10.9.0.1"),))
    assert tiers(80, (b.backend("east"),), (home,), (), b.importer()) == ()


def test_when_nothing_is_ready_everything_known_is_listed_as_unhealthy() -> None:
    found = plan(
        b.endpoint("10.0.0.1", ready=False),
        backends=(b.backend("west", ready=0),),
        clusters=(remote("west"),),
    )
    assert where(found) == [[("east", "a", 1)], [("west", "a", 1)]]
    assert {t.health for tier in found for d in tier.destinations for t in d.targets} == {
        Health.UNHEALTHY
    }


def test_endpoints_that_are_not_ready_stay_listed_and_weigh_nothing() -> None:
    found = plan(
        b.endpoint("10.0.0.3", draining=True),
        b.endpoint("10.0.0.2", ready=False),
        b.endpoint("10.0.0.1"),
        b.endpoint("10.0.0.4"),
    )
    (destination,) = found[0].destinations
    assert destination.weight == 2
    assert [target.health for target in destination.targets] == [
        Health.HEALTHY,
        Health.UNHEALTHY,
        Health.DRAINING,
        Health.HEALTHY,
    ]


def seen_health(found: tuple[Tier, ...]) -> list[list[str]]:
    """Cluster, address and health of every target, tier by tier."""
    return [
        [f"{d.cluster} {t.address} {t.health}" for d in tier.destinations for t in d.targets]
        for tier in found
    ]


def reasons(
    *endpoints: Endpoint, backends: tuple[Backend, ...] = (), exporters: tuple[str, ...] = ()
) -> list[tuple[str, str, str]]:
    """Cluster, what and why of what the stage said about port 80."""
    clusters = (HOME, remote("west"), b.cluster("walled"))
    known = Known(
        b.facts(b.service(*exporters), backends, clusters),
        b.local_service(*endpoints),
        b.importer(),
    )
    plan, why = stage(known, ports.stage(known, Plan(b.API, (), ()))[0])
    assert [port.parts[0].tiers for port in plan.ports] != []
    assert all(reason.stage == "tiers" and reason.subject.port == 80 for reason in why)
    return [(reason.subject.cluster, reason.what, reason.why) for reason in why]


def test_what_is_in_its_place_needs_no_reason() -> None:
    assert reasons(b.endpoint(), backends=(b.backend("west"),), exporters=("east", "west")) == []


def test_every_cluster_that_is_left_out_is_said_with_the_reason() -> None:
    backends = (
        b.backend("west", ready=0),
        b.backend("walled"),
        b.backend("other", ports=(81,)),
        b.backend("stranger"),
    )
    found = reasons(b.endpoint(), backends=backends, exporters=("east", "west", "walled", "other"))
    assert found == [
        ("other", "left out", "it does not have the port"),
        ("stranger", "left out", "it does not export the service"),
        ("walled", "left out", "it has no gateway"),
        ("west", "left out", "nothing there is ready"),
    ]


def test_own_endpoints_of_a_service_that_is_not_exported_here_are_left_out_and_said() -> None:
    found = reasons(b.endpoint(), backends=(b.backend("west"),), exporters=("west",))
    assert found == [("east", "left out", "it does not export the service")]


def test_what_is_used_last_is_counted() -> None:
    leaving, sick = b.endpoint("10.0.0.1", draining=True), b.endpoint("10.0.0.2", ready=False)
    found = reasons(leaving, sick, b.endpoint("10.0.0.3"), exporters=("east",))
    assert [(what, why.split(",")[0]) for _, what, why in found] == [
        ("used last by 1 of its endpoints", "they are leaving"),
        ("used last by 1 of its endpoints", "they are not ready"),
    ]


def test_an_address_that_two_gateways_share_is_as_well_as_the_better_of_them() -> None:
    down = Target("10.2.0.1", 15443, Health.DEGRADED)
    up, going = replace(down, health=Health.HEALTHY), replace(down, health=Health.DRAINING)
    assert distinct((down, up)) == (up,)
    assert distinct((going, down)) == (down,)


def test_an_endpoint_is_dialled_at_its_sidecar_or_at_the_application() -> None:
    assert target_of(b.endpoint("10.0.0.1"), 80) == Target("10.0.0.1", INBOUND_PORT)
    assert target_of(b.endpoint("10.0.0.1", sidecar=False), 80) == Target(
        "10.0.0.1", 8080, mtls=False
    )
    assert target_of(b.endpoint("10.0.0.1"), 81) is None


def test_an_address_appears_once_and_the_healthiest_wins() -> None:
    sick, well = Target("10.0.0.1", 15006, Health.UNHEALTHY), Target("10.0.0.1", 15006)
    assert distinct([sick, well]) == (well,)


ZONES = ("a", "b", "c")
CLUSTERS = st.lists(
    st.builds(
        lambda id, region, zones, bare: b.cluster(
            id,
            region=region,
            zones=zones,
            gateways=tuple(
                b.gateway(f"10.{ord(id)}.0.{n}", "" if bare else zone)
                for n, zone in enumerate(zones)
            ),
        ),
        st.sampled_from("pqrst"),
        st.sampled_from(["eu", "us", ""]),
        st.lists(st.sampled_from(ZONES), max_size=3).map(tuple),
        st.booleans(),
    ),
    unique_by=lambda cluster: cluster.id,
    max_size=5,
)
BACKENDS = st.lists(
    st.builds(
        b.backend,
        st.sampled_from("pqrst"),
        ready=st.integers(0, 20),
        ports=st.sampled_from([(80,), (80, 81), (81,)]),
    ),
    unique_by=lambda backend: backend.cluster,
    max_size=5,
)
ENDPOINTS = st.lists(
    st.builds(
        b.endpoint,
        st.integers(1, 6).map(lambda n: f"10.0.0.{n}"),
        zone=st.sampled_from(ZONES),
        ready=st.booleans(),
        sidecar=st.booleans(),
        draining=st.booleans(),
    ),
    unique_by=lambda endpoint: endpoint.address,
    max_size=6,
)


def destinations(found: tuple[Tier, ...]) -> list[Destination]:
    return [destination for tier in found for destination in tier.destinations]


def remote_tiers(found: tuple[Tier, ...]) -> list[tuple[Destination, ...]]:
    tiers_ = (tuple(d for d in t.destinations if d.cluster != "east") for t in found)
    return [tier for tier in tiers_ if tier]


@given(BACKENDS, CLUSTERS, ENDPOINTS, st.data())
def test_the_order_of_inputs_never_changes_the_tiers(
    backends: list[Backend],
    clusters: list[Cluster],
    endpoints: list[Endpoint],
    data: st.DataObject,
) -> None:
    def shuffled(values: list[Endpoint] | list[Backend] | list[Cluster]) -> list[object]:
        return list(data.draw(st.permutations(values)))

    again = tiers(
        80,
        shuffled(backends),  # type: ignore[arg-type]
        shuffled([HOME, *clusters]),  # type: ignore[arg-type]
        shuffled(endpoints),  # type: ignore[arg-type]
        b.importer(),
    )
    assert again == tiers(80, backends, [HOME, *clusters], endpoints, b.importer())


@given(BACKENDS, CLUSTERS, ENDPOINTS)
def test_every_usable_backend_is_in_exactly_one_tier_per_gateway_zone(
    backends: list[Backend], clusters: list[Cluster], endpoints: list[Endpoint]
) -> None:
    found = tiers(80, backends, [HOME, *clusters], endpoints, b.importer())
    places = [(d.cluster, d.locality.zone) for d in destinations(found)]
    assert len(set(places)) == len(places)
    ready = {backend.cluster for backend in backends if backend.ready and 80 in backend.ports}
    expected = {
        (cluster.id, gateway.zone or cluster.zones[0])
        for cluster in clusters
        for gateway in cluster.gateways
        if cluster.id in ready
    }
    assert expected <= set(places)
    assert all(tier.destinations for tier in found)


@given(BACKENDS, CLUSTERS)
def test_weights_follow_the_ready_endpoints(
    backends: list[Backend], clusters: list[Cluster]
) -> None:
    # More than 19 times what others have is limited: test_planning_share_cap.
    assume(all(backend.ready <= 15 for backend in backends))
    found = destinations(tiers(80, backends, [HOME, *clusters], [], b.importer()))
    for backend in backends:
        weights = [d.weight for d in found if d.cluster == backend.cluster]
        zones = len(weights)
        if weights and backend.ready:
            assert backend.ready <= sum(weights) <= max(backend.ready, zones) + zones - 1
            assert sum(weights) == backend.ready or min(weights) == 1


@given(BACKENDS, CLUSTERS, ENDPOINTS)
def test_losing_all_local_endpoints_leaves_the_remote_tiers_as_they_were(
    backends: list[Backend], clusters: list[Cluster], endpoints: list[Endpoint]
) -> None:
    with_local = tiers(80, backends, [HOME, *clusters], endpoints, b.importer())
    without = tiers(80, backends, [HOME, *clusters], [], b.importer())
    assert not [d for d in destinations(without) if d.cluster == ClusterId("east")]
    if any(t.health is Health.HEALTHY for d in destinations(without) for t in d.targets):
        assert remote_tiers(with_local) == remote_tiers(without)


@given(BACKENDS, CLUSTERS, ENDPOINTS)
def test_a_plan_is_never_empty_while_something_is_known(
    backends: list[Backend], clusters: list[Cluster], endpoints: list[Endpoint]
) -> None:
    reachable = {cluster.id for cluster in clusters if cluster.gateways}
    known = any(80 in backend.ports and backend.cluster in reachable for backend in backends)
    found = tiers(80, backends, [HOME, *clusters], endpoints, b.importer())
    assert bool(found) == (known or bool(endpoints))
