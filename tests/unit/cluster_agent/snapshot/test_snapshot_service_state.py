"""What one service asks of gateways and sidecars, and how often gateways check."""

from dataclasses import replace

from cluster_agent.snapshot.service_state import (
    MAX_CHECKS_PER_SECOND,
    MAX_REMOTE_CHECKS_PER_SECOND,
    ServiceState,
    bounded,
    check_interval,
    count_checks,
    gateway_resources,
    inbound_ports,
)
from federation.model.exports import AppProtocol
from gateway.compile import CHECK_SECONDS, OFTEN
from gateway.remotes import REMOTE_CHECK_SECONDS
from tests.unit.builders import endpoint, export, facts, local_service, port, service

TWO = local_service(endpoint("10.0.0.1"), endpoint("10.0.0.2", sidecar=False))
EXPORTED = ServiceState(None, TWO, export(ports=(port(), port(81, "admin"))))
PRIVATE = replace(EXPORTED, export=None)


def test_only_endpoints_with_a_sidecar_are_checked_once_for_each_exported_port() -> None:
    assert count_checks(EXPORTED) == 2
    assert count_checks(PRIVATE) == 0
    assert count_checks(None) == 0


def test_gateways_serve_what_is_exported_only() -> None:
    assert gateway_resources(EXPORTED, OFTEN)
    assert gateway_resources(PRIVATE, OFTEN) == ()


def test_a_workload_is_reached_by_the_ports_it_has() -> None:
    workload = "shop/api-10.0.0.1"
    found = [(p.sni, p.port) for p in inbound_ports(EXPORTED, workload)]
    assert found == [("80.api.shop.svc.clusterset.local", 8080)]
    assert inbound_ports(PRIVATE, workload) == []
    assert inbound_ports(EXPORTED, "shop/other") == []


def test_checks_of_workloads_are_bounded_however_many_addresses_there_are() -> None:
    for checks in (0, 1, 640, 641, 1_000, 50_000):
        assert checks / check_interval(checks) <= MAX_CHECKS_PER_SECOND
    assert check_interval(640) == CHECK_SECONDS
    assert check_interval(641) == 2 * CHECK_SECONDS


def test_checks_of_other_gateways_are_bounded_however_many_clusters_there_are() -> None:
    for count in (0, 1, 100, 101, 10_000):
        interval = bounded(REMOTE_CHECK_SECONDS, count, MAX_REMOTE_CHECKS_PER_SECOND)
        assert count / interval <= MAX_REMOTE_CHECKS_PER_SECOND


def test_what_the_clusterset_says_of_a_port_decides_how_it_is_served() -> None:
    local = local_service(endpoint("10.0.0.1"), endpoint("10.0.0.2", sidecar=False))
    undeclared = export(ports=(port(app="", name="web"),))
    alone = ServiceState(None, local, undeclared)
    workload = "shop/api-10.0.0.1"
    assert [p.protocol for p in inbound_ports(alone, workload)] == [AppProtocol.TCP]
    together = replace(alone, facts=facts(service("east", "west")))
    assert [p.protocol for p in inbound_ports(together, workload)] == [AppProtocol.HTTP1]
    names = {r.name for r in gateway_resources(together, OFTEN)}
    assert names == {"80.api.shop.svc.clusterset.local", "80.api.shop.svc-t.clusterset.local"}
    assert count_checks(together) == 1


def test_what_nobody_can_call_is_not_served() -> None:
    local = local_service(endpoint("10.0.0.1"), endpoint("10.0.0.2", sidecar=False))
    state = ServiceState(
        facts(service("east", "west")), local, export(ports=(port(app="mysql", name="db"),))
    )
    assert inbound_ports(state, "shop/api-10.0.0.1") == []
    assert gateway_resources(state, OFTEN) == ()
    assert count_checks(state) == 0
