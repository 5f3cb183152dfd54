"""A process ends with one sentence on standard error and the code of what went wrong."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from federation.model.errors import Denied, Failed, FedmeshError, InvalidInput, NotReady
from federation.process.settings import Settings
from federation.process.start import run_process, state_folder


class Nothing(Settings, frozen=True):
    pass


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], int]:
    file = tmp_path / "s.yaml"
    file.write_text("{}\n")
    monkeypatch.setattr(sys, "argv", ["it", "--config", str(file), "--log-level", "WARNING"])

    def start(problem: Exception | None) -> int:
        async def main(_: Nothing) -> None:
            if problem is not None:
                raise problem

        try:
            run_process("it", "An example.", Nothing, main)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return start


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvalidInput("x is 1"), 2), (Denied("no"), 4), (NotReady("later"), 8), (Failed("disk"), 1)],
)
def test_what_went_wrong_is_one_sentence_and_a_code(
    run: Callable[[Exception | None], int],
    capsys: pytest.CaptureFixture[str],
    error: FedmeshError,
    code: int,
) -> None:
    assert run(error) == code
    assert capsys.readouterr().err == f"it: {error}\n"


def test_the_machines_refusal_names_the_file(
    run: Callable[[Exception | None], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(OSError(28, "No space left on device", "some/file")) == 1
    assert capsys.readouterr().err == "it: No space left on device: some/file\n"


def test_a_reason_is_one_line_whatever_a_peer_put_into_it(
    run: Callable[[Exception | None], int], capsys: pytest.CaptureFixture[str]
) -> None:
    run(Denied("the controller says no\nit: fine\x1b[2J"))
    assert capsys.readouterr().err == "it: the controller says no\\nit: fine\\x1b[2J\n"


def test_a_good_end_is_silent(
    run: Callable[[Exception | None], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(None) == 0
    assert capsys.readouterr().err == ""


def test_a_bug_is_not_dressed_up(run: Callable[[Exception | None], int]) -> None:
    with pytest.raises(ZeroDivisionError):
        run(ZeroDivisionError())


def test_two_processes_never_share_a_state_folder(tmp_path: Path) -> None:
    wanted = tmp_path / "state"
    with state_folder(wanted) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(Failed, match="in use by another process"), state_folder(wanted):
            pass
    with state_folder(wanted):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_state_folder_of_another_user_is_refused_in_one_sentence(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(Failed, match="cannot be used: it belongs to another user"):
        state_folder(tmp_path).__enter__()


def test_what_was_half_written_is_gone_when_a_process_starts_again(tmp_path: Path) -> None:
    (tmp_path / ".f.0123456789abcdef.tmp").write_bytes(b"half")
    with state_folder(tmp_path):
        assert [f.name for f in tmp_path.iterdir()] == [".lock"]
