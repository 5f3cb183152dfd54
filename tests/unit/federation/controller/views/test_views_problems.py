"""Each problem says what, where, since when, and what to do; a healthy federation has none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from federation.controller.views.cluster_problems import CLOCK_SECONDS, ClusterState, is_off
from federation.controller.views.controller_problems import Own
from federation.controller.views.problem import CLUSTERSET, CONTROLLER, Problem, Said, Term
from federation.controller.views.problems import MOST_OF_A_KIND, dated, problems
from federation.controller.views.service_problems import ServiceState
from federation.model.checks import CHECKS, OF_AGENTS, Finding, Severity
from federation.model.names import ClusterId, ServiceName
from federation.model.observations import ProxyNack
from federation.model.proxies import NO_ENTRY, NO_LISTENER, TOKEN_ENDS, TROUBLE
from federation.planning.liveness import Life

EAST, WEST = ClusterId("east"), ClusterId("west")
WELL = ClusterState(EAST, joined=True, life=Life.LIVE, last_seen=5.0, exports=2, gateways=("gw",))
TWO = {"gateways": ("g1", "g2")}
BAD = ProxyNack("sidecar shop/api-1", "type.googleapis.com/a.b.Cluster", "80.api", "too large")
API = ServiceName("shop", "api")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def rejected(type_url: str, proxy: str, name: str, reason: str) -> dict[str, object]:
    return {"rejected": (ProxyNack(proxy, type_url, name, reason, 3),)}


def away(*names: str) -> dict[str, object]:
    why = "is not connected to its agent"
    found = (Finding("gateway-away", f"gateway {n}", f"gateway {n} {why}", 9) for n in names)
    return {"findings": tuple(found)}


def unreached(*names: str) -> dict[str, object]:
    return {"unreached": tuple((name, (WEST,)) for name in names)}


def found(**change: object) -> tuple[Problem, ...]:
    return problems([replace(WELL, **change)])  # type: ignore[arg-type]


def test_where_all_is_well_there_is_no_problem() -> None:
    assert problems([]) == ()
    assert problems([WELL, replace(WELL, id=WEST, clock=-CLOCK_SECONDS)]) == ()


CASES: list[tuple[dict[str, object], str, str]] = [
    ({"joined": False, "life": Life.SUSPECT}, "cluster-not-joined", "has not joined"),
    ({"life": Life.SUSPECT}, "agent-silent", "its agent is silent"),
    ({"life": Life.LOST}, "cluster-lost", "it is lost"),
    ({"clock": 61.0}, "clock-differs", "61 s ahead of the controller's"),
    ({"clock": -240.0}, "clock-differs", "240 s behind the controller's"),
    ({"turns": "agents took each other's place"}, "agents-take-turns", "each other's place"),
    ({"held": "8 exports vanished together"}, "withdrawal-held-back", "vanished together"),
    ({"awaited": "it has not reported"}, "cluster-not-reported", "it has not reported"),
    ({"refused": (Said("Export shop/api: no", 7.0),)}, "report-refused", "Export shop/api: no"),
    ({"beyond": 9}, "report-refused", "9 more of its reports are refused"),
    ({"remarks": ("gateway gw says zone c",)}, "zone-not-configured", "says zone c"),
    ({"rejected": (BAD,)}, "proxy-resource-refused", "does not take Cluster 80.api: too large"),
    (rejected(NO_ENTRY, "gateway gw", "10.9.0.0/16", "not its own"), "entry-not-offered",
     "gateway gw offers no entry at 10.9.0.0/16: not its own"),
    (rejected(NO_LISTENER, "sidecar a/b", "127.0.0.1:15001", "it is taken"),
     "proxy-listener-missing", "sidecar a/b does not listen at 127.0.0.1:15001: it is taken"),
    (rejected(TROUBLE, "sidecar a/b", "disk", "full"), "proxy-trouble",
     "sidecar a/b fails at disk: full"),
    (rejected(TOKEN_ENDS, "sidecar a/b", "api.token", "it ends soon"), "workload-token-ends",
     "sidecar a/b has a workload token in api.token: it ends soon"),
    ({"gateways": ()}, "no-gateway", "exports 2 services, but has no gateway"),
    (away("gw"), "no-gateway-serves", "gateway gw is not connected to its agent"),
    (unreached("gw"), "no-gateway-serves", "gateway gw is not reached from west"),
    (away("gw") | {"reached": frozenset({"gw"})}, "gateway-without-supervisor", "Envoy answers"),
    (TWO | away("g1"), "gateway-away", "gateway g1 is not connected"),
    (TWO | unreached("g1"), "gateway-unreached", "gateway g1 is not reached from west"),
    (TWO | away("g1") | unreached("g2"), "no-gateway-serves", "gateway g2 is not reached"),
]  # fmt: skip
AGENTS: list[tuple[dict[str, object], str, str]] = [
    ({"findings": (Finding(check, "x", f"{check} of x", 4),)}, check, f"{check} of x")
    for check in sorted(OF_AGENTS - {"gateway-away"})
]


@pytest.mark.parametrize(("change", "check", "what"), CASES + AGENTS)
def test_a_problem_is_said_with_its_check_where_and_what_to_do(
    change: dict[str, object], check: str, what: str
) -> None:
    (problem,) = found(**change)
    assert problem.check == check
    assert problem.where == "east"
    assert what in problem.what
    assert problem.remedy
    assert "{" not in problem.remedy


def services(*exporters: tuple[ClusterId, int, int]) -> tuple[Problem, ...]:
    return problems([], [ServiceState(API, exporters)])


def test_a_service_without_a_ready_endpoint_anywhere_is_an_error_told_once() -> None:
    (problem,) = services((EAST, 0, 3), (WEST, 0, 0))
    assert (problem.check, problem.where) == ("service-unavailable", CLUSTERSET)
    assert problem.kind.severity is Severity.ERROR
    assert "(east: none of 3 endpoints is ready; west: no endpoints)" in problem.what


@pytest.mark.parametrize(
    ("total", "check"), [(0, "export-without-endpoints"), (3, "backend-not-ready")]
)
def test_a_service_that_others_serve_lacks_something_in_one_cluster(total: int, check: str) -> None:
    (problem,) = services((EAST, 0, total), (WEST, 2, 2))
    assert (problem.check, problem.where) == (check, "east")
    assert problem.kind.severity is Severity.WARNING
    assert "served by west" in problem.what


def test_exports_that_differ_are_told_of_the_clusterset() -> None:
    state = ServiceState(API, ((EAST, 1, 1),), ("port http is 81, kept 80",))
    (problem,) = problems([], [state])
    assert (problem.check, problem.where) == ("export-conflict", CLUSTERSET)
    assert problem.what == "service shop/api: port http is 81, kept 80"


def test_what_the_mesh_does_not_do_is_told_of_the_clusterset() -> None:
    state = ServiceState(API, ((EAST, 1, 1),), remarks=("sessionAffinity ClientIP: no",))
    (problem,) = problems([], [state])
    assert (problem.check, problem.where) == ("export-limited", CLUSTERSET)
    assert problem.what == "service shop/api: sessionAffinity ClientIP: no"


def term(days: float, life: float = 7) -> Term:
    """A life that ends in so many days."""
    end = NOW + timedelta(days=days)
    return Term(end - timedelta(days=life), end)


@pytest.mark.parametrize(
    ("own", "check"),
    [
        (Own("disk is full"), "store-not-writable"),
        (Own(troubles=("departures: it fails",)), "controller-trouble"),
        (Own(root=term(89, life=3650)), "root-ends"),
        (Own(leaf=term(1.7)), "controller-certificate-ends"),
        (Own(root=term(91, life=3650), leaf=term(1.8)), ""),
    ],
)
def test_the_controllers_own_problems_come_first(own: Own, check: str) -> None:
    found = problems([replace(WELL, life=Life.LOST)], (), own, NOW.timestamp())
    assert [p.check for p in found] == [*([check] if check else []), "cluster-lost"]
    assert found[0].where == (CONTROLLER if check else "east")


@pytest.mark.parametrize(
    ("authority", "check"),
    [
        (term(1.8), ""),
        (term(1.7), "cluster-authority-ends"),
        (term(20, life=365), ""),
        (term(6.9, life=365), "cluster-authority-ends"),
        (term(-0.1), "cluster-authority-ended"),
    ],
)
def test_an_authority_near_its_end_is_told(authority: Term, check: str) -> None:
    """What renews itself at half of its life is late in the last quarter."""
    state = replace(WELL, authority=authority)
    found = problems([state], now=NOW.timestamp())
    assert [p.check for p in found] == ([check] if check else [])
    assert all(p.since and p.since <= NOW.timestamp() for p in found)
    assert not problems([replace(state, joined=False, revoked=True)], now=NOW.timestamp())


def test_since_when_is_said_where_it_is_known() -> None:
    assert [p.since for p in found(life=Life.LOST)] == [5.0]
    assert [p.since for p in found(refused=(Said("Export shop/api: no", 7.0),))] == [7.0]
    assert [p.since for p in found(**away("gw"))] == [9]
    assert [p.since for p in found(**rejected(TROUBLE, "sidecar a/b", "disk", "full"))] == [3]
    late = dated(found(clock=61.0, life=Life.LOST), lambda problem: 8.0)
    assert [p.since for p in late] == [5.0, 8.0]


def test_many_problems_of_a_check_hide_no_others() -> None:
    many = found(rejected=(BAD,) * 100, remarks=("odd",) * 100, clock=61.0)
    assert len(many) == 2 * (MOST_OF_A_KIND + 1) + 1
    assert [p.what for p in many[-2:]] == [f"{100 - MOST_OF_A_KIND} more of these"] * 2


def test_every_check_is_found_here_or_by_agents() -> None:
    """Each row of the table has a case above."""
    clusters = {check for _, check, _ in CASES + AGENTS}
    others = {
        "gateway-away", "service-unavailable", "backend-not-ready", "export-without-endpoints",
        "export-conflict", "store-not-writable", "controller-trouble", "root-ends",
        "controller-certificate-ends", "cluster-authority-ends", "cluster-authority-ended",
    }  # fmt: skip
    assert clusters | others == CHECKS.keys()


def test_clocks_may_differ_by_half_a_minute() -> None:
    assert not is_off(CLOCK_SECONDS)
    assert is_off(CLOCK_SECONDS + 1)
    assert is_off(-CLOCK_SECONDS - 1)
