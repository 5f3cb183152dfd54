"""Each problem says what, where, since when, and what to do; a healthy federation has none."""

from dataclasses import replace

import pytest

from federation.controller.problems import (
    CLOCK_SECONDS,
    MOST_OF_A_KIND,
    ClusterState,
    Problem,
    Said,
    is_off,
    problems,
)
from federation.model.names import ClusterId
from federation.model.observations import Rejected
from federation.model.proxies import NO_ENTRY
from federation.planning.liveness import Life

EAST = ClusterId("east")
WELL = ClusterState(EAST, joined=True, life=Life.LIVE, last_seen=5.0, exports=2, gateways=("gw",))
BAD = Rejected("sidecar shop/api-1", "type.googleapis.com/a.b.Cluster", "80.api", "too large")
NONE = Rejected("gateway gw", NO_ENTRY, "10.9.0.0/16", "not its own")


def found(**change: object) -> tuple[Problem, ...]:
    return problems([replace(WELL, **change)])  # type: ignore[arg-type]


def test_where_all_is_well_there_is_no_problem() -> None:
    assert problems([]) == ()
    assert problems([WELL, replace(WELL, id=ClusterId("west"), clock=-CLOCK_SECONDS)]) == ()


@pytest.mark.parametrize(
    ("change", "what", "do"),
    [
        ({"joined": False, "life": Life.SUSPECT}, "has not joined", "fedctl token create east"),
        ({"life": Life.SUSPECT}, "its agent is silent", "look at its agent"),
        ({"life": Life.LOST}, "it is lost", "look at the cluster"),
        ({"clock": 61.0}, "61 s ahead of the controller's", "NTP"),
        ({"clock": -240.0}, "240 s behind the controller's", "5 minutes"),
        ({"refused": (Said("Export shop/api: no", 7.0),)}, "Export shop/api: no", "cluster add"),
        ({"beyond": 9}, "9 more of its reports are refused", "cluster add"),
        ({"remarks": ("gateway gw says that it is in zone c",)}, "in zone c", "--zone"),
        ({"rejected": (BAD,)}, "shop/api-1 does not take Cluster 80.api: too large", "last good"),
        ({"rejected": (NONE,)}, "gateway gw offers no entry at 10.9.0.0/16: not", "other gateways"),
        ({"gateways": ()}, "exports 2 services, but has no gateway", "start a gateway"),
        ({"unreached": (("gw", (ClusterId("west"),)),)}, "gw is not reached from west", "network"),
        ({"told": ("vanished together: fedctl cluster confirm east",)}, "vanished", ""),
    ],
)
def test_a_problem_is_said_with_where_and_what_to_do(
    change: dict[str, object], what: str, do: str
) -> None:
    (problem,) = found(**change)
    assert problem.where == "east"
    assert what in problem.what
    assert do in problem.do


def test_since_when_is_said_where_it_is_known() -> None:
    assert [p.since for p in found(life=Life.LOST)] == [5.0]
    assert [p.since for p in found(refused=(Said("Export shop/api: no", 7.0),))] == [7.0]


def test_a_store_that_cannot_be_written_comes_first() -> None:
    first, _ = problems([replace(WELL, life=Life.LOST)], "disk is full")
    assert (first.where, first.what) == (
        "controller",
        "the store cannot be written: disk is full",
    )


def test_a_cluster_with_a_thousand_problems_of_a_kind_does_not_hide_the_others() -> None:
    many = found(rejected=(BAD,) * 100, remarks=("odd",) * 100, told=("odd",) * 100)
    assert len(many) == 3 * MOST_OF_A_KIND + 1
    assert many[-1].what == f"its proxies do not take {100 - MOST_OF_A_KIND} more resources"


def test_clocks_may_differ_by_half_a_minute() -> None:
    assert not is_off(CLOCK_SECONDS)
    assert is_off(CLOCK_SECONDS + 1)
    assert is_off(-CLOCK_SECONDS - 1)
