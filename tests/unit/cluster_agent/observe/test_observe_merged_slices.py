"""What several slices say of one endpoint is one endpoint; what is two stays two."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cluster_agent.observe.merged_slices import Row, united
from federation.model.facts import Endpoint
from federation.planning.tiers import distinct, target_of

PLAIN = Endpoint("10.0.0.1", "", "a", "", True, False, ((80, 8080),))
POD = replace(PLAIN, workload="shop/p1", sidecar=True)
OWNER = "Pod/shop/p1"
V6 = "fd00::1"


def test_an_address_with_two_ports_is_two_endpoints() -> None:
    other = replace(PLAIN, targets=((80, 8081),))
    assert united([Row(PLAIN, ""), Row(other, "")]) == (PLAIN, other)
    broken = replace(PLAIN, ready=False)
    found = united([Row(broken, ""), Row(other, "")])
    assert [(e.targets, e.ready) for e in found] == [(((80, 8080),), False), (((80, 8081),), True)]


def test_ports_that_do_not_contradict_each_other_are_those_of_one_endpoint() -> None:
    admin = replace(PLAIN, targets=((81, 8081),))
    [found] = united([Row(PLAIN, ""), Row(admin, "")])
    assert found == replace(PLAIN, targets=((80, 8080), (81, 8081)))


def test_a_pod_with_addresses_of_both_families_is_one_endpoint() -> None:
    rows = [Row(replace(POD, address=V6), OWNER), Row(POD, OWNER)]
    assert united(rows) == (replace(POD, others=(V6,)),)
    [found] = united(rows, families=("IPv6", "IPv4"))
    assert (found.address, found.others) == (V6, ("10.0.0.1",))


def test_a_workload_is_dialled_where_its_sidecar_is() -> None:
    rows = [Row(POD, OWNER), Row(replace(POD, address=V6), OWNER)]
    [found] = united(rows, places={"shop/p1": V6})
    assert (found.address, found.others) == (V6, ("10.0.0.1",))
    [elsewhere] = united(rows, places={"shop/p1": "10.9.9.9"})
    assert elsewhere.address == "10.0.0.1"


def test_a_sidecar_never_gets_two_ports_under_one_name() -> None:
    other = replace(POD, targets=((80, 9090),))
    for rows in ([POD, other], [other, POD], [POD, replace(other, address=V6)]):
        [found] = united(Row(row, OWNER) for row in rows)
        assert found.targets == rows[0].targets
    ready = united([Row(replace(POD, ready=False), OWNER), Row(replace(other, address=V6), OWNER)])
    assert [(e.targets, e.ready) for e in ready] == [(((80, 9090),), True)]


def test_a_pod_without_a_sidecar_is_one_endpoint_in_both_families_and_two_at_two_ports() -> None:
    pod = replace(POD, sidecar=False)
    moved = replace(pod, targets=((80, 9090),))
    assert len(united([Row(pod, OWNER), Row(replace(moved, address=V6), OWNER)])) == 1
    assert len(united([Row(pod, OWNER), Row(moved, OWNER)])) == 2


def test_two_pods_at_one_address_are_two() -> None:
    other = replace(POD, workload="shop/p2", targets=((80, 9090),))
    found = united([Row(POD, OWNER), Row(other, "Pod/shop/p2")])
    assert [e.workload for e in found] == ["shop/p1", "shop/p2"]


def test_an_address_that_does_not_say_whose_it_is_belongs_to_the_pod_there() -> None:
    assert united([Row(PLAIN, ""), Row(POD, OWNER)]) == (POD,)
    assert united([Row(replace(PLAIN, ready=False), ""), Row(POD, OWNER)]) == (POD,)
    assert united([Row(PLAIN, ""), Row(replace(POD, ready=False), OWNER)]) == (POD,)


def test_what_one_slice_calls_ready_is_not_drained_by_another() -> None:
    going = replace(PLAIN, draining=True)
    for rows in ([going, PLAIN], [PLAIN, going]):
        [found] = united(Row(row, "") for row in rows)
        assert (found.ready, found.draining) == (True, False)
    [both] = united([Row(going, ""), Row(going, "")])
    assert both.draining


_ROWS = st.lists(
    st.builds(
        lambda address, port, ready, draining, pod: Row(
            replace(
                POD if pod else PLAIN,
                address=address,
                targets=((80, port),),
                ready=ready,
                draining=draining,
            ),
            OWNER if pod else "",
        ),
        st.sampled_from(["10.0.0.1", "10.0.0.2", V6]),
        st.sampled_from([8080, 8081]),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)


@given(_ROWS)
def test_every_usable_port_of_a_plain_address_is_dialled_and_a_pod_has_one(rows: list[Row]) -> None:
    found = united(rows)
    pods = [e for e in found if e.workload]
    assert len(pods) <= 1
    assert all(len(dict(e.targets)) == len(e.targets) for e in found)
    targets = [target_of(endpoint, 80) for endpoint in found]
    dialled = {(t.address, t.port) for t in distinct(t for t in targets if t is not None)}
    of_pods = {row.endpoint.address for row in rows if row.owner}
    for row in rows:
        if not row.owner and row.endpoint.address not in of_pods:
            assert (row.endpoint.address, row.endpoint.targets[0][1]) in dialled
