"""A folder of YAML as the source of a cluster: the embedded default, no API server needed.

Watched (`cluster_agent.source.watching`), and read again every few seconds in case the watch
missed something (`cluster_agent.source.files`). Files that are being written are given the time to
become whole. Next: `cluster_agent.source.folder`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import monotonic

from cluster_agent.source.files import Found, Stamp, read_text, reason_of, stamp_of
from cluster_agent.source.folder import Folder
from cluster_agent.source.looking import Looking
from cluster_agent.source.objects import Batch, Objects, Problem
from cluster_agent.source.parsed import Parsed, parse
from cluster_agent.source.rest import Rest
from cluster_agent.source.status_file import STATUS_FOLDER
from cluster_agent.source.watching import watch
from federation.runtime.logs import event
from federation.runtime.loops import Loop, out_of_means
from federation.runtime.tasks import wait_for_event

log = logging.getLogger(__name__)

_OURS = f"{STATUS_FOLDER}/"
SETTLED_SECONDS = 0.025
"""A file that has been at rest for less than this may still be being written."""
SHRINK_SECONDS = 0.5
"""A file that lost objects, became empty or went is believed after this long without a change."""
SPARE_EXPORTS = 3
"""A folder that becomes empty is believed when it had no more exports than these; as the guard of
the controller (docs/decisions/013)."""
FULL_READ_SECONDS = 5.0


MOST_HINTS = 1000
"""Changed names that are looked at one by one; of more, the whole folder is looked at."""
_SLICE_SECONDS = 0.05
"""Reading goes on for so long beside the loop before what was read is taken over."""


class DirectorySource:
    """The objects in a folder and its direct sub-folders. See `source.Source`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = Folder()
        self._looking = Looking(path)
        self._stamps: dict[str, Stamp] = {}
        self._rest = Rest()
        self._unseen: set[str] = set()
        self._which: tuple[int, int] | None = None
        self._gone_since: dict[str, float] = {}
        self._trouble = ""
        self._sees = False
        self._synced = False
        self._wake = asyncio.Event()
        self._hints: set[str] | None = None
        self._whole_at = -FULL_READ_SECONDS
        self._said: tuple[Problem, ...] = ()
        self._told_synced = False
        self._untold: list[Batch] = []

    @property
    def objects(self) -> Objects:
        """See Source."""
        return self._folder.objects

    @property
    def problems(self) -> tuple[Problem, ...]:
        """See Source."""
        whole = (Problem(str(self._path), self._trouble),) if self._trouble else ()
        return whole + self._folder.problems

    @property
    def trouble(self) -> str:
        """See Source."""
        return self._trouble

    @property
    def unread(self) -> tuple[str, ...]:
        """See Source."""
        return self._folder.unread

    @property
    def synced(self) -> bool:
        """See Source."""
        return self._synced

    def loops(self, on_change: Callable[[Batch], None]) -> tuple[Loop, ...]:
        """See Source."""
        reading = Loop("source", lambda: self._read_on(on_change), longest_pause=1.0)
        return reading, Loop("folder-watch", self._watch, longest_pause=1.0)

    async def _read_on(self, on_change: Callable[[Batch], None]) -> None:
        """One reading, told; what was read and not told yet is told first."""
        now = asyncio.get_running_loop().time
        only, self._hints = self._hints, set()
        if now() - self._whole_at >= FULL_READ_SECONDS:
            only = None
        if only is None:
            self._whole_at = now()
        try:
            batches, wait = await self.turn(only)
        except BaseException:
            self._hints = None
            raise
        if self._trouble:
            self._hints = None
        if self.problems != self._said:
            for problem in set(self.problems) - set(self._said):
                log.warning(event("source", where=problem.where, problem=problem.message))
        has_news = self._synced != self._told_synced or self.problems != self._said
        self._said, self._told_synced = self.problems, self._synced
        if has_news and not batches:
            batches = [Batch(frozenset(), live=False)]
        self._untold += batches
        while self._untold:
            on_change(self._untold[0])
            del self._untold[0]
        whole_in = self._whole_at + FULL_READ_SECONDS - now()
        await wait_for_event(self._wake, min(wait, max(0.0, whole_in)))

    async def _watch(self) -> None:
        """Wake the reader when something in the folder changes.

        A folder that cannot be watched, as while it is not there, is read again every second. A
        file whose name is no text ends the watch, too.
        """
        try:
            await watch(self._path, self._hear)
        except* (OSError, RuntimeError):
            self._hear(None)
            await asyncio.sleep(1.0)

    def _hear(self, names: Iterable[str] | None) -> None:
        """Something has changed, relative to the folder; None when nobody knows what."""
        if names is None:
            self._hints = None
        else:
            found = {n for n in names if not n.startswith(_OURS) and self._looking.wakes(n)}
            if not found:
                return
            if self._hints is not None:
                self._hints = self._hints | found if len(found) <= MOST_HINTS else None
        self._wake.set()

    async def turn(self, only: Iterable[str] | None = None) -> tuple[list[Batch], float]:
        """Read what changed; returns the changed objects and the seconds until the next look.

        `only`: nothing but these can have changed since the last turn.
        """
        clock = asyncio.get_running_loop().time
        now = clock()
        try:
            found = await asyncio.to_thread(self._looking.look, self._stamps, only)
            self._looking.take(found)
            fresh = dict(self._looking.fresh)
            rests = self._rest.look(fresh, now, clock())
            files, wait = await self._read(fresh, rests)
        except OSError as error:
            self._trouble = f"the folder cannot be read: {error.strerror}; nothing is withdrawn"
            self._sees = False
            return [], 1.0
        seen = self._looking.seen
        self._sees = (
            self._sees and seen.which == self._which
        )  # another folder: nobody saw its edits
        self._which = seen.which
        self._folder.set_unreadable(seen.unreadable, seen.again)
        self._unseen = {n for n in self._unseen if n not in seen.files or n in fresh}
        if seen.unreadable:
            self._unseen |= {name for name in self._stamps if seen.hides(name)}
        gone, wait_for_gone = self._gone(now)
        if self._folder.would_be_empty(files, gone) and self._has_exports():
            self._read_again(files, fresh)
            self._trouble = (
                "the folder has become empty all at once: nothing is withdrawn until it has objects"
            )
            self._sees = False
            return [], min(wait, 1.0)
        batches = self._take(files, gone)
        self._trouble = ""
        self._synced = self._synced or wait == FULL_READ_SECONDS
        self._sees = self._sees or min(wait, wait_for_gone) == FULL_READ_SECONDS
        return batches, min(wait, wait_for_gone)

    def _has_exports(self) -> bool:
        kinds = [key.kind for key in self._folder.objects]
        return kinds.count("ServiceExport") > SPARE_EXPORTS

    def _gone(self, now: float) -> tuple[set[str], float]:
        """The files that have been gone for a while, and when to look at the others.

        What may be in an entry that cannot be read is not gone.
        """
        missing = {n for n in self._looking.missing if not self._looking.seen.hides(n)}
        self._gone_since = {name: self._gone_since.get(name, now) for name in missing}
        left = {name: at + SHRINK_SECONDS - now for name, at in self._gone_since.items()}
        gone = {name for name, seconds in left.items() if seconds <= 0}
        waits = [left[name] for name in missing - gone]
        return gone, min(waits, default=FULL_READ_SECONDS)

    def _take(self, files: Mapping[str, Parsed], gone: set[str]) -> list[Batch]:
        """Believe these. Live is what did not happen while nobody could look, nor by emptying."""
        for name in gone:
            del self._stamps[name]
        self._looking.missing -= gone
        hidden = self._unseen & (files.keys() | gone)
        self._unseen -= hidden
        unseen = {n: found for n, found in files.items() if n in hidden or found.is_blank}
        others = {name: found for name, found in files.items() if name not in unseen}
        doubtful = self._folder.take(unseen, gone & hidden)
        seen = self._folder.take(others, gone - hidden)
        is_live = self._sees and bool(self._folder.objects)
        batches = [Batch(frozenset(doubtful), live=False), Batch(frozenset(seen), live=is_live)]
        return [batch for batch in batches if batch.keys]

    def _read_again(self, files: Iterable[str], fresh: Mapping[str, Found]) -> None:
        """Do not take what was read of these."""
        for name in files:
            self._stamps.pop(name, None)
            self._looking.fresh[name] = fresh[name]

    async def _read(
        self, fresh: Mapping[str, Found], rests: Mapping[str, float]
    ) -> tuple[dict[str, Parsed], float]:
        """The changed files that are whole by now, and when to look at the others."""
        files: dict[str, Parsed] = {}
        wait = FULL_READ_SECONDS
        young = [rest for name, rest in rests.items() if rest < SETTLED_SECONDS and name in fresh]
        if young:
            wait = SETTLED_SECONDS - max(young)
        left = {name: found for name, found in fresh.items() if rests[name] >= SETTLED_SECONDS}
        while left:
            for name, read in (await asyncio.to_thread(_read_some, self._path, left)).items():
                found = left.pop(name)
                if isinstance(read, Exception):
                    if out_of_means(read):  # that says nothing of the file
                        self._read_again(files, fresh)
                        raise read
                    self._folder.set_broken(name, f"the file cannot be read: {reason_of(read)}")
                elif read is None:  # it is gone or another one at the next look
                    wait = min(wait, SETTLED_SECONDS)
                    continue
                elif rests[name] < SHRINK_SECONDS and self._may_be_cut(name, read):
                    wait = min(wait, SHRINK_SECONDS - rests[name])
                    continue
                else:
                    files[name] = read
                self._stamps[name] = found.stamp
                del self._looking.fresh[name]
        return files, wait

    def _may_be_cut(self, name: str, found: Parsed) -> bool:
        """Whether this may be the first part of a file that is being written.

        That it is another file than before does not tell: programs unlink and create, too.
        """
        return found.is_blank or self._folder.would_shrink(name, found)


def _read_some(folder: Path, files: Mapping[str, Found]) -> dict[str, Parsed | Exception | None]:
    """What some of the files say, or why they cannot be read; None for those that changed since."""
    found: dict[str, Parsed | Exception | None] = {}
    root, ends = folder.resolve(), monotonic() + _SLICE_SECONDS
    for name, file in files.items():
        found[name] = _read_one(name, file, root)
        if monotonic() > ends:
            break
    return found


def _read_one(name: str, file: Found, root: Path) -> Parsed | Exception | None:
    path = Path(file.path)
    try:
        if stamp_of(path.stat()) != file.stamp:
            return None
        text = read_text(path, root)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        return error
    return parse(name, text) if text is not None else None
