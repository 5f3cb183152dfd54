"""What gateways say of the addresses they check, and who is coming back."""

from dataclasses import replace

import pytest

from cluster_agent.health.workload_checks import Checks, Recovery
from federation.model.names import ClusterId
from federation.model.plans import ALL_REACHABLE, Reachability
from federation.model.proxies import Kind, Proxy, State
from tests.unit.builders import API, backend, cluster, endpoint, facts, local_service, service
from tests.unit.builders import gateway as gateway_at

EAST, WEST = ClusterId("east"), ClusterId("west")
FACTS = facts(service("east", "west"), (backend("west"),), (cluster("west"), cluster("east")))
REACHED = cluster("west", gateways=(gateway_at("10.2.0.1"), gateway_at("10.2.0.2")))
LOCAL = local_service(endpoint())
GONE = local_service(endpoint(ready=False))


def gateway(name: str, *unhealthy: str, sees: bool = True) -> Proxy:
    there = Proxy(name, Kind.GATEWAY, State.SERVING, "10.0.0.1", 15443)
    return replace(there, unhealthy=unhealthy, sees_healthy=sees)


def test_an_address_fails_when_the_gateway_says_so_and_until_it_says_otherwise() -> None:
    checks = Checks()
    assert checks.hear(gateway("g", "10.0.0.9")) == {"10.0.0.9"}
    assert checks.hear(gateway("g", "10.0.0.9")) == frozenset()
    assert checks.hear(gateway("g")) == {"10.0.0.9"}
    assert not checks.failing


def test_one_gateway_that_reaches_an_address_is_enough() -> None:
    checks = Checks()
    checks.hear(gateway("one", "10.0.0.9"))
    checks.hear(gateway("two"))
    assert not checks.failing


def test_a_gateway_that_reaches_nobody_does_not_count() -> None:
    checks = Checks()
    checks.hear(gateway("one", "10.0.0.9"))
    checks.hear(gateway("cut-off", "10.0.0.8", "10.0.0.9", sees=False))
    assert checks.failing == {"10.0.0.9"}
    alone = Checks()
    alone.hear(gateway("cut-off", "10.0.0.8", sees=False))
    assert not alone.failing


@pytest.mark.parametrize("state", [State.DRAINING, State.STOPPED])
def test_a_gateway_that_goes_has_no_say(state: State) -> None:
    """It sees nothing any more, so what it said last would hold for ever."""
    checks = Checks()
    checks.hear(gateway("old"))
    checks.hear(gateway("new", "10.0.0.9"))
    assert not checks.failing
    assert checks.hear(replace(gateway("old"), state=state)) == {"10.0.0.9"}
    assert checks.failing == {"10.0.0.9"}


def test_what_is_there_from_the_start_is_trusted() -> None:
    assert Recovery(EAST).look(FACTS, LOCAL, API, 0.0) == {}


def test_a_cluster_that_was_lost_comes_back_by_hold_and_ramp() -> None:
    recovery = Recovery(EAST)
    recovery.look(FACTS, LOCAL, API, 0.0)
    assert recovery.look(FACTS, GONE, API, 5.0) == {}, "what is lost is no matter of shares"
    assert recovery.look(FACTS, LOCAL, API, 10.0) == {EAST: 0}
    assert recovery.due(10.0) == 20.0
    assert recovery.changing(10.0, 19.0) == set()
    assert recovery.changing(10.0, 20.0) == {API}
    assert recovery.look(FACTS, LOCAL, API, 20.0) == {EAST: 10}
    assert recovery.look(FACTS, LOCAL, API, 60.0) == {}
    assert recovery.due(60.0) is None


def test_a_remote_cluster_whose_ready_count_returns_is_ramped_as_well() -> None:
    recovery = Recovery(EAST)
    for now, ready in ((0.0, 2), (1.0, 0)):
        some = facts(service("west"), (backend("west", ready=ready),), (REACHED,))
        recovery.look(some, None, API, now)
    back = facts(service("west"), (backend("west", ready=1),), (REACHED,))
    assert recovery.look(back, None, API, 2.0) == {WEST: 0}


def test_a_cluster_whose_gateways_all_answer_again_is_held_and_ramped() -> None:
    recovery = Recovery(EAST)
    there = facts(service("west"), (backend("west"),), (REACHED,))
    one, both = (
        Reachability(frozenset((WEST, g.name) for g in REACHED.gateways[:n])) for n in (1, 2)
    )
    assert recovery.look(there, None, API, 0.0) == {}
    assert recovery.look(there, None, API, 1.0, both) == {}, "what is lost is no matter of shares"
    assert recovery.look(there, None, API, 2.0, one) == {WEST: 0}, "one gateway is enough"
    assert recovery.due(2.0) == 12.0
    assert recovery.look(there, None, API, 60.0) == {}


def test_a_cluster_of_which_one_gateway_answers_was_never_lost() -> None:
    recovery = Recovery(EAST)
    there = facts(service("west"), (backend("west"),), (REACHED,))
    one = Reachability(frozenset({(WEST, REACHED.gateways[0].name)}))
    for now, reachability in ((0.0, ALL_REACHABLE), (1.0, one), (2.0, ALL_REACHABLE)):
        assert recovery.look(there, None, API, now, reachability) == {}


def test_a_service_that_ends_is_forgotten() -> None:
    recovery = Recovery(EAST)
    recovery.look(FACTS, LOCAL, API, 0.0)
    recovery.look(None, None, API, 1.0)
    assert recovery.look(FACTS, GONE, API, 2.0) == {}
    assert recovery.look(FACTS, LOCAL, API, 3.0) == {}, "the first time it is usable"
