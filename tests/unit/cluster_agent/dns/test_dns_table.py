"""Changed step by step, the table equals one that is built from scratch."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_agent.dns.answer import Counts, answer
from cluster_agent.dns.protocol import Type, question, wire_name
from cluster_agent.dns.table import Table
from cluster_agent.dns.zone import service_records
from federation.model.exports import NamedEndpoint, ServicePort, ServiceType, Transport
from federation.model.names import ClusterId, ServiceName
from federation.model.zones import Choice, ServiceNames
from tests.unit.cluster_agent.dns.test_dns_answer import API, NAME, ZONES, query

PORT = ServicePort("http", Transport.TCP, 80)
NAMES = st.builds(ServiceName, st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]))
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1"])
CLUSTERS = st.sampled_from([ClusterId("east"), ClusterId("west")])


@st.composite
def services(draw: st.DrawFn) -> ServiceNames:
    name = draw(NAMES)
    ports = (PORT,) if draw(st.booleans()) else ()
    found = tuple(draw(st.lists(ADDRESSES, max_size=2, unique=True)))
    if draw(st.booleans()):
        clusters = draw(st.lists(CLUSTERS, unique=True))
        endpoints = tuple(
            NamedEndpoint(c, "pod", found or ("10.0.0.9",), (PORT,)) for c in clusters
        )
        return ServiceNames(name, ServiceType.HEADLESS, ports, endpoints=endpoints)
    nearest = (Choice(1, found),) if found else ()
    only = ((draw(CLUSTERS), found),) if found else ()
    return ServiceNames(name, ServiceType.CLUSTERSET_IP, ports, found, (), nearest, only)


STEPS = st.lists(st.tuples(NAMES, st.none() | services()), max_size=12)


def content(table: Table) -> tuple[dict[bytes, object], dict[bytes, int]]:
    names = {name: existing.owners for name, existing in table.names.items()}
    return {k: getattr(found, "bodies", found) for k, found in table.answers.items()}, names


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_step_by_step_equals_from_scratch(
    steps: list[tuple[ServiceName, ServiceNames | None]],
) -> None:
    table = Table(ZONES)
    known: dict[ServiceName, ServiceNames] = {}
    for name, names in steps:
        if names is None:
            table.drop(str(name))
            known.pop(name, None)
        else:
            table.set(str(names.service), service_records(names, ZONES))
            known[names.service] = names
    fresh = Table(ZONES)
    for names in known.values():
        fresh.set(str(names.service), service_records(names, ZONES))
    assert content(table) == content(fresh)
    assert table.owners() == fresh.owners()


def test_questions_are_counted_over_changes_of_the_table() -> None:
    table = Table(ZONES)
    table.set_synced(True)
    for _ in range(2):
        table.set("api", service_records(API, ZONES))
        for _ in range(3):
            answer(table, query(NAME), Counts())
    table.drop("api")
    assert table.asked() == {("clusterset.local", Type.A): 6}


def test_a_name_goes_with_its_last_owner() -> None:
    table = Table(ZONES)
    other = ServiceNames(ServiceName("shop", "web"), ServiceType.CLUSTERSET_IP, (), ("10.1.0.7",))
    table.set("api", service_records(API, ZONES))
    table.set("web", service_records(other, ZONES))
    namespace = wire_name("shop.svc.clusterset.local")
    table.drop("api")
    assert namespace in table.names
    assert question(wire_name(NAME), Type.A) not in table.answers
    table.drop("web")
    assert namespace not in table.names
