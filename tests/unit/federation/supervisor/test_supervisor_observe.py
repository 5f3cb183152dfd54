"""What Envoy's admin interface says of checked addresses."""

import json

import pytest

from federation.model.errors import PeerBroke
from federation.supervisor.observe import Checked, Lost, read_checks


def answer(**clusters: dict[str, bool]) -> bytes:
    """Clusters by name (underscores for dots), addresses with whether they fail."""
    statuses = [
        {
            "name": name.replace("__", ".") + ".svc.clusterset.local",
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
    return json.dumps({"cluster_statuses": statuses}).encode()


def test_addresses_that_fail_their_check_are_named() -> None:
    seen = read_checks(answer(api__shop={"10.0.0.2": True, "10.0.0.1": True, "10.0.0.3": False}))
    assert seen == Checked(frozenset({"10.0.0.1", "10.0.0.2"}), frozenset({"10.0.0.3"}))


def test_an_address_that_passes_for_one_service_does_not_fail() -> None:
    seen = read_checks(answer(api__shop={"10.0.0.1": True}, web__shop={"10.0.0.1": False}))
    assert seen == Checked(frozenset(), frozenset({"10.0.0.1"}))


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
    other = {"cluster_statuses": [{"name": "fedmesh-xds", "host_statuses": [{"address": {}}]}]}
    assert read_checks(json.dumps(other).encode()) == Checked(frozenset(), frozenset())


@pytest.mark.parametrize("rubbish", [b"", b"[]", b'{"cluster_statuses": [{}]}'])
def test_an_answer_that_cannot_be_read_is_said(rubbish: bytes) -> None:
    with pytest.raises(PeerBroke):
        read_checks(rubbish)
