"""What a step promises: for a phase, except where a flow has its own; else that nothing fails."""

from dataclasses import replace

import pytest

from federation.demo.scenarios.steps import NO_CHANGE, NO_FAILURE, Flow, Promise, Step, nothing
from federation.verify.guarantees import Place

GET, TCP = Flow("GET", "api"), Flow("TCP", "api", "tcp")
ELSEWHERE = Flow("no sidecar us-west", "api", sidecar=False, elsewhere="us-west")
FEW = Promise(failed=2, worst=2.5)
STEP = Step(
    "it dies",
    (GET, TCP),
    Place("us-east"),
    nothing,
    {"lost": NO_CHANGE},
    {("lost", "TCP"): FEW, ("back", "TCP"): FEW},
)


def test_a_promise_is_the_flows_own_else_the_phases_else_that_nothing_fails() -> None:
    assert STEP.promise("lost", GET) == NO_CHANGE
    assert STEP.promise("lost", TCP) == FEW
    assert STEP.promise("back", TCP) == FEW
    assert STEP.promise("back", GET) == NO_FAILURE
    assert STEP.promise("before", TCP) == NO_FAILURE


def test_a_client_elsewhere_is_answered_there_and_what_is_lost_does_not_concern_it() -> None:
    assert STEP.home_of(GET) == Place("us-east")
    assert STEP.home_of(ELSEWHERE) == Place("us-west")
    assert STEP.promise("lost", ELSEWHERE) == NO_CHANGE
    concerned = replace(STEP, exceptions={("back", ELSEWHERE.name): FEW})
    assert concerned.promise("back", ELSEWHERE) == FEW
    back = STEP.promise("back", ELSEWHERE)
    assert (back.failed, back.shifted) == (0, None)
    assert back.most_left == 0.001


def test_nothing_promised_still_means_that_nothing_fails() -> None:
    assert (NO_FAILURE.failed, NO_CHANGE.failed) == (0, 0)
    assert not NO_FAILURE.calm
    assert NO_CHANGE.calm
    assert NO_CHANGE.worst == 0.3


@pytest.mark.parametrize(
    ("flow", "repeatable"),
    [
        (Flow("GET", "api"), True),
        (Flow("GET 503", "api", path="/status/503", status=503), True),
        (Flow("POST", "api", method="POST"), False),
        (Flow("PUT", "api", method="PUT"), False),
        (Flow("gRPC", "api", "grpc"), False),
        (Flow("TCP", "api", "tcp"), False),
    ],
    ids=lambda value: value.name if isinstance(value, Flow) else "",
)
def test_only_get_over_http_may_be_sent_again(flow: Flow, *, repeatable: bool) -> None:
    assert flow.repeatable is repeatable
