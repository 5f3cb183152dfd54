"""When each export was first seen, kept on disk: a folder of YAML does not say when it was made.

The oldest export of a service wins conflicts (KEP-1645), so an agent that restarts must not make
its exports younger.
"""

import json
from collections.abc import Set as AbstractSet
from pathlib import Path

from federation.model.names import ServiceName
from federation.runtime.disk import Disk, File
from federation.runtime.files import read_if_there


class FirstSeen:
    """Times in seconds since 1970, by service."""

    def __init__(self, file: Path, disk: Disk) -> None:
        self._file = file
        self._disk = disk
        self._kept = b""
        self._times: dict[str, int] = {}

    def load(self) -> None:
        """Take back what an earlier agent saw; a damaged file counts as not there."""
        self._kept = read_if_there(self._file) or b""
        try:
            self._times = json.loads(self._kept or b"{}")
        except ValueError:
            self._times = {}

    @property
    def names(self) -> AbstractSet[str]:
        """The services that were exported when this was last written, and since."""
        return self._times.keys()

    def see(self, name: ServiceName, now: float) -> int:
        """When this export was first seen, which may be now."""
        return self._times.setdefault(str(name), int(now))

    def keep(self, exported: AbstractSet[ServiceName]) -> None:
        """Forget what is not exported any more, and write the rest when it changed."""
        names = {str(name) for name in exported}
        kept = {name: at for name, at in self._times.items() if name in names}
        text = json.dumps(kept, sort_keys=True).encode()
        self._times = kept
        if text != self._kept:
            self._kept = text
            self._disk.keep(File(self._file, text))
