"""What Envoy's admin interface says of checked addresses."""

import json

import pytest

from federation.model.errors import PeerBroke
from federation.supervisor.observe import Checked, read_checks


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
    assert seen == Checked(("10.0.0.1", "10.0.0.2"), True)


def test_an_address_that_passes_for_one_service_does_not_fail() -> None:
    seen = read_checks(answer(api__shop={"10.0.0.1": True}, web__shop={"10.0.0.1": False}))
    assert seen == Checked((), True)


def test_a_gateway_that_reaches_nobody_says_so() -> None:
    assert read_checks(answer(api__shop={"10.0.0.1": True})) == Checked(("10.0.0.1",), False)
    assert read_checks(b'{"cluster_statuses": []}') == Checked((), False)


def test_other_clusters_do_not_count() -> None:
    other = {"cluster_statuses": [{"name": "fedmesh-xds", "host_statuses": [{"address": {}}]}]}
    assert read_checks(json.dumps(other).encode()) == Checked((), False)


@pytest.mark.parametrize("rubbish", [b"", b"[]", b'{"cluster_statuses": [{}]}'])
def test_an_answer_that_cannot_be_read_is_said(rubbish: bytes) -> None:
    with pytest.raises(PeerBroke):
        read_checks(rubbish)
