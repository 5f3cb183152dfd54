"""A change of keys is whole or not there, whenever the agent dies."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster_agent.authority.key_files import (
    Next,
    Retiring,
    activate,
    complete,
    forget_retiring,
    read_next,
    read_retiring,
    show_anchors,
    write_next,
)
from federation.model.errors import InvalidInput

COMING = Next("KEY2", "TWIN2\n", "2026-03-01T00:00:00+00:00", "CHAIN2")
LATER = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ca.key").write_text("KEY1")
    (tmp_path / "twin.pem").write_text("TWIN1\n")
    (tmp_path / "intermediate.pem").write_text("CHAIN1")
    return tmp_path


def current(folder: Path) -> tuple[str, str, str]:
    key, chain, twin = (folder / n for n in ("ca.key", "intermediate.pem", "twin.pem"))
    return key.read_text(), chain.read_text(), twin.read_text()


def test_what_is_prepared_is_kept_by_its_owner_alone(folder: Path) -> None:
    assert read_next(folder) is None
    write_next(folder, COMING)
    assert read_next(folder) == COMING
    assert (folder / "next.json").stat().st_mode & 0o777 == 0o600


def test_activating_changes_all_and_keeps_the_anchor_before(folder: Path) -> None:
    write_next(folder, COMING)
    activate(folder, COMING, LATER)
    assert current(folder) == ("KEY2", "CHAIN2", "TWIN2\n")
    assert read_retiring(folder) == Retiring("TWIN1\n", LATER.isoformat())
    assert read_next(folder) is None
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    forget_retiring(folder)
    assert read_retiring(folder) is None


@pytest.mark.parametrize("written", [(), ("ca.key",), ("ca.key", "intermediate.pem"), ("all",)])
def test_a_change_that_was_begun_is_completed_by_the_next_start(
    folder: Path, written: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies after the decision, with more and more of the files written."""
    monkeypatch.setattr("cluster_agent.authority.key_files.complete", lambda _: None)
    activate(folder, COMING, LATER)
    monkeypatch.undo()
    before = (folder / "activating.json").read_bytes()
    if written:
        complete(folder)
        (folder / "activating.json").write_bytes(before)
    if written and written != ("all",):
        for name, old in (("intermediate.pem", "CHAIN1"), ("twin.pem", "TWIN1\n")):
            if name not in written:
                (folder / name).write_text(old)
    complete(folder)
    assert current(folder) == ("KEY2", "CHAIN2", "TWIN2\n")
    assert read_retiring(folder) == Retiring("TWIN1\n", LATER.isoformat())
    complete(folder)


def test_proxies_know_their_agent_before_during_and_after_a_change(folder: Path) -> None:
    shown = folder / "trust.pem"
    show_anchors(folder, "east.mesh.test")
    assert shown.read_text().endswith("east.mesh.test\nTWIN1\n")
    write_next(folder, COMING)
    show_anchors(folder, "east.mesh.test")
    assert shown.read_text().endswith("\nTWIN1\nTWIN2\n")
    activate(folder, COMING, LATER)
    show_anchors(folder, "east.mesh.test")
    assert shown.read_text().endswith("\nTWIN2\nTWIN1\n")
    forget_retiring(folder)
    show_anchors(folder, "east.mesh.test")
    assert shown.read_text().endswith("east.mesh.test\nTWIN2\n")


@pytest.mark.parametrize("name", ["next.json", "retiring.json"])
def test_a_damaged_file_is_said(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b'{"twin"')
    with pytest.raises(InvalidInput, match=f"{name} is damaged"):
        (read_next if name == "next.json" else read_retiring)(folder)
