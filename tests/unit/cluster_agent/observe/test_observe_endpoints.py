"""Endpoints as slices, pods and nodes describe them."""

import pytest

from cluster_agent.observe.endpoints import account_of_workload, local_service, zone_of_workload
from cluster_agent.observe.index import Index
from cluster_agent.source.objects import Key
from federation.api.kubernetes import ServiceDocument
from federation.model.facts import Endpoint
from tests.unit.documents import API, DNS, HTTP, Json, endpoint, node, pod, service, slice_of, world


def endpoints(*documents: Json) -> tuple[Endpoint, ...]:
    objects = world(*documents)
    index = Index()
    index.affected(objects, objects)
    found = objects[Key("Service", *API)]
    assert isinstance(found, ServiceDocument)
    return local_service(API, found, index.slices(API, objects), objects).endpoints


def test_an_endpoint_takes_identity_and_zone_from_pod_and_node() -> None:
    [found] = endpoints(service(), slice_of(endpoint("10.0.0.1", "p1")), pod("p1"), node("a"))
    assert found == Endpoint("10.0.0.1", "shop/p1", "a", "api", True, True, ((80, 8080),))


def test_an_endpoints_own_zone_goes_before_its_nodes() -> None:
    [found] = endpoints(
        service(), slice_of(endpoint("10.0.0.1", zone="b", nodeName="n1")), node("a")
    )
    assert found.zone == "b"
    [found] = endpoints(service(), slice_of(endpoint("10.0.0.1", nodeName="n1")), node("a"))
    assert found.zone == "a"


def test_an_endpoint_without_a_pod_has_neither_sidecar_nor_account() -> None:
    [found] = endpoints(service(), slice_of(endpoint("10.0.0.1")))
    assert found == Endpoint("10.0.0.1", "", "", "", True, False, ((80, 8080),))


def test_a_pod_that_is_not_there_is_no_pod() -> None:
    [found] = endpoints(service(), slice_of(endpoint("10.0.0.1", "gone")))
    assert (found.workload, found.sidecar, found.account) == ("", False, "")


@pytest.mark.parametrize(
    ("conditions", "ready", "draining"),
    [
        ({}, True, False),
        ({"ready": False}, False, False),
        ({"ready": False, "serving": True, "terminating": True}, False, True),
    ],
)
def test_readiness_that_is_not_stated_is_readiness(
    conditions: Json, ready: bool, draining: bool
) -> None:
    [found] = endpoints(service(), slice_of(endpoint("10.0.0.1", conditions=conditions)))
    assert (found.ready, found.draining) == (ready, draining)


def test_slices_are_merged_and_an_address_counts_once() -> None:
    found = endpoints(
        service(),
        slice_of(endpoint("10.0.0.2"), endpoint("10.0.0.1"), name="api-1"),
        slice_of(endpoint("10.0.0.2"), endpoint("10.0.0.3"), name="api-2"),
    )
    assert [e.address for e in found] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_slices_of_host_names_are_passed_over() -> None:
    assert endpoints(service(), slice_of(endpoint("a.example"), kind="FQDN")) == ()


def test_targets_are_found_by_port_name_and_are_of_tcp_only() -> None:
    ports = [{"name": "dns", "port": 5353, "protocol": "UDP"}, {"name": "http", "port": 8080}]
    extra = {"name": "admin", "port": 81}
    [found] = endpoints(
        service(ports=[HTTP, DNS, extra]), slice_of(endpoint("10.0.0.1"), ports=ports)
    )
    assert found.targets == ((80, 8080),)


def test_a_slice_port_without_a_number_stands_for_every_port() -> None:
    [found] = endpoints(service(), slice_of(endpoint("10.0.0.1"), ports=[{"name": "http"}]))
    assert found.targets == ((80, 80),)


def test_an_address_in_two_slices_has_the_ports_of_both_and_is_ready_where_one_says_so() -> None:
    admin = {"name": "admin", "port": 81}
    [found] = endpoints(
        service(ports=[HTTP, admin]),
        slice_of(endpoint("10.0.0.1", conditions={"ready": False}), name="api-1"),
        slice_of(endpoint("10.0.0.1"), name="api-2", ports=[{"name": "admin", "port": 8081}]),
    )
    assert found.ready
    assert found.targets == ((80, 8080), (81, 8081))


def test_an_address_with_a_port_in_each_of_two_slices_is_two_endpoints() -> None:
    found = endpoints(
        service(),
        slice_of(
            endpoint("127.77.0.1", conditions={"ready": False}),
            name="a",
            ports=[{"name": "http", "port": 8081}],
        ),
        slice_of(endpoint("127.77.0.1"), name="b", ports=[{"name": "http", "port": 8082}]),
    )
    assert [(e.address, e.targets, e.ready) for e in found] == [
        ("127.77.0.1", ((80, 8081),), False),
        ("127.77.0.1", ((80, 8082),), True),
    ]


@pytest.mark.parametrize("port", [8080, 9090])
def test_a_pod_in_a_slice_of_each_family_is_one_endpoint_whatever_its_ports(port: int) -> None:
    found = endpoints(
        service(),
        slice_of(endpoint("10.0.0.1", "p1"), name="v4"),
        slice_of(
            endpoint("FD00:0::1", "p1"),
            name="v6",
            kind="IPv6",
            ports=[{"name": "http", "port": port}],
        ),
        pod("p1"),
    )
    assert [(e.address, e.others, e.targets) for e in found] == [
        ("10.0.0.1", ("fd00::1",), ((80, 8080),))
    ]


def test_one_address_in_two_spellings_is_one_endpoint() -> None:
    found = endpoints(
        service(),
        slice_of(endpoint("FD00:0::1"), name="a", kind="IPv6"),
        slice_of(endpoint("fd00::1"), name="b", kind="IPv6"),
    )
    assert [e.address for e in found] == ["fd00::1"]


def test_an_endpoint_that_one_slice_drains_and_another_does_not_is_ready() -> None:
    [found] = endpoints(
        service(),
        slice_of(endpoint("10.0.0.1", conditions={"ready": True, "terminating": True}), name="a"),
        slice_of(endpoint("10.0.0.1", conditions={"ready": True}), name="b"),
    )
    assert (found.ready, found.draining) == (True, False)


@pytest.mark.parametrize("ports", [[], None, [{"name": "other", "port": 1}]])
def test_an_endpoint_without_the_services_port_is_not_ready(ports: Json | None) -> None:
    part = slice_of(endpoint("10.0.0.1")) | {"ports": ports}
    [found] = endpoints(service(), part)
    assert (found.ready, found.targets) == (False, ())
    [with_it] = endpoints(service(), part, slice_of(endpoint("10.0.0.1"), name="b"))
    assert (with_it.ready, with_it.targets) == (True, ((80, 8080),))


def test_what_has_no_port_of_tcp_needs_none() -> None:
    empty = slice_of(endpoint("10.0.0.1")) | {"ports": []}
    [headless] = endpoints(service(clusterIP="None", ports=[]), empty)
    [by_name] = endpoints(service(clusterIP="None"), empty)
    [udp] = endpoints(service(ports=[DNS]), empty)
    assert (headless.ready, by_name.ready, udp.ready) == (True, True, True)


def test_the_workload_server_learns_account_and_zone() -> None:
    objects = world(pod("p1", account="acc"), node("a"))
    assert account_of_workload("shop/p1", objects) == "acc"
    assert account_of_workload("shop/p2", objects) is None
    assert zone_of_workload("shop/p1", objects) == "a"
    assert zone_of_workload("shop/p2", objects) == ""
