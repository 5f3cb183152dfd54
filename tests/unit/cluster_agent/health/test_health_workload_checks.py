"""What gateways report of the addresses that they check."""

from dataclasses import replace

import pytest

from cluster_agent.health.workload_checks import WorkloadChecks
from federation.model.proxies import Kind, Proxy, State


def gateway(name: str, *unhealthy: str, sees: bool = True) -> Proxy:
    there = Proxy(name, Kind.GATEWAY, State.SERVING, "10.0.0.1", 15443)
    return replace(there, unhealthy=unhealthy, sees_healthy=sees)


def test_an_address_fails_when_the_gateway_says_so_and_until_it_says_otherwise() -> None:
    checks = WorkloadChecks()
    assert checks.record(gateway("g", "10.0.0.9")) == {"10.0.0.9"}
    assert checks.record(gateway("g", "10.0.0.9")) == frozenset()
    assert checks.record(gateway("g")) == {"10.0.0.9"}
    assert not checks.failing


def test_one_gateway_that_reaches_an_address_is_enough() -> None:
    checks = WorkloadChecks()
    checks.record(gateway("one", "10.0.0.9"))
    checks.record(gateway("two"))
    assert not checks.failing


def test_a_gateway_that_reaches_nobody_does_not_count() -> None:
    checks = WorkloadChecks()
    checks.record(gateway("one", "10.0.0.9"))
    checks.record(gateway("cut-off", "10.0.0.8", "10.0.0.9", sees=False))
    assert checks.failing == {"10.0.0.9"}
    alone = WorkloadChecks()
    alone.record(gateway("cut-off", "10.0.0.8", sees=False))
    assert not alone.failing


@pytest.mark.parametrize("state", [State.DRAINING, State.STOPPED])
def test_a_gateway_that_goes_has_no_say(state: State) -> None:
    """It sees nothing any more, so what it said last would hold for ever."""
    checks = WorkloadChecks()
    checks.record(gateway("old"))
    checks.record(gateway("new", "10.0.0.9"))
    assert not checks.failing
    assert checks.record(replace(gateway("old"), state=state)) == {"10.0.0.9"}
    assert checks.failing == {"10.0.0.9"}
