"""Every flow is sent by a program that can: Python up to some hundred a second, wrk beyond."""

from pathlib import Path

import pytest

from federation.demo.layout import plan_layout
from federation.demo.scenarios import loads
from federation.demo.scenarios.steps import Flow
from federation.model.errors import InvalidInput
from federation.verify import paced
from federation.verify.call import Load
from federation.verify.traffic import parse_arguments

LAYOUT = plan_layout()


def asked(flow: Flow) -> tuple[str, Load]:
    """The module that sends, and what it is told to send."""
    command = loads.command_of(flow, LAYOUT, Path("out"))
    at = command.index("-m") + 1
    load, out = parse_arguments(list(command[at + 1 :]))
    assert out == Path("out")
    return command[at], load


def test_a_flow_is_sent_by_python_unless_it_is_paced() -> None:
    flow = Flow("GET", "api", rate=200.0)
    assert asked(flow)[0] == "federation.verify.traffic"
    module, load = asked(Flow("GET", "api", rate=2000.0, paced=True))
    assert module == "federation.verify.paced"
    assert (load.about.rate, load.about.path) == (2000.0, "/")


def test_a_paced_flow_has_connections_for_a_second_without_an_answer() -> None:
    """Or it would send less while requests wait, which is when it matters."""
    assert asked(Flow("GET", "api", rate=2000.0, paced=True))[1].connections >= 2000
    assert asked(Flow("GET", "api", rate=1.0, paced=True))[1].connections > 1


def test_a_rate_that_only_the_program_in_c_can_send_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paced, "is_there", lambda: False)
    loads.check_rate(500.0)
    with pytest.raises(InvalidInput, match=r"--rate is 2000, .*install the package wrk"):
        loads.check_rate(2000.0)
    monkeypatch.setattr(paced, "is_there", lambda: True)
    loads.check_rate(2000.0)


def test_people_are_told_who_sends() -> None:
    assert loads.sent_by(200.0) == "a generator in Python"
    assert loads.sent_by(2000.0) == "wrk, a program in C"
