"""Every end of fedctl is an exit code and at most one sentence, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from federation.cli.main import make_cli, open_streams, run
from federation.cli.options import parse_duration


def test_the_version_is_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    assert capsys.readouterr().out.startswith("fedctl ")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder and a folder for temporary files with nothing in them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("cluster lst", 2, "lst"),
        ("demo up --clusters many", 2, "many"),
        ("demo up --clusters 9", 2, "--clusters is 9"),
        ("demo up --network 10.0", 2, "--network"),
        ("demo status", 8, "fedctl demo up"),
        ("demo logs controller", 8, "fedctl demo up"),
        ("demo run nothing", 2, "tour"),
        ("demo run failover --rate abc", 2, "'abc' is no number from 10 to 2000"),
        ("demo run failover --rate nan", 2, "'nan' is no number from 10 to 2000"),
        ("demo run failover --rate 2001", 2, "'2001' is no number from 10 to 2000"),
        ("demo up --intermediate 1h", 2, "'1h' is no number from 10 to 31536000"),
        ("cluster list --config none.yaml", 2, "--config"),
        ("token create us-east --expires soon --config none.yaml", 2, "soon"),
        ("workload token demo/api --agent-state none", 2, "--agent-state"),
        ("backup b --passphrase-file none --config none.yaml", 2, "--config"),
        ("restore b --state s", 2, "--passphrase-file"),
        ("restore b --state s --passphrase-file none", 2, "--passphrase-file none cannot be read"),
    ],
)
@pytest.mark.usefixtures("elsewhere")
def test_mistakes_get_their_exit_code_and_a_sentence(
    line: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("word", ["version", "--help"])
def test_a_reader_that_has_enough_ends_it_quietly(word: str) -> None:
    code = f"from federation.cli.main import main; import sys; sys.argv[1:] = ['{word}']; main()"
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_a_stream_that_the_caller_has_closed_leads_nowhere(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, closed, None)
    open_streams()
    assert run(["version"]) == 0
    assert not getattr(sys, closed).isatty()
    getattr(sys, closed).close()


def test_nothing_to_take_down_is_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "down", "--state", str(tmp_path / "none")]) == 0
    assert "no demo" in capsys.readouterr().err


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    cli = make_cli()
    with cli.make_context("fedctl", ["version"]) as context:
        for name in cli.list_commands(context):
            assert run([name, "--help"]) == 0
            group = cli.get_command(context, name)
            for inner in getattr(group, "list_commands", lambda _: [])(context):
                assert run([name, inner, "-h"]) == 0
    assert "Usage: fedctl workload token" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["version", "--help", "completion bash", "context list"])
def test_a_light_command_imports_nothing_heavy(word: str) -> None:
    heavy: tuple[str, ...] = (
        "asyncio",
        "pydantic",
        "grpc",
        "aiohttp",
        "cryptography",
        "rich",
        "msgspec",
    )
    if "context" not in word:
        heavy += ("yaml", "ssl")
    code = (
        f"import sys; from federation.cli.main import run; run({word.split()!r});"
        f"sys.exit(','.join(m for m in {heavy!r} if m in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FEDCTL_CONFIG": "none.yaml"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        ended.stderr.replace("none.yaml has no context: 'fedctl init' makes one", "").strip() == ""
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("720h", 2592000), ("7d", 604800),
     ("", 0), ("5", 0), ("h", 0), ("-1h", 0), ("1.5h", 0), ("1h ", 0), ("٣h", 0)],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds
