"""The pictures of the documentation: drawn from docs/pictures/NAME.dot by Graphviz.

In: sources. Out: NAME.svg beside each, which says of which source it was made, so that a test knows
when it is old. `python -m tests.docs.pictures` draws what is old; it needs Debian's `graphviz`.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "docs" / "pictures"


def mark(source: Path) -> str:
    """What the picture of a source says about it."""
    return f"<!-- drawn from {source.name}, {hashlib.sha256(source.read_bytes()).hexdigest()} -->"


def is_current(source: Path) -> bool:
    """Whether there is a picture, made of the source as it is now."""
    picture = source.with_suffix(".svg")
    return picture.is_file() and mark(source) in picture.read_text()


def draw(source: Path) -> None:
    """Draw one; raises CalledProcessError when Graphviz cannot read it."""
    command = ("dot", "-Tsvg", str(source))
    drawn = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    head, body = drawn.split("<svg", 1)
    source.with_suffix(".svg").write_text(f"{head}{mark(source)}\n<svg{body}")


def main() -> None:
    """Draw what is old."""
    old = [source for source in sorted(SOURCES.glob("*.dot")) if not is_current(source)]
    if old and shutil.which("dot") is None:
        sys.exit(f"{', '.join(s.name for s in old)} must be drawn: install graphviz")
    for source in old:
        draw(source)


if __name__ == "__main__":
    main()
