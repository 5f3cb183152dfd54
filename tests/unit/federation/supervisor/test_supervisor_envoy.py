"""The Envoy process: the right binary, one process, adopted rather than started twice.

A shell script stands in for Envoy: it says a version, or stays until it is told to go.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from federation.model.errors import Failed
from federation.runtime.disk import Disk
from federation.runtime.tasks import cancel, start
from federation.supervisor.envoy import Envoy, bound_log, find_envoy


def script(folder: Path, text: str) -> Path:
    file = folder / "envoy"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def says(folder: Path, version: str) -> Path:
    return script(folder, f"echo 'envoy  version: abc/{version}/Clean/RELEASE/BoringSSL'")


def test_an_envoy_of_the_operators_own_is_taken(tmp_path: Path) -> None:
    assert find_envoy(says(tmp_path, "1.36.0")) == tmp_path / "envoy"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo 'envoy  version: abc/1.35.9/Clean/RELEASE/x'", "must be 1.36 or newer"),
        ("echo hello", "does not say its version"),
        ("exit 1", "cannot be run"),
    ],
)
def test_a_binary_that_is_of_no_use_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        find_envoy(script(tmp_path, text))


def test_a_binary_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be run"):
        find_envoy(tmp_path / "none")


def staying(folder: Path) -> Path:
    """A process with the arguments that Envoy gets; it stays until it is told to go."""
    file = folder / "envoy"
    file.write_text(f"#!{sys.executable}\nimport signal\nsignal.pause()\n")
    file.chmod(0o755)
    return file


async def started(envoy: Envoy) -> asyncio.Task[None]:
    """Let it start: a step of the loop is enough, nothing before that waits."""
    task = start(envoy.keeping(lambda: "{}").run(), "envoy")
    await asyncio.sleep(0)
    assert envoy.pid
    wait_until_known(envoy.pid)
    return task


def wait_until_known(pid: int) -> None:
    """Microseconds after its start the kernel shows the arguments of a process, by which an Envoy
    is known again.
    """
    while not Path(f"/proc/{pid}/cmdline").read_bytes():
        pass


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_supervisor_that_starts_again_adopts_the_envoy_that_runs(tmp_path: Path) -> None:
    binary = staying(tmp_path)
    first = Envoy(binary, tmp_path, 1, Disk())
    await cancel(await started(first))
    second = Envoy(binary, tmp_path, 1, Disk())
    task = await started(second)
    assert second.pid == first.pid, "the end of a supervisor does not end its Envoy"
    await cancel(task)
    await second.stop()
    assert not (tmp_path / "envoy.pid").exists()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_foreign_process_that_got_the_old_pid_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "envoy.pid").write_text(f"{os.getpid()}\n")
    envoy = Envoy(staying(tmp_path), tmp_path, 1, Disk())
    task = await started(envoy)
    assert envoy.pid != os.getpid()
    await cancel(task)
    await envoy.stop()
    assert (tmp_path / "bootstrap.json").stat().st_mode & 0o777 == 0o600


def test_a_log_within_its_bounds_stays(tmp_path: Path) -> None:
    file = tmp_path / "envoy.log"
    bound_log(file, 4)
    file.write_bytes(b"1234")
    bound_log(file, 4)
    assert file.read_bytes() == b"1234"
    assert not (tmp_path / "envoy.log.1").exists()


def test_a_log_beyond_its_bounds_is_kept_once_and_its_writer_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "envoy.log"
    with file.open("ab", buffering=0) as writer:
        writer.write(b"12345")
        bound_log(file, 4)
        writer.write(b"6")
    assert (tmp_path / "envoy.log.1").read_bytes() == b"12345"
    assert file.read_bytes() == b"6"
