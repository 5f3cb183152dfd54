"""Members and reports in, facts out; every report is judged by the operator's word."""

import pytest

from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.model.errors import InvalidInput
from federation.model.exports import Backend, Export, Gateway
from federation.model.facts import Cluster
from federation.model.names import ClusterId
from federation.model.observations import Observation, Remote
from federation.model.proxies import Kind, KnownProxy, State
from federation.wire import codec
from federation.wire.codec.clusters import MAX_GATEWAYS
from federation.xds.held_type import Change
from federation.xds.resources import Resource, resource
from tests.unit.builders import API, backend, export, gateway, port, said

EAST, WEST = ClusterId("east"), ClusterId("west")


def member(cluster: ClusterId, **words: tuple[str, ...]) -> Member:
    return Member(cluster, f"{cluster}.mesh.test", "eu", anchors=("PEM",), **words)  # type: ignore[arg-type]


def registry(**words: tuple[str, ...]) -> Registry:
    made = Registry()
    made.set_member(member(EAST, **words))
    made.set_member(member(WEST))
    return made


def body(value: Export | Backend | Gateway | Observation) -> tuple[str, Resource]:
    return codec.kind_of(value).type_url, codec.resource_of(value)


def test_an_export_becomes_a_service_and_its_withdrawal_ends_it() -> None:
    there = registry()
    touched = there.apply(EAST, [said(export("east"))], 0)
    assert touched == {(codec.SERVICE, "shop/api")}
    gone = there.apply(EAST, [Change(codec.EXPORT, "shop/api", None)], 0)
    assert gone == {(codec.SERVICE, "shop/api")}
    assert there.table.get(codec.SERVICE, "shop/api") is None


def test_a_backend_is_passed_on_byte_for_byte() -> None:
    there = registry()
    change = said(backend("east", ready=3))
    there.apply(EAST, [change], 0)
    fact = there.table.get(codec.BACKEND, "shop/api@east")
    assert fact is not None
    assert change.resource is not None
    assert fact.body == change.resource.body


def test_an_unchanged_report_touches_nothing() -> None:
    there = registry()
    there.apply(EAST, [said(backend("east"))], 0)
    assert there.apply(EAST, [said(backend("east"))], 0) == set()


def test_exports_of_two_clusters_are_merged_and_one_withdrawal_leaves_the_other() -> None:
    there = registry()
    there.apply(EAST, [said(export("east"))], 0)
    there.apply(WEST, [said(export("west", created=200))], 0)
    assert [s.exporters for s, _ in there.services()] == [(EAST, WEST)]
    there.apply(EAST, [Change(codec.EXPORT, "shop/api", None)], 0)
    assert [s.exporters for s, _ in there.services()] == [(WEST,)]


def test_gateways_appear_in_the_fact_of_their_cluster() -> None:
    there = registry()
    touched = there.apply(EAST, [said(gateway("10.1.0.1"))], 0)
    assert touched == {(codec.CLUSTER, "east")}
    fact = there.table.get(codec.CLUSTER, "east")
    assert fact is not None
    assert codec.decode(Cluster, fact.body).gateways == (gateway("10.1.0.1"),)


def test_a_backdated_export_does_not_take_over_a_running_service() -> None:
    there = registry()
    there.apply(EAST, [said(export("east", created=1000))], 0)
    evil = export("west", created=0, ports=(port(81),))
    there.apply(WEST, [said(evil)], first_seen=5000)
    (service, _), *_ = there.services()
    assert [p.number for p in service.ports] == [80]


def test_an_export_keeps_the_time_it_was_first_seen_when_it_is_reported_again() -> None:
    there = registry()
    there.apply(WEST, [said(export("west", created=0))], first_seen=5000)
    there.apply(WEST, [said(export("west", created=0, affinity="ClientIP"))], first_seen=9000)
    there.apply(EAST, [said(export("east", created=6000))], 0)
    (service, _), *_ = there.services()
    assert service.session_affinity == "ClientIP"


def test_who_comes_later_to_a_running_service_is_not_older_however_old_it_says_it_is() -> None:
    """Also in its first report of all, which is else taken at its word."""
    there = registry()
    there.apply(EAST, [said(export("east", created=1000))], 0)
    there.table.mark_complete(codec.SERVICE)
    evil = export("west", created=0, ports=(port(81),), affinity="ClientIP")
    there.apply(WEST, [said(evil)], first_seen=0)
    ((service, _),) = there.services()
    assert service.session_affinity == "None"
    assert service.ports == (port(80),)
    assert there.created(WEST, "shop/api") == 1001


def test_the_age_that_a_newcomer_was_given_holds_after_a_restart() -> None:
    there = registry()
    there.apply(EAST, [said(export("east", created=1000))], 0)
    there.table.mark_complete(codec.SERVICE)
    evil = said(export("west", created=0, affinity="ClientIP"))
    there.apply(WEST, [evil], first_seen=0)
    age = there.created(WEST, "shop/api")
    again = registry()
    again.apply(WEST, [evil], age)
    again.apply(EAST, [said(export("east", created=1000))], 1000)
    ((service, _),) = again.services()
    assert service.session_affinity == "None"


def test_before_the_facts_are_complete_the_older_export_wins_whoever_reports_first() -> None:
    there = registry()
    there.apply(EAST, [said(export("east", created=1000, affinity="ClientIP"))], 0)
    there.apply(WEST, [said(export("west", created=500))], 0)
    ((service, _),) = there.services()
    assert service.session_affinity == "None"


def test_a_gateway_in_a_zone_nobody_stated_is_told_of_without_it() -> None:
    there = registry(zones=("a", "b"))
    lying = Gateway("gw-1", "10.1.0.1", 15443, "c")
    there.apply(EAST, [said(lying), said(gateway("10.1.0.2", zone="b"))], 0)
    fact = there.table.get(codec.CLUSTER, "east")
    assert fact is not None
    zones = {g.name: g.zone for g in codec.decode(Cluster, fact.body).gateways}
    assert zones == {"gw-1": "", "gw-10.1.0.2": "b"}
    (text,) = there.remarks(EAST)
    assert "says that it is in zone c, which is not stated for cluster east" in text


def test_a_cluster_cannot_name_more_gateways_of_another_than_that_can_have() -> None:
    there = registry()
    many = tuple(of_east(f"g{n}") for n in range(MAX_GATEWAYS + 5))
    there.apply(WEST, [said(seen(WEST, *many))], 0)
    assert len(there.observations.seen_from(EAST)) == MAX_GATEWAYS


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (export("west"), "names cluster west, but east reports it"),
        (backend("west"), "names cluster west"),
        (gateway("192.0.2.1"), "must lie within 10.0.0.0/8"),
    ],
)
def test_a_report_that_oversteps_is_refused(value: Export | Backend | Gateway, reason: str) -> None:
    there = registry(gateway_cidrs=("10.0.0.0/8",))
    with pytest.raises(InvalidInput, match=reason):
        there.reader(EAST)(*body(value))


def test_an_export_outside_the_allowed_namespaces_is_refused() -> None:
    there = registry(namespaces=("pay",))
    with pytest.raises(InvalidInput, match="namespace shop may not be exported by cluster east"):
        there.reader(EAST)(*body(export("east")))


def test_a_report_under_another_name_is_refused() -> None:
    type_url, found = body(export("east"))
    with pytest.raises(InvalidInput, match="describes service"):
        registry().reader(EAST)(type_url, Resource("shop/other", found.version, found.body))


def test_what_a_cluster_reports_within_its_rights_is_accepted() -> None:
    """Nothing is raised."""
    check = registry(namespaces=(API.namespace,), gateway_cidrs=("10.0.0.0/8",)).reader(EAST)
    for value in (export("east"), backend("east"), gateway("10.2.3.4")):
        check(*body(value))


def seen(observer: ClusterId, *remotes: Remote) -> Observation:
    return Observation(observer, remotes)


def of_east(gateway: str, answers: bool = True, rtt: float = 0.02) -> Remote:
    return Remote(EAST, gateway, answers, rtt)


def test_what_a_cluster_sees_is_shown_for_those_it_sees_and_is_a_fact_for_nobody() -> None:
    there = registry()
    north = ClusterId("north")
    there.set_member(member(north))
    to_west = Remote(WEST, "g1", True)
    one, two = of_east("g1"), of_east("g2", answers=False)
    assert there.apply(WEST, [said(seen(WEST, one, two))], 0) == set()
    there.apply(north, [said(seen(north, one, to_west))], 0)
    assert there.observations.seen_from(EAST) == ((north, one), (WEST, one), (WEST, two))
    assert there.observations.seen_from(WEST) == ((north, to_west),)
    assert there.observations.seen_from(north) == ()


def test_what_a_cluster_says_of_itself_is_no_witness() -> None:
    there = registry()
    there.apply(EAST, [said(seen(EAST, of_east("g1")))], 0)
    assert there.observations.seen_from(EAST) == ()


def test_the_last_observation_of_a_cluster_counts_until_it_is_taken_back() -> None:
    there = registry()
    there.apply(WEST, [said(seen(WEST, of_east("g1")))], 0)
    lost = of_east("g1", answers=False)
    there.apply(WEST, [said(seen(WEST, lost))], 0)
    assert there.observations.seen_from(EAST) == ((WEST, lost),)
    there.apply(WEST, [Change(codec.OBSERVATION, "west", None)], 0)
    assert there.observations.seen_from(EAST) == ()


def test_proxies_are_known_by_cluster_and_go_with_all_that_it_reported() -> None:
    there, proxy = registry(), KnownProxy(Kind.GATEWAY, "gw", True, State.SERVING)
    assert there.apply(EAST, [said(proxy)], 0) == set(), "no agent is told of them"
    assert there.proxies.get(EAST, "gateway/gw") == proxy
    gone = there.withdrawals(EAST)
    assert Change(codec.KNOWN_PROXY, "gateway/gw", None) in gone
    there.apply(EAST, gone, 0)
    assert there.proxies.names(EAST) == []


def test_an_observation_in_the_name_of_another_cluster_is_refused() -> None:
    check = registry().reader(EAST)
    type_url, own = body(seen(EAST, Remote(WEST, "g1", True)))
    check(type_url, own)
    _, foreign = body(seen(WEST, of_east("g1")))
    with pytest.raises(InvalidInput, match="it names cluster west, but east reports it"):
        check(type_url, foreign)
    with pytest.raises(InvalidInput, match="it names cluster west"):
        check(type_url, resource("east", foreign.body))
    with pytest.raises(InvalidInput, match="it describes observation east"):
        check(type_url, resource("west", own.body))


def test_all_have_reported_only_when_every_joined_cluster_has() -> None:
    there = registry()
    there.set_member(Member(ClusterId("new"), "new.mesh.test", "eu"))
    there.mark_reported(EAST)
    assert not there.has_all_reported()
    there.mark_reported(WEST)
    assert there.has_all_reported()
