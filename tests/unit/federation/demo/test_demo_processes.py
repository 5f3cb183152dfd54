"""Processes are recorded, found again, and stopped; nothing else is touched."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path

import pytest

from federation.demo import processes
from federation.demo.processes import (
    ProcessTable,
    bury,
    envoy_of,
    kill_now,
    log_tail,
    marked,
    send_signal,
    start_time,
    stop,
)
from federation.model.errors import Failed

WAIT = (sys.executable, "-S", "-c", "import signal; signal.pause()")
STUBBORN = (
    sys.executable,
    "-S",
    "-c",
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "open(sys.argv[1], 'w').close(); signal.pause()",
)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[ProcessTable]:
    yield ProcessTable(tmp_path)
    kill_now(marked(tmp_path))


def test_a_started_process_is_on_record_and_alive(table: ProcessTable, tmp_path: Path) -> None:
    process = table.start("one", WAIT, tmp_path / "one.log")
    assert table.load() == (process,)
    assert process.alive
    assert os.getsid(process.pid) == process.pid
    assert marked(tmp_path) == (process.pid,)


def test_a_process_that_cannot_be_recorded_does_not_run(
    table: ProcessTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = table.start("one", WAIT, tmp_path / "one.log")

    def full(path: Path, *_: object, **__: object) -> None:
        raise OSError(ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(processes, "write_atomic", full)
    with pytest.raises(Failed, match=r"two is not started, .* \(No space left on device\)"):
        table.start("two", WAIT, tmp_path / "two.log")
    assert table.load() == (before,)
    assert marked(tmp_path) == (before.pid,)


AUTOGROUP = Path("/proc/self/autogroup")


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel has no autogroups")
def test_a_process_in_the_background_yields_to_the_others_and_these_do_not(
    table: ProcessTable, tmp_path: Path
) -> None:
    mine = AUTOGROUP.read_text()
    usual = table.start("usual", WAIT, tmp_path / "usual.log")
    quiet = table.start("quiet", WAIT, tmp_path / "quiet.log", background=True)
    assert Path(f"/proc/{quiet.pid}/autogroup").read_text().endswith("nice 19\n")
    assert not Path(f"/proc/{usual.pid}/autogroup").read_text().endswith("nice 19\n")
    assert AUTOGROUP.read_text() == mine
    assert set(table.load()) == {usual, quiet}


def test_a_process_in_the_background_that_ended_at_once_is_on_record(
    table: ProcessTable, tmp_path: Path
) -> None:
    ended = (sys.executable, "-S", "-c", "")
    process = table.start("one", ended, tmp_path / "one.log", background=True)
    os.waitpid(process.pid, 0)
    assert table.load() == (process,)
    assert not process.alive


def test_a_stopped_process_is_gone_and_known_to_be(table: ProcessTable, tmp_path: Path) -> None:
    process = table.start("one", WAIT, tmp_path / "one.log")
    stop([process.pid], grace_seconds=5.0)
    assert not process.alive
    assert marked(tmp_path) == ()
    table.forget("one")
    assert table.load() == ()


def test_a_process_that_does_not_listen_is_killed(table: ProcessTable, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = table.start("one", (*STUBBORN, str(ready)), tmp_path / "one.log")
    while not ready.exists():
        os.sched_yield()
    stop([process.pid], grace_seconds=0.05)
    assert not process.alive


def test_a_killed_process_can_be_started_under_its_name_again(
    table: ProcessTable, tmp_path: Path
) -> None:
    first = table.start("one", WAIT, tmp_path / "one.log")
    kill_now([first.pid])
    second = table.start("one", first.command, Path(first.log))
    assert table.load() == (second,)
    assert second.pid != first.pid


def test_another_process_under_an_old_pid_is_not_touched(
    table: ProcessTable, tmp_path: Path
) -> None:
    process = table.start("one", WAIT, tmp_path / "one.log")
    stale = replace(process, started=process.started - 1)
    assert not stale.alive
    assert not send_signal(stale.pid, stale.started, signal.SIGKILL)
    assert process.alive


def test_a_zombie_counts_as_gone(table: ProcessTable, tmp_path: Path) -> None:
    process = table.start("one", (sys.executable, "-S", "-c", ""), tmp_path / "one.log")
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert start_time(process.pid) is None
    bury(process.pid)
    bury(process.pid)


def test_a_process_of_another_demo_is_not_found(table: ProcessTable, tmp_path: Path) -> None:
    table.start("one", WAIT, tmp_path / "one.log")
    assert marked(tmp_path / "other") == ()


def test_an_envoy_is_known_by_its_state_folder(table: ProcessTable, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    command = (*WAIT, "-c", f"{state}/bootstrap.json")
    process = table.start("envoy", command, tmp_path / "envoy.log")
    while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
        os.sched_yield()  # the kernel shows a new program's arguments a moment after it began
    assert envoy_of(state) is None
    (state / "envoy.pid").write_text(f"{process.pid}\n")
    assert envoy_of(state) == process.pid
    (state / "envoy.pid").write_text(f"{os.getpid()}\n")
    assert envoy_of(state) is None
    (state / "envoy.pid").write_text("nonsense")
    assert envoy_of(state) is None


def test_output_goes_to_the_log_and_its_end_can_be_shown(
    table: ProcessTable, tmp_path: Path
) -> None:
    log = tmp_path / "one.log"
    text = "import sys; print('out'); sys.exit('the reason')"
    process = table.start("one", (sys.executable, "-S", "-c", text), log)
    os.waitpid(process.pid, 0)
    assert "the reason" in log_tail(log)
    assert log_tail(tmp_path / "missing") == ""


def test_a_program_that_is_not_there_is_named(table: ProcessTable, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="/no/such/program"):
        table.start("one", ("/no/such/program",), tmp_path / "one.log")


def test_a_damaged_record_is_named(table: ProcessTable, tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text("{")
    with pytest.raises(Failed, match="damaged"):
        table.load()
