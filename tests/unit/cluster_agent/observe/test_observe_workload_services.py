"""Of a workload: its services and its addresses, as services come, change and go."""

from dataclasses import replace

from cluster_agent.observe.workload_services import WorkloadServices
from federation.model.names import ServiceName
from tests.unit.builders import API, endpoint, local_service

WEB = ServiceName("shop", "web")
ONE, TWO = "shop/api-10.0.0.1", "shop/api-10.0.0.2"


def test_a_service_concerns_the_workloads_that_it_has_or_had() -> None:
    behind = WorkloadServices()
    assert behind.update(API, local_service(endpoint("10.0.0.1"))) == {ONE}
    assert behind.update(WEB, local_service(endpoint("10.0.0.1"), endpoint("10.0.0.2"))) == {
        ONE,
        TWO,
    }
    assert behind.services(ONE) == {API, WEB}
    assert behind.update(API, local_service(endpoint("10.0.0.2"))) == {ONE, TWO}
    assert behind.services(ONE) == {WEB}
    assert behind.services(TWO) == {API, WEB}
    assert behind.update(WEB, None) == {ONE, TWO}
    assert behind.services(ONE) == frozenset()


def test_a_workload_is_at_all_addresses_of_its_endpoints() -> None:
    behind = WorkloadServices()
    dual = replace(endpoint("10.0.0.1"), others=("fd00::1",))
    behind.update(API, local_service(dual, endpoint("10.0.0.2")))
    assert behind.addresses(ONE) == {"10.0.0.1", "fd00::1"}
    assert behind.addresses("shop/other") == frozenset()


def test_a_sidecar_at_the_other_address_is_dialled_where_it_is_not() -> None:
    behind = WorkloadServices()
    behind.update(API, local_service(replace(endpoint("10.0.0.1"), others=("fd00::1",))))
    assert behind.misplaced(ONE, "fd00::1") == {API}
    assert behind.misplaced(ONE, "10.0.0.1") == frozenset()
    assert behind.misplaced(ONE, "10.9.9.9") == frozenset()
