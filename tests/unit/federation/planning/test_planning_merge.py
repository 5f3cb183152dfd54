"""The MCS merge rules (KEP-1645), one test each; names R and O are those of the suite."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.model.errors import InvalidInput
from federation.model.exports import Export, ServicePort, ServiceType, Transport
from federation.model.facts import Service
from federation.model.names import ClusterId, ServiceName
from federation.planning.merge import exposing, merge
from federation.wire import codec
from tests.unit import builders as b

TCP = b.port(42, "tcp", "")
STCP = b.port(142, "stcp", "", Transport.SCTP)


def reasons(service: Service) -> list[str]:
    return [conflict.reason for conflict in service.conflicts]


def test_one_export_is_the_service() -> None:
    only = b.export(
        "east", ports=(TCP,), labels=(("tier", "gold"),), affinity="ClientIP", seconds=10
    )
    merged = merge([only])
    assert merged.ports == (TCP,)
    assert merged.exporters == ("east",)
    assert merged.conflicts == ()
    assert (merged.session_affinity, merged.session_seconds) == ("ClientIP", 10)
    assert merged.labels == (("tier", "gold"),)


def test_a_newcomer_with_many_ports_does_not_make_a_service_nobody_can_read() -> None:
    many = tuple(b.port(1000 + n, f"p{n}", "") for n in range(100))
    merged = merge([b.export("east", created=1, ports=(TCP,)), b.export("west", ports=many)])
    assert TCP in merged.ports
    assert codec.decode(Service, codec.encode(merged)) == merged


def test_ports_are_united_and_the_difference_is_a_conflict() -> None:
    """R09."""
    merged = merge(
        [b.export("east", created=1, ports=(TCP,)), b.export("west", created=2, ports=(TCP, STCP))]
    )
    assert merged.ports == (TCP, STCP)
    assert reasons(merged) == ["PortConflict"]
    assert merged.conflicts[0].message == (
        "ports: in force is the union tcp 42/TCP, stcp 142/SCTP, clashes decided by the oldest "
        "export, of east; 1 cluster disagrees"
    )


def test_the_oldest_export_wins_a_port_name() -> None:
    """R10."""
    other = b.port(43, "tcp", "")
    merged = merge(
        [b.export("a", created=2, ports=(other,)), b.export("b", created=1, ports=(TCP,))]
    )
    assert merged.ports == (TCP,)


def test_the_oldest_export_wins_a_protocol_and_number() -> None:
    other = b.port(42, "renamed", "")
    merged = merge(
        [b.export("a", created=2, ports=(other,)), b.export("b", created=1, ports=(TCP,))]
    )
    assert merged.ports == (TCP,)
    assert reasons(merged) == ["PortConflict"]


def test_one_number_with_two_protocols_is_two_ports() -> None:
    udp = b.port(42, "udp", "", Transport.UDP)
    merged = merge([b.export("a", ports=(TCP,)), b.export("b", ports=(udp,))])
    assert merged.ports == (TCP, udp)


def test_a_different_application_protocol_is_a_conflict_that_the_oldest_wins() -> None:
    grpc = b.port(80, "http", "grpc")
    merged = merge([b.export("a", created=2, ports=(grpc,)), b.export("b", created=1)])
    assert merged.ports == (b.HTTP,)
    assert reasons(merged) == ["PortConflict"]


def test_the_lowest_cluster_id_wins_among_equally_old_exports() -> None:
    merged = merge([b.export("b", affinity="ClientIP"), b.export("a"), b.export("c")])
    assert merged.session_affinity == "None"
    assert merged.exporters == ("a", "b", "c")


def test_headlessness_is_decided_by_the_oldest() -> None:
    """R14."""
    merged = merge(
        [
            b.export("east", created=1),
            b.export("north", created=2, type=ServiceType.HEADLESS),
            b.export("west", created=3, type=ServiceType.HEADLESS),
        ]
    )
    assert merged.type is ServiceType.CLUSTERSET_IP
    assert [conflict.message for conflict in merged.conflicts] == [
        "type: in force is ClusterSetIP from east, the oldest export; 2 clusters disagree"
    ]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (b.export("b", affinity="ClientIP"), "SessionAffinityConflict"),
        (b.export("b", seconds=10), "SessionAffinityConfigConflict"),
        (b.export("b", traffic_policy="Local"), "InternalTrafficPolicyConflict"),
        (b.export("b", distribution="PreferClose"), "TrafficDistributionConflict"),
        (b.export("b", labels=(("k", "v"),)), "LabelsConflict"),
        (b.export("b", annotations=(("k", "v"),)), "AnnotationsConflict"),
        (b.export("b", families=("IPv4", "IPv6")), "IPFamilyConflict"),
    ],
)
def test_each_property_that_differs_is_a_conflict_and_the_oldest_wins(
    other: Export, reason: str
) -> None:
    merged = merge([b.export("a"), other])
    assert reasons(merged) == [reason]
    alone = merge([b.export("a")])
    assert merged.labels == alone.labels
    assert merged.traffic_distribution == alone.traffic_distribution


def test_maps_are_taken_whole_and_an_empty_one_is_named() -> None:
    """O02."""
    merged = merge([b.export("a"), b.export("b", labels=(("k", "v"),))])
    assert merged.labels == ()
    assert merged.conflicts[0].message == (
        "exportedLabels: in force is nothing from a, the oldest export; 1 cluster disagrees"
    )


def test_a_message_stays_short_enough_for_a_condition() -> None:
    labels = tuple((f"key-{n}", "v" * 60) for n in range(1000))
    merged = merge([b.export("a", labels=labels), b.export("b")])
    assert len(merged.conflicts[0].message) < 400


def test_the_order_of_address_families_is_no_conflict() -> None:
    merged = merge(
        [b.export("a", families=("IPv4", "IPv6")), b.export("b", families=("IPv6", "IPv4"))]
    )
    assert merged.conflicts == ()


@pytest.mark.parametrize(
    ("exports", "said"),
    [
        ([], "at least one"),
        ([b.export("a"), b.export("b", name=ServiceName("shop", "web"))], "shop/web"),
        ([b.export("a", created=1), b.export("a", created=2)], "two exports of cluster a"),
    ],
)
def test_what_cannot_be_merged_is_refused_with_its_reason(exports: list[Export], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        merge(exports)


def test_a_port_is_exposed_only_by_the_clusters_that_list_it() -> None:
    """O12: the same name with two numbers."""
    east, west = b.backend("east", ports=(42,)), b.backend("west", ports=(42, 4242))
    assert exposing([west, east], 42) == (east, west)
    assert exposing([west, east], 4242) == (west,)


PORTS = st.builds(
    ServicePort,
    name=st.sampled_from(["", "http", "grpc"]),
    transport=st.sampled_from(Transport),
    number=st.integers(80, 83),
    app_protocol=st.sampled_from(["", "http"]),
)
EXPORTS = st.lists(
    st.builds(
        b.export,
        st.sampled_from(["a", "b", "c", "d"]),
        created=st.integers(1, 3),
        ports=st.lists(PORTS, max_size=3).map(tuple),
        type=st.sampled_from(ServiceType),
        labels=st.sampled_from([(), (("k", "v"),)]),
    ),
    min_size=1,
    unique_by=lambda export: export.cluster,
)


@given(EXPORTS, st.data())
def test_every_permutation_merges_to_the_same_service(
    exports: list[Export], data: st.DataObject
) -> None:
    assert merge(data.draw(st.permutations(exports))) == merge(exports)


@given(EXPORTS)
def test_merged_ports_are_a_valid_import(exports: list[Export]) -> None:
    merged = merge(exports)
    names = [port.name for port in merged.ports]
    numbers = [(port.transport, port.number) for port in merged.ports]
    assert len(set(names)) == len(names)
    assert len(set(numbers)) == len(numbers)


@given(EXPORTS)
def test_the_youngest_export_adds_ports_and_decides_nothing(exports: list[Export]) -> None:
    *older, _ = sorted(exports, key=lambda export: (export.created, export.cluster))
    if not older:
        return
    before, after = merge(older), merge(exports)
    assert after.ports[: len(before.ports)] == before.ports
    assert before == replace(
        after,
        ports=before.ports,
        exporters=before.exporters,
        conflicts=before.conflicts,
        unserved=before.unserved,
    )
    called = {port.number for port in before.ports if port.transport is Transport.TCP}
    for export in older:
        for number in called:
            assert before.serves(export.cluster, number) == after.serves(export.cluster, number)


def test_a_call_without_a_port_means_port_80_or_the_lowest_of_the_oldest_export() -> None:
    web, high = b.port(8080, "web"), b.port(9090, "high")
    oldest = b.export("west", created=1, ports=(high, web))
    for lesser in (b.HTTP, b.port(79, "aux"), b.port(8081, "aux")):
        assert merge([oldest, b.export("east", created=2, ports=(lesser,))]).default_port == 8080
    assert merge([b.export(ports=(b.port(79, "aux"), b.HTTP))]).default_port == 80


def test_an_oldest_export_without_http_over_tcp_has_no_port_for_calls_without_one() -> None:
    udp = b.port(81, "http-3", "http", Transport.UDP)
    oldest = b.export("west", created=1, ports=(TCP, udp))
    assert merge([oldest, b.export("east", created=2)]).default_port == 0


@given(EXPORTS)
def test_no_conflict_means_that_all_clusters_said_the_same(exports: list[Export]) -> None:
    merged = merge(exports)
    same = len({(frozenset(e.ports), e.type, e.labels) for e in exports}) == 1
    assert (merged.conflicts == ()) == same


def test_a_cluster_that_cannot_serve_a_port_is_named_with_what_it_states() -> None:
    sql = b.port(80, "db", "mysql")
    newer = (b.export("c", created=3, ports=(sql,)), b.export("b", created=2, ports=(sql,)))
    merged = merge([b.export("a", created=1), *newer])
    assert merged.unserved == (("b", (80,)), ("c", (80,)))
    assert not merged.serves(ClusterId("b"), 80)
    assert merged.serves(ClusterId("a"), 80)
    assert merged.serves(ClusterId("b"), 81)
    assert merged.conflicts[1].message == (
        "port 80 is called as http; it gets no requests in b, which states mysql; c, which states "
        "mysql"
    )
    assert codec.decode(Service, codec.encode(merged)) == merged


def test_a_cluster_that_states_nothing_serves_what_callers_speak() -> None:
    merged = merge([b.export("a", created=1), b.export("b", created=2, ports=(b.port(app=""),))])
    assert merged.unserved == ()
    assert reasons(merged) == ["PortConflict"]
