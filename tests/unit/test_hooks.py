"""Before a commit git asks `make check`, and for a message of the form in CONTRIBUTING.md."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".githooks"
BODY = """
Problem: a YAML file saved half-written withdrew its services.

Solution: a file that does not parse keeps its last good objects.
Validation: test_sources_folder.py.
"""


def said_of(message: str, folder: Path) -> list[str]:
    """What the hook has against a message; its exit code says whether there is anything."""
    file = folder / "message"
    file.write_text(message)
    command = (sys.executable, str(HOOKS / "commit-msg"), str(file))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    said = [line.removeprefix("commit message: ") for line in done.stderr.splitlines()]
    assert done.returncode == bool(said)
    return said


@pytest.mark.parametrize(
    "message",
    [
        f"Keep the last good state of a broken file\n{BODY}",
        f"{'K' * 50}\n{BODY}",
        f"\n# of git\nKeep it\n{BODY}# Changes\n# ------ >8 ------\n{'diff' * 50}",
        "fixup! Keep it",
        "Merge branch 'main'",
    ],
)
def test_a_message_of_the_right_form_passes(message: str, tmp_path: Path) -> None:
    assert said_of(message, tmp_path) == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (f"{'K' * 51}\n{BODY}", "the subject has 51 characters, at most 50 are allowed"),
        (f"keep it\n{BODY}", "the subject begins with a small letter"),
        (f"Keep it.\n{BODY}", "the subject ends with a full stop"),
        ("# nothing\n", "the subject is empty"),
        (f"Keep it\nand that\n{BODY}", "the second line is not empty"),
        (f"Keep it\n{BODY}{'x' * 101}", "a line of the body has more than 100 characters"),
    ],
)
def test_a_fault_is_named(message: str, fault: str, tmp_path: Path) -> None:
    assert fault in said_of(message, tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        "",
        BODY.replace("Solution", "Answer"),
        BODY.replace("Solution", "Problem"),
        BODY.replace("Problem", "Validation"),
    ],
)
def test_the_three_parts_must_be_there_in_order(body: str, tmp_path: Path) -> None:
    (said,) = said_of(f"Keep it\n{body}", tmp_path)
    assert said == "the body must have Problem:, Solution:, Validation: once each, in this order"


def test_the_hooks_are_there_to_be_run() -> None:
    for file in HOOKS.iterdir():
        assert os.access(file, os.X_OK), file
        assert stat.S_ISREG(file.lstat().st_mode)
    assert "make -s check" in (HOOKS / "pre-commit").read_text()
    assert "core.hooksPath .githooks" in (ROOT / "Makefile").read_text()


def test_pre_commit_runs_the_same_and_fetches_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (repository,) = config["repos"]
    assert repository["repo"] == "local"
    found = {h["stages"][0]: (h["entry"], h["language"]) for h in repository["hooks"]}
    assert found == {name: (f".githooks/{name}", "system") for name in ("pre-commit", "commit-msg")}
    assert config["default_install_hook_types"] == list(found)
    assert {file.name for file in HOOKS.iterdir()} == set(found)
