"""No source file has more than 300 lines: what is longer is cut by subjects."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("federation", "gateway", "sidecar", "cluster_agent")
MOST_LINES = 300


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_no_source_file_is_longer_than_300_lines() -> None:
    """Other than generated ones."""
    files = [f for package in PACKAGES for f in (ROOT / package).rglob("*.py")]
    assert len(files) > 100, "they are found"
    ours = [f for f in files if "_pb2" not in f.name]
    assert [str(f.relative_to(ROOT)) for f in ours if lines(f) > MOST_LINES] == []
