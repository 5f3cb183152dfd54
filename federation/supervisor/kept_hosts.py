"""The hosts that a workload has called, on disk: a sidecar that starts again knows them at once.

In: the hosts whenever they changed. Out: a private file with a JSON list, written a moment later.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from federation.runtime.disk import Disk
from federation.runtime.files import read_if_there, write_private
from federation.runtime.logs import event
from federation.runtime.loops import Loop

log = logging.getLogger(__name__)

MOST_HOSTS = 20_000
"""Hosts that are taken back: more names at once would be refused by the agent."""
_SAVE_AFTER_SECONDS = 0.2


class KeptHosts:
    """The file of one sidecar; `called` says which hosts there are now."""

    def __init__(self, folder: Path, called: Callable[[], Iterable[str]], disk: Disk) -> None:
        self._path = folder / "called.json"
        self._called = called
        self._disk = disk
        self._changed = asyncio.Event()
        self.loop = Loop("hosts", self._save)

    def load(self) -> tuple[str, ...]:
        """What was called before; a file that cannot be read is not there, and the log says so."""
        try:
            found = read_if_there(self._path)
            hosts = tuple(msgspec.json.decode(found, type=list[str])) if found is not None else ()
        except (msgspec.MsgspecError, OSError) as error:
            log.warning(event("called hosts are damaged", file=self._path.name, reason=error))
            return ()
        if len(hosts) > MOST_HOSTS:
            log.warning(event("too many called hosts", found=len(hosts), taken=MOST_HOSTS))
        return hosts[:MOST_HOSTS]

    def note(self) -> None:
        """The hosts have changed."""
        self._changed.set()

    async def _save(self) -> None:
        """Write them a moment after they changed."""
        await self._changed.wait()
        await asyncio.sleep(_SAVE_AFTER_SECONDS)
        self._changed.clear()
        await self._disk.keep_behind(self._path, self._write)

    async def _write(self) -> None:
        found = msgspec.json.encode(sorted(self._called()))
        await asyncio.to_thread(write_private, self._path, found)
