"""Discovery kept between two commands: a file for each controller, in `~/.cache/fedmesh`.

In: documents with their ETags. Out: the same, next time; the controller is always asked whether
they still hold. Nothing depends on it: a folder that cannot be written, or a file that somebody
broke, only costs the time to ask for all.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from federation.client.objects import Kept
from federation.runtime.files import write_atomic

MOST_FILES = 32
MOST_BYTES = 4 * 1024 * 1024
_PREFIX = "discovery-"


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Where it is: `$XDG_CACHE_HOME/fedmesh`, else `~/.cache/fedmesh`; None without a home."""
    named = environ.get("XDG_CACHE_HOME", "")
    if named.startswith("/"):  # others are to be ignored, by the specification
        return Path(named) / "fedmesh"
    try:
        return Path("~/.cache/fedmesh").expanduser()
    except RuntimeError:
        return None


class DiscoveryCache:
    """Implements `federation.client.objects.Cache` over a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, url: str) -> dict[str, Kept]:
        """The documents that are kept of a controller; none when they cannot be read."""
        file = self._file(url)
        if file is None:
            return {}
        try:
            with file.open("rb") as opened:
                data = opened.read(MOST_BYTES + 1)
            found = json.loads(data) if len(data) <= MOST_BYTES else {}
            return {path: Kept(str(one["etag"]), dict(one["body"])) for path, one in found.items()}
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return {}

    def store(self, url: str, documents: dict[str, Kept]) -> None:
        """Keep documents, and only so many files."""
        file = self._file(url)
        found = {path: {"etag": k.etag, "body": k.body} for path, k in documents.items() if k.etag}
        data = json.dumps(found).encode()
        if file is None or len(data) > MOST_BYTES:
            return
        with suppress(OSError):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(file, data)
            kept = sorted(file.parent.glob(f"{_PREFIX}*.json"), key=lambda f: f.stat().st_mtime)
            for old in kept[:-MOST_FILES]:
                old.unlink(missing_ok=True)

    def _file(self, url: str) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / f"{_PREFIX}{hashlib.sha256(url.encode()).hexdigest()[:24]}.json"
