"""EndpointSlices lead to machines of their own cluster and to Pods of their own namespace only."""

from ipaddress import ip_network
from typing import Any

import pytest

from cluster_agent.observe.index import Index
from cluster_agent.observe.service import VALID, Observed, observe_service
from cluster_agent.observe.usable_endpoints import in_words
from federation.model.names import ClusterId
from tests.unit.documents import API, Json, endpoint, export, pod, service, slice_of, world


def observed(*documents: Json, loopback: bool = False, offered: tuple[str, ...] = ()) -> Observed:
    objects = world(service(), export(), *documents)
    index = Index()
    index.affected(objects, objects)
    slices = index.slices(API, objects)
    east = ClusterId("east")
    ranges = tuple(map(ip_network, offered))
    return observe_service(
        API,
        slices,
        objects,
        east,
        first_seen=0,
        loopback=loopback,
        offered=ranges,
        namespaces_at=index.namespaces_at,
    )


def dialled(found: Observed) -> list[str]:
    assert found.local is not None
    return [e.address for e in found.local.endpoints]


@pytest.mark.parametrize(
    ("address", "family", "kind"),
    [
        ("127.0.0.1", "IPv4", "loopback"),
        ("127.61.0.11", "IPv4", "loopback"),
        ("::1", "IPv6", "loopback"),
        ("::ffff:127.0.0.1", "IPv6", "loopback"),
        ("169.254.169.254", "IPv4", "link-local"),
        ("fe80::1", "IPv6", "link-local"),
        ("::ffff:169.254.169.254", "IPv6", "link-local"),
        ("0.0.0.0", "IPv4", "unspecified"),
        ("224.0.0.1", "IPv4", "multicast"),
        ("ff02::1", "IPv6", "multicast"),
        ("255.255.255.255", "IPv4", "broadcast"),
    ],
)
def test_an_address_that_is_no_machine_of_the_cluster_is_not_dialled_and_the_others_are(
    address: str, family: str, kind: str
) -> None:
    found = observed(
        slice_of(endpoint(address), name="api-1", kind=family),
        slice_of(endpoint("10.0.0.1"), name="api-2"),
    )
    assert dialled(found) == ["10.0.0.1"]
    assert found.backend is not None
    assert found.backend.ready == 1
    assert found.valid is not None
    assert (found.valid.status, found.valid.reason) == ("True", "Valid")
    assert "without 1 endpoints: EndpointSlice api-1: address is" in found.valid.message
    assert f"({kind})" in found.valid.message


@pytest.mark.parametrize("loopback", [False, True])
def test_a_gateway_is_not_led_to_an_address_at_which_it_offers_services(loopback: bool) -> None:
    """One request would become thousands: each dials the gateway, which dials itself again."""
    parts = (
        slice_of(endpoint("10.96.0.7"), name="api-1"),
        slice_of(endpoint("10.97.0.7"), name="api-2"),
    )
    found = observed(*parts, loopback=loopback, offered=("10.96.0.0/16", "fd00::/64"))
    assert dialled(found) == ["10.97.0.7"]
    assert found.valid is not None
    assert "10.96.0.7, where a gateway offers services (entry)" in found.valid.message
    assert dialled(observed(*parts, loopback=loopback)) == ["10.96.0.7", "10.97.0.7"]


@pytest.mark.parametrize("loopback", [False, True])
def test_a_pod_of_another_namespace_does_not_answer_for_a_service(loopback: bool) -> None:
    other: Json = {"targetRef": {"kind": "Pod", "name": "secret", "namespace": "bank"}}
    found = observed(
        slice_of(endpoint("10.0.0.9", **other), endpoint("10.0.0.1", "p1")),
        pod("p1"),
        {**pod("secret", "bank"), "metadata": {"name": "secret", "namespace": "bank"}},
        loopback=loopback,
    )
    assert dialled(found) == ["10.0.0.1"]
    assert found.backend is not None
    assert found.backend.accounts == ("api",)
    assert found.left_out == (
        "EndpointSlice api-1: targetRef is Pod bank/secret, but must be in namespace shop",
    )


def with_address(found: Json, address: str, namespace: str = "bank", **spec: Any) -> Json:
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}, {"ip": "fd00::9"}]}
    metadata = {**found["metadata"], "namespace": namespace}
    return {
        **found, "metadata": metadata, "spec": {**found["spec"], **spec}, "status": status
    }  # fmt: skip


@pytest.mark.parametrize(
    ("address", "family", "target"),
    [
        ("10.0.0.9", "IPv4", ""),
        ("10.0.0.9", "IPv4", "p1"),
        ("::ffff:10.0.0.9", "IPv6", ""),
        ("fd00:0::9", "IPv6", ""),
    ],
)
def test_a_pod_of_another_namespace_is_not_dialled_by_its_address_alone(
    address: str, family: str, target: str
) -> None:
    found = observed(
        slice_of(endpoint(address, target), name="api-1", kind=family),
        slice_of(endpoint("10.0.0.1"), name="api-2"),
        pod("p1"),
        with_address(pod("secret", "bank"), "10.0.0.9"),
    )
    assert dialled(found) == ["10.0.0.1"]
    assert found.left_out == (
        f"EndpointSlice api-1: address is {address}, that of a Pod in namespace bank, but must be "
        "in namespace shop",
    )


def test_an_address_that_a_pod_shares_or_had_is_used() -> None:
    ended = with_address(pod("job"), "10.0.0.2")
    ended["status"]["phase"] = "Succeeded"
    found = observed(
        slice_of(*(endpoint(f"10.0.0.{i}") for i in (1, 2, 3))),
        with_address(pod("secret"), "10.0.0.3"),
        with_address(pod("p3"), "10.0.0.3", "shop"),
        ended,
        with_address(pod("of-the-machine"), "10.0.0.1", hostNetwork=True),
    )
    assert (len(dialled(found)), found.left_out) == (3, ())


def test_loopback_counts_where_it_is_allowed_and_link_local_never() -> None:
    found = observed(slice_of(endpoint("127.61.0.11"), endpoint("169.254.1.1")), loopback=True)
    assert dialled(found) == ["127.61.0.11"]
    assert len(found.left_out) == 1


def test_where_nothing_is_wrong_nothing_is_said() -> None:
    own: Json = {"targetRef": {"kind": "Pod", "name": "p1", "namespace": "shop"}}
    found = observed(slice_of(endpoint("10.0.0.1", **own), endpoint("10.0.0.2")), pod("p1"))
    assert (found.valid, found.left_out) == (VALID, ())


def test_many_reasons_are_said_in_part() -> None:
    bad = [endpoint(f"127.0.0.{i}") for i in range(1, 251)]
    found = observed(slice_of(*bad))
    assert dialled(found) == []
    assert len(found.left_out) == 250
    assert in_words(found.left_out).endswith("and 245 more")
    assert len(in_words(found.left_out)) < 1_000
