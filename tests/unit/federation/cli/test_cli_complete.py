"""A shell completes commands, options, and what configuration and controller know."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import BashComplete

from federation.cli import complete
from federation.cli.main import make_cli, run

TWO = "contexts: {east: {}, eu-west: {}}\n"
CTX = click.Context(click.Command("x"))


def completed(*words: str) -> list[str]:
    """What bash is told for these words, of which the last one is not complete."""
    asked = BashComplete(make_cli(), {}, "fedctl", complete.VARIABLE)
    return [item.value for item in asked.get_completions(list(words[:-1]), words[-1])]


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A shell asks; the configuration has two contexts and nothing that can be reached."""
    monkeypatch.setenv(complete.VARIABLE, "bash_complete")
    monkeypatch.delenv("FEDCTL_CONTEXT", raising=False)
    file = tmp_path / "fedctl.yaml"
    file.write_text(TWO)
    monkeypatch.setenv("FEDCTL_CONFIG", str(file))
    return file


class FakeKind:
    def __init__(self, plural: str) -> None:
        self.plural = plural


class FakeSession:
    """A controller with some objects."""

    def __init__(self, **names: list[str]) -> None:
        self.names = names
        self.objects = self
        self.kinds = self

    def listable(self) -> list[FakeKind]:
        return [FakeKind(plural) for plural in self.names]

    def find(self, word: str) -> str:
        return {"cl": "clusters"}.get(word, word)

    def within(self, _: str) -> str:
        return ""

    def list(self, selection: Any) -> dict[str, Any]:
        return {"items": [{"metadata": {"name": n}} for n in self.names[selection.kind]]}


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(clusters=["east", "eu-west"], namespaces=["shop"], users=["eve"])
    monkeypatch.setattr("federation.cli.objects.session.open_session", lambda *_: session)


def test_commands_and_options_are_completed() -> None:
    assert {"init", "invite"} <= set(completed("in"))
    assert completed("context", "de") == ["delete"]
    assert "--region" in completed("invite", "east", "--r")
    assert completed("cluster", "list", "--output", "w") == ["wide"]


def test_an_unknown_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed("nonsense", "zz") == []
    assert completed("cluster", "nonsense", "zz") == []
    assert capsys.readouterr() == ("", "")


def test_contexts_are_completed_wherever_they_are_named() -> None:
    assert completed("context", "use", "e") == ["east", "eu-west"]
    assert completed("cluster", "list", "--context", "eu") == ["eu-west"]


@pytest.mark.usefixtures("controller")
def test_names_kinds_and_namespaces_are_those_of_the_controller() -> None:
    assert completed("leave", "e") == ["east", "eu-west"]
    assert completed("trust", "revoke", "eu") == ["eu-west"]
    assert completed("user", "revoke", "") == ["eve"]
    assert completed("get", "c") == ["clusters"]
    assert completed("get", "clusters", "e") == ["east", "eu-west"]
    assert completed("get", "cl", "east", "e") == ["eu-west"]
    assert completed("get", "clusters/ea") == ["clusters/east"]
    assert completed("get", "clusters", "--namespace", "s") == ["shop"]


def test_a_controller_that_cannot_be_asked_is_not_talked_about(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed("leave", "e") == []
    asked.write_text("[")
    assert completed("context", "use", "e") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.waits
def test_what_takes_too_long_is_nothing() -> None:
    def slow() -> list[str]:
        threading.Event().wait(0.3)
        return ["late"]

    assert complete.within(slow, CTX, 0.05) == []
    assert complete.within(lambda: ["soon"], CTX, 1.0) == ["soon"]


def test_without_a_shell_that_asks_commands_are_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(complete.VARIABLE)
    group = make_cli()
    found = group.get_command(click.Context(group), "invite")
    assert found is not None
    assert not any(isinstance(param.type, complete.Words) for param in found.params)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_reads(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(complete.VARIABLE)
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_FEDCTL_COMPLETE" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes_by_the_script(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(complete.VARIABLE)
    program = asked.parent / "fedctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m federation.cli.main "$@"\n')
    program.chmod(0o755)
    script = f"""
        eval "$({program} completion bash)"
        COMP_WORDS=(fedctl context use e); COMP_CWORD=3; COMPREPLY=()
        _fedctl_completion fedctl e use
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**os.environ, "PATH": f"{asked.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("east eu-west\n", "")
