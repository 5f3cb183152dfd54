"""Facts by service: what a batch of changes concerns, and what a plan is given."""

from cluster_agent.uplink.facts import Concerned, Facts
from federation.model.exports import Backend, Headless
from federation.model.facts import Bundle, Cluster, Service
from federation.model.names import ClusterId
from federation.wire import codec
from federation.xds.held_type import Change
from federation.xds.resources import resource
from tests.unit.builders import API, backend, cluster, headless, service

EAST, WEST = ClusterId("east"), ClusterId("west")
NOTHING = Concerned(frozenset(), bundles=False)
CLUSTERS_ONLY = Concerned(frozenset(), bundles=False, clusters=True)


Fact = Service | Backend | Headless | Cluster | Bundle


def told(value: Fact) -> Change:
    found = codec.fact_of(value)
    return Change(codec.kind_of(value).type_url, found.name, found, value)


def gone(value: Fact) -> Change:
    return Change(codec.kind_of(value).type_url, codec.fact_of(value).name, None)


def test_a_service_that_nobody_exports_has_no_facts() -> None:
    facts = Facts()
    assert facts.of(API, EAST) is None
    facts.apply([told(backend("west"))])
    assert facts.of(API, EAST) is None


def test_a_plan_is_given_backends_and_their_clusters_in_order_and_the_own_cluster() -> None:
    facts = Facts()
    values = (service("west", "north"), backend("west"), backend("north"))
    clusters = (cluster("west"), cluster("north"), cluster("east"), cluster("south"))
    concerned = facts.apply([told(v) for v in (*values, *clusters)])
    assert concerned == Concerned(frozenset({API}), bundles=False, clusters=True)
    found = facts.of(API, EAST)
    assert found is not None
    assert [b.cluster for b in found.backends] == ["north", "west"]
    assert [c.id for c in found.clusters] == ["east", "north", "west"]


def test_a_cluster_concerns_the_services_it_has_backends_of_and_no_others() -> None:
    facts = Facts()
    facts.apply([told(service("west")), told(backend("west"))])
    assert facts.apply([told(cluster("west"))]).services == {API}
    assert facts.apply([told(cluster("north"))]) == CLUSTERS_ONLY
    assert facts.apply([gone(cluster("west"))]).services == {API}


def test_the_services_of_a_cluster_are_those_with_backends_there() -> None:
    facts = Facts()
    facts.apply([told(service("west")), told(backend("west")), told(cluster("north"))])
    assert facts.services_of(WEST) == {API}
    assert facts.services_of(ClusterId("north")) == set()


def test_what_is_gone_is_forgotten() -> None:
    facts = Facts()
    values = (service("west"), backend("west"), cluster("west"), Bundle("west.mesh.test", ("PEM",)))
    facts.apply([told(v) for v in values])
    concerned = facts.apply([gone(v) for v in values])
    assert concerned == Concerned(frozenset({API}), bundles=True, clusters=True)
    assert (facts.services, facts.backends, facts.clusters, facts.bundles) == ({}, {}, {}, {})


def test_what_is_gone_twice_does_no_harm() -> None:
    facts = Facts()
    facts.apply([gone(backend("west")), gone(service("west")), gone(cluster("west"))])
    assert facts.backends == {}


def test_a_bundle_concerns_trust_and_no_service() -> None:
    facts = Facts()
    assert facts.apply([told(Bundle("west.mesh.test", ("PEM",)))]) == Concerned(frozenset(), True)


def test_types_that_are_not_facts_are_passed_over() -> None:
    assert Facts().apply([Change("type.example/x", "n", resource("n", b"?"))]) == NOTHING


def test_endpoints_of_other_clusters_concern_their_service_and_come_with_its_facts() -> None:
    facts = Facts()
    there = headless("west", "10.2.0.1")
    facts.apply([told(service("west"))])
    assert facts.apply([told(there)]) == Concerned(frozenset({API}), bundles=False)
    facts.apply([told(headless("east", "10.1.0.1"))])
    found = facts.of(API, EAST)
    assert found is not None
    assert found.headless == (there,), "the own are known better"
    assert facts.apply([gone(there)]) == Concerned(frozenset({API}), bundles=False)
    found = facts.of(API, EAST)
    assert found is not None
    assert found.headless == ()
