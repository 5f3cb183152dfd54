"""What Envoy's admin interface says of checked addresses."""

import json

import pytest

from federation.model.errors import PeerBroke
from federation.model.names import ClusterId, remote_name
from federation.model.observations import Remote
from federation.supervisor.observe.health_checks import (
    UNSEEN_SECONDS,
    Answering,
    Checked,
    Lost,
    read_checks,
)

WEST = (ClusterId("west"), "g1")
FAR = (ClusterId("far"), "g1")


def answer(**clusters: dict[str, bool]) -> bytes:
    """Services by name (underscores for dots), addresses with whether they fail."""
    return statuses(
        {f"{n.replace('__', '.')}.svc.clusterset.local": h for n, h in clusters.items()}
    )


def statuses(clusters: dict[str, dict[str, bool]]) -> bytes:
    """Clusters by name, addresses with whether they fail."""
    found = [
        {
            "name": name,
            "host_statuses": [
                {
                    "address": {"socket_address": {"address": address, "port_value": 15006}},
                    "health_status": {"eds_health_status": "HEALTHY"}
                    | ({"failed_active_health_check": True} if failing else {}),
                }
                for address, failing in hosts.items()
            ],
        }
        for name, hosts in clusters.items()
    ]
    return json.dumps({"cluster_statuses": found}).encode()


def test_addresses_that_fail_their_check_are_named() -> None:
    seen = read_checks(answer(api__shop={"10.0.0.2": True, "10.0.0.1": True, "10.0.0.3": False}))
    assert seen == Checked(frozenset({"10.0.0.1", "10.0.0.2"}), frozenset({"10.0.0.3"}))


def test_an_address_that_passes_for_one_service_does_not_fail() -> None:
    seen = read_checks(answer(api__shop={"10.0.0.1": True}, web__shop={"10.0.0.1": False}))
    assert seen == Checked(frozenset(), frozenset({"10.0.0.1"}))


def test_clusters_that_are_not_checked_say_nothing() -> None:
    """A gateway with entry has the addresses of its own workloads in those as well."""
    name = "80.api.shop.svc.clusterset.local"
    found = read_checks(
        statuses({name: {"10.0.0.1": True}, f"out~{name}~": {"10.0.0.1": False, "10.9.0.1": False}})
    )
    assert found == Checked(frozenset({"10.0.0.1"}), frozenset())


def seen(passing: set[str], failing: set[str]) -> Checked:
    return Checked(frozenset(failing), frozenset(passing))


def test_only_what_passed_before_is_lost() -> None:
    lost = Lost()
    assert lost.look(seen(set(), {"a", "b"})) == ()
    assert lost.look(seen({"a"}, {"b"})) == ()
    assert lost.look(seen(set(), {"a", "b"})) == ("a",)
    assert lost.look(seen({"a", "b"}, set())) == ()


def test_an_address_that_is_not_checked_any_more_is_forgotten() -> None:
    lost = Lost()
    lost.look(seen({"a"}, set()))
    lost.look(seen(set(), set()))
    assert lost.look(seen(set(), {"a"})) == ()


def test_other_clusters_do_not_count() -> None:
    pipe = {"address": {"pipe": {"path": "/run/xds"}}, "health_status": {}}
    other = {"cluster_statuses": [{"name": "fedmesh-xds", "host_statuses": [pipe]}, {"name": "a"}]}
    assert read_checks(json.dumps(other).encode()) == Checked(frozenset(), frozenset())


def test_gateways_of_other_clusters_are_told_apart_by_the_name_of_their_check() -> None:
    checks = {
        remote_name(*WEST): {"10.2.0.1": False},
        remote_name(*FAR): {"10.3.0.1": True},
        "80.api.shop.svc.clusterset.local": {"10.0.0.1": False},
    }
    assert read_checks(statuses(checks)) == Checked(
        frozenset(), frozenset({"10.0.0.1"}), {WEST: True, FAR: False}
    )


def test_a_gateway_that_is_called_like_a_service_is_no_workload_of_ours() -> None:
    """Its name was chosen by another cluster."""
    key = (ClusterId("west"), "80.api.shop.svc.clusterset.local")
    found = read_checks(statuses({remote_name(*key): {"10.2.0.1": False}}))
    assert found == Checked(frozenset(), frozenset(), {key: True})


def looks(*steps: tuple[float, dict[tuple[ClusterId, str], bool]]) -> list[dict[str, bool]]:
    """What is said after each of these looks: does the cluster answer?"""
    answering = Answering()
    return [
        {r.cluster: r.answers for r in answering.look(Checked(frozenset(), frozenset(), s), {}, at)}
        for at, s in steps
    ]


def test_a_gateway_that_was_never_reached_fails_after_a_while_only() -> None:
    at = 100.0
    assert looks(
        (at, {WEST: False}),
        (at + UNSEEN_SECONDS - 0.1, {WEST: False}),
        (at + UNSEEN_SECONDS, {WEST: False}),
        (at + UNSEEN_SECONDS + 1, {WEST: True}),
    ) == [{"west": True}, {"west": True}, {"west": False}, {"west": True}]


def test_a_gateway_that_was_reached_fails_at_once() -> None:
    assert looks((0.0, {WEST: True}), (0.1, {WEST: False})) == [{"west": True}, {"west": False}]


def test_patience_is_for_each_gateway_since_it_is_known() -> None:
    later = UNSEEN_SECONDS + 1
    assert looks((0.0, {WEST: False}), (later, {WEST: False, FAR: False})) == [
        {"west": True},
        {"far": True, "west": False},
    ]


def test_a_gateway_that_is_gone_and_comes_back_is_a_new_one() -> None:
    gone: dict[tuple[ClusterId, str], bool] = {}
    later = UNSEEN_SECONDS + 1
    assert looks((0.0, {WEST: True}), (1.0, gone), (later, {WEST: False})) == [
        {"west": True},
        {},
        {"west": True},
    ]


def test_gateways_are_told_in_order_and_with_their_times() -> None:
    seen = Checked(frozenset(), frozenset(), {WEST: True, FAR: True})
    assert Answering().look(seen, {WEST: 0.02}, 0.0) == (
        Remote(*FAR, True, 0.0),
        Remote(*WEST, True, 0.02),
    )


@pytest.mark.parametrize("rubbish", [b"", b"[]", b'{"cluster_statuses": [{}]}'])
def test_an_answer_that_cannot_be_read_is_said(rubbish: bytes) -> None:
    with pytest.raises(PeerBroke):
        read_checks(rubbish)
