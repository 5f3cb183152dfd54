"""What has changed in a folder since it was read: looked at as a whole, or only where a watch says.

In: a folder, the stamps of what was read, names from the watch. Out: the files to read and those
that are missing. A look at the whole costs a call of the system for each file, one at names a call
for each of those; where names do not tell enough, as for links and sub-folders, it is one at the
whole. Used by `cluster_agent.source.directory`.
"""

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from cluster_agent.source.files import Found, Scan, Stamp, counts, scan, stamp_of, which_folder

_DEEPEST = 1


class Looking:
    """The folder as it was at the last look; `fresh` are files that were not read as they are.

    Looks wait for the disk: make them in a thread. What they find is taken by `take`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.seen = Scan((0, 0))
        self.fresh: dict[str, Found] = {}
        self.missing: set[str] = set()
        """What was read and is not there."""

    def look(
        self, stamps: Mapping[str, Stamp], only: Iterable[str] | None
    ) -> tuple[Scan, dict[str, Found], set[str]]:
        """The folder, its fresh files and the missing ones; `only`: nothing else has changed.

        Raises OSError; then the next look must be one at the whole.
        """
        if only is not None:
            found = self._look_at({*only, *self.fresh, *self.missing})
            if found is not None:
                return self._with(found, stamps)
        seen = scan(self._path)
        fresh = {n: f for n, f in seen.files.items() if stamps.get(n) != f.stamp}
        return seen, fresh, stamps.keys() - seen.files.keys()

    def take(self, found: tuple[Scan, dict[str, Found], set[str]]) -> None:
        """This is the folder now."""
        self.seen, self.fresh, self.missing = found

    def _with(
        self, found: Mapping[str, Found | None], stamps: Mapping[str, Stamp]
    ) -> tuple[Scan, dict[str, Found], set[str]]:
        for name, file in found.items():
            if file is None:
                self.seen.files.pop(name, None)
            else:
                self.seen.files[name] = file
        there = {name: file for name, file in found.items() if file is not None}
        fresh = {name: file for name, file in there.items() if stamps.get(name) != file.stamp}
        return self.seen, fresh, {n for n, file in found.items() if file is None and n in stamps}

    def _look_at(self, names: Iterable[str]) -> dict[str, Found | None] | None:
        """These files as they are, None for those that went; None when that is not enough."""
        seen = self.seen
        if seen.unreadable or seen.has_links or which_folder(self._path) != seen.which:
            return None
        found: dict[str, Found | None] = {}
        for name in filter(self._matters, names):
            if name not in seen.files and name not in self.missing:
                return None
            try:
                about = (self._path / name).lstat()
            except FileNotFoundError:
                found[name] = None
                continue
            except OSError:
                return None
            if name in self.missing or not stat.S_ISREG(about.st_mode):
                return None
            found[name] = Found(seen.files[name].path, stamp_of(about))
        return found

    def wakes(self, name: str) -> bool:
        """Whether to look because something of this name, relative to the folder, changed."""
        return self.seen.has_links or self._matters(name)

    def _matters(self, name: str) -> bool:
        """Whether a change there may be one of ours; a sub-folder is no file, but may be."""
        hidden = name.startswith(".") or "/." in name
        return (
            not hidden
            and name.count("/") <= _DEEPEST
            and (counts(name.rpartition("/")[2]) or self._may_be_folder(name))
        )

    def _may_be_folder(self, name: str) -> bool:
        """Whether it was a folder, or is something that is no file: a folder or a link."""
        if "/" in name or name in self.seen.folders:
            return "/" not in name
        try:
            return not stat.S_ISREG((self._path / name).lstat().st_mode)
        except OSError:
            return False
