"""Waiting ends when all answers are yes, and names who is to blame when they are not."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from federation.demo.configs import Paths
from federation.demo.layout import members, plan_layout
from federation.demo.processes import ProcessTable, kill_now, marked
from federation.demo.readiness import (
    Check,
    agent_checks,
    controller_check,
    get,
    process_checks,
    request_checks,
    wait_for,
)
from federation.model.errors import Failed

LAYOUT = plan_layout(clusters=2)
NEVER, LONG_AGO = float("inf"), 0.0


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "logs").mkdir()
    yield tmp_path
    kill_now(marked(tmp_path))


def test_waiting_ends_when_all_answers_are_yes(state: Path) -> None:
    answers = iter([True])
    wait_for([Check("a", "x", lambda: next(answers))], state, NEVER)
    wait_for([], state, NEVER)
    assert list(answers) == []


def test_at_the_deadline_the_process_and_its_log_are_named(state: Path) -> None:
    Paths(state).log("us-east-gateway").write_text("first\nthe port is taken\n")
    check = Check("us-east-gateway", "did not become ready", lambda: False)
    with pytest.raises(Failed, match="us-east-gateway: did not become ready") as refused:
        wait_for([check], state, LONG_AGO)
    assert "the port is taken" in str(refused.value)


def test_a_process_that_ends_by_itself_ends_the_waiting(state: Path) -> None:
    text = "import sys; sys.exit('no such folder')"
    log = Paths(state).log("controller")
    process = ProcessTable(state).start("controller", (sys.executable, "-S", "-c", text), log)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(Failed, match="controller ended by itself") as refused:
        wait_for([Check("controller", "x", lambda: False)], state, NEVER)
    assert "no such folder" in str(refused.value)


def test_with_names_only_the_end_of_these_ends_the_waiting(state: Path) -> None:
    log = Paths(state).log("us-east-agent")
    process = ProcessTable(state).start("us-east-agent", (sys.executable, "-S", "-c", ""), log)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    answers = iter([False, True])
    check = Check("controller", "x", lambda: next(answers))
    wait_for([check], state, NEVER, names={"controller"})
    assert list(answers) == []
    never = Check("controller", "x", lambda: False)
    with pytest.raises(Failed, match="us-east-agent ended by itself"):
        wait_for([never], state, NEVER, names={"controller", "us-east-agent"})


def test_everything_that_can_be_asked_is_asked(tmp_path: Path) -> None:
    everyone = members(LAYOUT)
    asked = [check.name for check in process_checks(everyone)]
    asked += [check.name for check in agent_checks(LAYOUT, Paths(tmp_path))]
    asked.append(controller_check(LAYOUT, Paths(tmp_path)).name)
    assert sorted(asked) == sorted(m.name for m in everyone)


def test_every_service_is_asked_for_in_every_cluster_with_and_without_a_sidecar() -> None:
    found = [(check.name, check.what) for check in request_checks(LAYOUT)]
    assert found == [
        *(
            (f"{cluster}-web-1-sidecar", f"did not get a request to {service} answered")
            for cluster in ("us-east", "us-west")
            for service in ("api", "orders", "web")
        ),
        *(
            (f"{cluster}-dns", f"did not tell an address at which {service} answers")
            for cluster in ("us-east", "us-west")
            for service in ("api", "orders", "web")
        ),
    ]
    one = {check.what for check in request_checks(plan_layout(clusters=1))}
    assert not any("orders" in what for what in one), "nobody has it there"


def test_before_the_controller_has_its_certificate_the_answer_is_no(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert not controller_check(LAYOUT, paths).passes()
    assert not any(check.passes() for check in agent_checks(LAYOUT, paths))


def test_no_answer_is_no_error() -> None:
    assert get("192.0.2.1:0", "/") == (0, {})
