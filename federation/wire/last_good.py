"""What a receiver holds, on disk: one private file per type, whole or not there.

A part that starts without its peer goes on with this. The files are journals
(`federation.runtime.journal`) of responses as they travel, so there is no second format: the first
ones tell all that was held, each later one what changed. They are written in a thread, and cost
what changed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from federation.model.errors import PeerBroke
from federation.runtime.disk import Disk
from federation.runtime.journal import DamagedError, Journal
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.wire.discovery import decode_response, encode_response
from federation.xds.messages import Response
from federation.xds.receiver import Received, Receiver
from federation.xds.resources import Resource

log = logging.getLogger(__name__)

_SAVE_AFTER_SECONDS = 0.2
_RECORD_RESOURCES = 100
"""In one record, so that making one takes a moment only."""
_OVERHEAD_BYTES = 64
"""Of a resource and of a record, about."""

Run = Callable[..., Awaitable[Any]]
"""Calls a function with arguments beside the loop."""


class Hold:
    """Keeps on disk what a receiver holds of some types: all changes of a moment in one go."""

    def __init__(
        self,
        folder: Path,
        receiver: Receiver,
        types: Iterable[str],
        disk: Disk,
        run: Run = asyncio.to_thread,
    ) -> None:
        self._disk = disk
        self._run = run
        self._types = {t: _Type(t, Journal(_file(folder, t)), receiver) for t in types}
        self._unsaved: set[str] = set()
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()
        self.loop = Loop("saving", self._save)

    def load(self) -> None:
        """Take back what an earlier process held."""
        for kept in self._types.values():
            kept.load()

    def note(self, received: Received) -> None:
        """Hear of what the receiver took."""
        if received.changes or received.completed:
            kept = self._types[received.reply.type_url]
            kept.changed.update({change.name: change.resource for change in received.changes})
            self._unsaved.add(kept.type_url)
            self._changed.set()

    async def _save(self) -> None:
        """Write it a moment after it changed."""
        await self._changed.wait()
        await asyncio.sleep(_SAVE_AFTER_SECONDS)
        self._changed.clear()
        await self.save()

    async def save(self) -> None:
        """Write now what is not written yet."""
        for type_url in tuple(self._unsaved):
            kept = self._types[type_url]
            self._unsaved.discard(type_url)  # what changes meanwhile is written next
            try:
                await self._disk.keep_behind(kept.journal.path, partial(self._write, kept))
            except BaseException:
                self._unsaved.add(type_url)
                self._changed.set()
                raise

    async def _write(self, kept: "_Type") -> None:
        """Add what changed to the file, or write all of it; what could not be written is kept."""
        async with self._writing:
            changed, kept.changed = kept.changed, {}
            try:
                size = sum(map(_size, changed.items()))
                if kept.journal.has_room(size) and await self._run(
                    kept.journal.add, kept.news(changed)
                ):
                    return
                await self._run(kept.journal.replace, kept.whole())
            except BaseException:
                kept.changed = changed | kept.changed
                raise


@dataclass(slots=True)
class _Type:
    """One type: its file, and what of it is not there yet. Records are made as they are read."""

    type_url: str
    journal: Journal
    receiver: Receiver
    changed: dict[str, Resource | None] = field(default_factory=dict)

    def news(self, changed: dict[str, Resource | None]) -> Iterator[bytes]:
        """What changed, as one record: it counts as a whole or not at all."""
        found = tuple(resource for resource in changed.values() if resource is not None)
        gone = tuple(name for name, resource in changed.items() if resource is None)
        return map(encode_response, [self._said(found, gone, is_last=True)])

    def whole(self) -> Iterator[bytes]:
        """What is held now."""
        held = tuple(self.receiver.held(self.type_url).values())
        starts = range(0, max(1, len(held)), _RECORD_RESOURCES)
        parts = [held[at : at + _RECORD_RESOURCES] for at in starts]
        told = [self._said(part, (), is_last=part is parts[-1]) for part in parts]
        return map(encode_response, told)

    def _said(
        self, found: tuple[Resource, ...], gone: tuple[str, ...], *, is_last: bool
    ) -> Response:
        is_whole = is_last and self.receiver.is_complete(self.type_url)
        complete = len(self.receiver.held(self.type_url)) if is_whole else None
        return Response(
            self.type_url, "", found, gone, self.receiver.point(self.type_url), complete
        )

    def load(self) -> None:
        """Take back what was held; a file that cannot be read is not there, and the log says so."""
        try:
            told = [decode_response(record) for record in self.journal.read()]
        except (DamagedError, PeerBroke, OSError) as error:
            log.warning(event("held state is damaged", type=self.type_url, reason=error))
            return
        if not told:
            return
        held: dict[str, Resource] = {}
        for response in told:
            held.update({found.name: found for found in response.resources})
            for name in response.removed:
                held.pop(name, None)
        last = told[-1]
        complete = last.complete == len(held)
        self.receiver.restore(self.type_url, held.values(), last.point, complete=complete)


def load(folder: Path, receiver: Receiver, types: Iterable[str]) -> None:
    """Take back what was held; a damaged file counts as not there and is said in the log."""
    for type_url in types:
        _Type(type_url, Journal(_file(folder, type_url)), receiver).load()


def save(folder: Path, receiver: Receiver, types: Iterable[str]) -> None:
    """Write all that is held now."""
    for type_url in types:
        kept = _Type(type_url, Journal(_file(folder, type_url)), receiver)
        kept.journal.replace(kept.whole())


def _size(changed: tuple[str, Resource | None]) -> int:
    """How long this will be in the file, about."""
    name, resource = changed
    return len(name) + _OVERHEAD_BYTES + (len(resource.body) if resource is not None else 0)


def _file(folder: Path, type_url: str) -> Path:
    return folder / f"{type_url.rpartition('.')[2]}.held"
