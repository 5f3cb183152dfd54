"""`fedctl demo run failover` leaves a whole report, part of one that says so, or none."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from federation.cli import demo as cli_demo
from federation.cli.commands import run_failover
from federation.cli.io import IO, Format
from federation.demo import mesh
from federation.demo.scenarios import run as runs
from federation.demo.scenarios.steps import Result
from federation.model.errors import Failed
from tests.unit.fakes.fake_mesh import FakeMesh

GOOD, BAD = Result("one", (), (), ()), Result("two", (), (), ("two: it broke",))


Play = Callable[..., tuple[int | None, FakeMesh, IO]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Play:
    """Runs it with steps that end like these; what is raised by one is the code None."""

    def run_it(
        *ends: Result | BaseException, report: str = "r.json", short: bool = True
    ) -> tuple[int | None, FakeMesh, IO]:
        fake, io = FakeMesh(), IO(StringIO(), StringIO(), is_terminal=False)

        def run_steps(*_: object, on_result: Callable[[Result], None], **__: object) -> None:
            for end in ends:
                if isinstance(end, BaseException):
                    raise end
                on_result(end)

        monkeypatch.setattr(runs, "run_steps", run_steps)
        monkeypatch.setattr(mesh, "is_running", fake.is_running)
        monkeypatch.setattr(cli_demo, "mesh", fake)
        options = run_failover.Options(
            tmp_path / "d", Format.JSON, "127.10", 200.0, short, tmp_path / report
        )
        try:
            code = run_failover.run(options, io)
        except (Failed, KeyboardInterrupt):
            code = None
        return code, fake, io

    return run_it


def test_a_run_that_kept_all_has_a_whole_report_and_leaves_nothing(
    play: Play, tmp_path: Path
) -> None:
    code, fake, io = play(GOOD)
    assert code == 0
    document = json.loads((tmp_path / "r.json").read_text())
    assert (document["kept"], document["complete"]) == (True, True)
    assert json.loads(io.out.getvalue()) == document  # type: ignore[attr-defined]
    assert fake.done == ["up 127.10 d", "down d"]


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (KeyboardInterrupt(), "interrupted after 1 of its steps"),
        (Failed("GET is not answered"), "failed: GET is not answered after 1 of its steps"),
    ],
)
def test_a_run_that_broke_off_leaves_what_it_has_and_says_so(
    end: BaseException, why: str, play: Play, tmp_path: Path
) -> None:
    code, fake, io = play(GOOD, end)
    assert code is None
    document = json.loads((tmp_path / "r.json").read_text())
    assert (document["kept"], document["complete"], document["ended"]) == (False, False, why)
    assert [step["step"] for step in document["steps"]] == ["one"]
    assert json.loads(io.out.getvalue()) == document  # type: ignore[attr-defined]
    assert "part of a report" in io.err.getvalue()  # type: ignore[attr-defined]
    assert fake.done == ["up 127.10 d", "halt d" if isinstance(end, Failed) else "down d"]


def test_a_run_that_broke_off_before_its_first_step_leaves_no_report(
    play: Play, tmp_path: Path
) -> None:
    for end in (KeyboardInterrupt(), Failed("no")):
        play(end)
        assert list(tmp_path.iterdir()) == []


def test_the_demo_of_a_broken_promise_is_kept_and_the_next_one_is_elsewhere(
    play: Play, tmp_path: Path
) -> None:
    code, fake, io = play(BAD, report="r.md", short=False)
    assert code == 1
    assert fake.done == ["up 127.10 d", "halt d", "up 127.10 d-far", "halt d-far"]
    said = io.err.getvalue()  # type: ignore[attr-defined]
    assert f"{tmp_path / 'd' / 'logs'}" in said
    assert "not kept: two: it broke" in said
    assert "Not every promise was kept" in (tmp_path / "r.md").read_text()
