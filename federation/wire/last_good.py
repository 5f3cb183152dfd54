"""What a receiver holds, on disk: one private file per type, whole or not there.

A part that starts without its peer goes on with this. The files are
responses as they travel, so there is no second format.
"""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from federation.model.errors import PeerBroke
from federation.runtime.disk import Disk, File
from federation.runtime.files import read_if_there
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.wire.discovery import decode_response, encode_response
from federation.xds.messages import Response
from federation.xds.receiver import Received, Receiver

log = logging.getLogger(__name__)

_SAVE_AFTER_SECONDS = 0.2


class Hold:
    """Keeps on disk what a receiver holds of some types: all changes of a moment in one go."""

    def __init__(self, folder: Path, receiver: Receiver, types: Iterable[str], disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._receiver = receiver
        self._types = tuple(types)
        self._unsaved: set[str] = set()
        self._changed = asyncio.Event()
        self.loop = Loop("saving", self._save)

    def load(self) -> None:
        """Take back what an earlier process held."""
        load(self._folder, self._receiver, self._types)

    def note(self, received: Received) -> None:
        """Hear of what the receiver took."""
        if received.changes or received.completed:
            self._unsaved.add(received.reply.type_url)
            self._changed.set()

    async def _save(self) -> None:
        """Write it a moment after it changed."""
        await self._changed.wait()
        await asyncio.sleep(_SAVE_AFTER_SECONDS)
        for type_url in tuple(self._unsaved):
            make = partial(files_of, self._folder, self._receiver, type_url)
            self._disk.keep_made(_file(self._folder, type_url), make)
            self._unsaved.discard(type_url)
        self._changed.clear()


def load(folder: Path, receiver: Receiver, types: Iterable[str]) -> None:
    """Take back what was held; a damaged file counts as not there and is said in the log."""
    for type_url in types:
        data = read_if_there(_file(folder, type_url))
        if data is None:
            continue
        try:
            held = decode_response(data)
        except PeerBroke as error:
            log.warning(event("held state is damaged", type=type_url, reason=error))
            continue
        complete = held.complete == len(held.resources)
        receiver.restore(type_url, held.resources, held.point, complete=complete)


def files_of(folder: Path, receiver: Receiver, type_url: str) -> tuple[File, ...]:
    """What is held now, as a file."""
    resources = tuple(receiver.held(type_url).values())
    complete = len(resources) if receiver.is_complete(type_url) else None
    held = Response(type_url, "", resources, (), receiver.point(type_url), complete)
    return (File(_file(folder, type_url), encode_response(held)),)


def _file(folder: Path, type_url: str) -> Path:
    return folder / f"{type_url.rpartition('.')[2]}.held"
