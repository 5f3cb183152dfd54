"""Who was lost and is coming back."""

import pytest

from cluster_agent.health.recovery import Recovery
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import ALL_REACHABLE, Reachability
from federation.planning.damping import Damping, Usability, share
from tests.unit.builders import API, backend, cluster, endpoint, facts, local_service, service
from tests.unit.builders import gateway as gateway_at

EAST, WEST = ClusterId("east"), ClusterId("west")
FACTS = facts(service("east", "west"), (backend("west"),), (cluster("west"), cluster("east")))
REACHED = cluster("west", gateways=(gateway_at("10.2.0.1"), gateway_at("10.2.0.2")))
LOCAL = local_service(endpoint())
GONE = local_service(endpoint(ready=False))


def test_what_is_there_from_the_start_is_trusted() -> None:
    assert Recovery(EAST).update(FACTS, LOCAL, API, 0.0) == {}


def test_a_cluster_that_was_lost_comes_back_by_hold_and_ramp() -> None:
    recovery = Recovery(EAST)
    recovery.update(FACTS, LOCAL, API, 0.0)
    assert recovery.update(FACTS, GONE, API, 5.0) == {}, "what is lost is no matter of shares"
    assert recovery.update(FACTS, LOCAL, API, 10.0) == {EAST: 0}
    assert recovery.due(10.0) == 20.0
    assert recovery.changing(10.0, 19.0) == set()
    assert recovery.changing(10.0, 20.0) == {API}
    assert recovery.update(FACTS, LOCAL, API, 20.0) == {EAST: 10}
    assert recovery.update(FACTS, LOCAL, API, 60.0) == {}
    assert recovery.due(60.0) is None


def test_a_remote_cluster_whose_ready_count_returns_is_ramped_as_well() -> None:
    recovery = Recovery(EAST)
    for now, ready in ((0.0, 2), (1.0, 0)):
        some = facts(service("west"), (backend("west", ready=ready),), (REACHED,))
        recovery.update(some, None, API, now)
    back = facts(service("west"), (backend("west", ready=1),), (REACHED,))
    assert recovery.update(back, None, API, 2.0) == {WEST: 0}


def test_a_cluster_whose_gateways_all_answer_again_is_held_and_ramped() -> None:
    recovery = Recovery(EAST)
    there = facts(service("west"), (backend("west"),), (REACHED,))
    one, both = (
        Reachability(frozenset((WEST, g.name) for g in REACHED.gateways[:n])) for n in (1, 2)
    )
    assert recovery.update(there, None, API, 0.0) == {}
    assert recovery.update(there, None, API, 1.0, both) == {}, "what is lost is no matter of shares"
    assert recovery.update(there, None, API, 2.0, one) == {WEST: 0}, "one gateway is enough"
    assert recovery.due(2.0) == 12.0
    assert recovery.update(there, None, API, 60.0) == {}


def test_a_cluster_of_which_one_gateway_answers_was_never_lost() -> None:
    recovery = Recovery(EAST)
    there = facts(service("west"), (backend("west"),), (REACHED,))
    one = Reachability(frozenset({(WEST, REACHED.gateways[0].name)}))
    for now, reachability in ((0.0, ALL_REACHABLE), (1.0, one), (2.0, ALL_REACHABLE)):
        assert recovery.update(there, None, API, now, reachability) == {}


def test_a_service_that_ends_is_forgotten() -> None:
    recovery = Recovery(EAST)
    recovery.update(FACTS, LOCAL, API, 0.0)
    recovery.update(None, None, API, 1.0)
    assert recovery.update(FACTS, GONE, API, 2.0) == {}
    assert recovery.update(FACTS, LOCAL, API, 3.0) == {}, "the first time it is usable"


def test_only_services_that_come_back_are_looked_at_as_time_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = [0]

    def count(seen: Usability, now: float, damping: Damping) -> int:
        looked_at[0] += 1
        return share(seen, now, damping)

    recovery = Recovery(EAST)
    for number in range(100):
        recovery.update(FACTS, LOCAL, ServiceName("shop", f"api-{number}"), 0.0)
    for now, local in ((0.0, LOCAL), (1.0, GONE), (2.0, LOCAL)):
        recovery.update(FACTS, local, API, now)
    monkeypatch.setattr("cluster_agent.health.recovery.share", count)
    assert recovery.changing(2.0, 12.0) == {API}
    assert 0 < looked_at[0] <= 4, "two clusters, then and now"
    assert recovery.changing(12.0, 60.0) == {API}
    looked_at[0] = 0
    assert (recovery.changing(60.0, 90.0), recovery.due(90.0)) == (set(), None)
    assert looked_at[0] == 0, "it is back"
