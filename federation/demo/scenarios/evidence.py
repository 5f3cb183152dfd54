"""The folder in which a scenario writes what its requests saw, kept when a promise was broken."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Evidence:
    """A folder within the demo's; `keep` it to be looked at."""

    folder: Path
    keep: bool = False


@contextmanager
def evidence(state: Path, prefix: str) -> Iterator[Evidence]:
    """Yields a new folder, which goes again unless it is to be kept or something failed."""
    found = Evidence(Path(tempfile.mkdtemp(prefix=prefix, dir=state)))
    try:
        yield found
    except Exception:
        found.keep = True
        raise
    finally:
        if not found.keep:
            shutil.rmtree(found.folder, ignore_errors=True)
