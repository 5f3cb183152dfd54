"""What requests saw is kept when something went wrong, and goes otherwise."""

from pathlib import Path

import pytest

from federation.demo.scenarios.evidence import evidence


def test_nothing_is_left_of_a_run_that_went_well_or_was_interrupted(tmp_path: Path) -> None:
    with evidence(tmp_path, "run-") as found:
        (found.folder / "GET.jsonl").touch()
    with pytest.raises(KeyboardInterrupt), evidence(tmp_path, "run-"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_broke_a_promise_or_failed_is_kept(tmp_path: Path) -> None:
    with evidence(tmp_path, "run-") as broken:
        broken.keep = True
    with pytest.raises(ZeroDivisionError), evidence(tmp_path, "run-") as failed:
        _ = 1 / 0
    assert sorted(tmp_path.iterdir()) == sorted([broken.folder, failed.folder])
    assert all(folder.name.startswith("run-") for folder in tmp_path.iterdir())
