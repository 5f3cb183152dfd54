"""An export is as old as when it was first seen, also after a restart of the agent."""

from pathlib import Path

from cluster_agent.report.first_seen import FirstSeen
from federation.model.names import ServiceName
from federation.runtime.disk import Disk

API, WEB = ServiceName("shop", "api"), ServiceName("shop", "web")


def opened(folder: Path) -> FirstSeen:
    made = FirstSeen(folder / "first-seen.json", Disk())
    made.load()
    return made


def test_an_export_does_not_grow_younger_by_a_restart(tmp_path: Path) -> None:
    first = opened(tmp_path)
    assert first.see(API, 100.9) == 100
    first.keep({API})
    assert opened(tmp_path).see(API, 500.0) == 100


def test_an_export_that_was_withdrawn_begins_anew(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.see(API, 100.0)
    first.see(WEB, 100.0)
    first.keep({WEB})
    assert (first.see(API, 500.0), first.see(WEB, 500.0)) == (500, 100)


def test_a_damaged_file_counts_as_not_there(tmp_path: Path) -> None:
    (tmp_path / "first-seen.json").write_text("{")
    assert opened(tmp_path).see(API, 7.0) == 7
