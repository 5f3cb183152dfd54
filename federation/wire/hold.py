"""What a receiver holds, on disk: one private file per type, whole or not there.

A part that starts without its peer goes on with this. The files are
responses as they travel, so there is no second format.
"""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from federation.model.errors import PeerBroke
from federation.runtime.files import read_if_there, write_atomic
from federation.runtime.logs import event
from federation.wire.framing import decode_response, encode_response
from federation.xds.messages import Response
from federation.xds.receiver import Received, Receiver

log = logging.getLogger(__name__)

_SAVE_AFTER_SECONDS = 0.2


class Hold:
    """Keeps on disk what a receiver holds of some types: all changes of a moment in one go."""

    def __init__(self, folder: Path, receiver: Receiver, types: Iterable[str]) -> None:
        self._folder = folder
        self._receiver = receiver
        self._types = tuple(types)
        self._unsaved: set[str] = set()
        self._changed = asyncio.Event()

    def load(self) -> None:
        """Take back what an earlier process held."""
        load(self._folder, self._receiver, self._types)

    def note(self, received: Received) -> None:
        """Hear of what the receiver took."""
        if received.changes or received.completed:
            self._unsaved.add(received.reply.type_url)
            self._changed.set()

    async def run(self) -> None:
        """Write it for ever, a moment after it changed."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SAVE_AFTER_SECONDS)
            self._changed.clear()
            types, self._unsaved = self._unsaved, set()
            try:
                save(self._folder, self._receiver, types)
            except OSError as error:
                self._unsaved |= types
                log.warning(event("held state cannot be written", reason=error.strerror))


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


def save(folder: Path, receiver: Receiver, types: Iterable[str]) -> None:
    """Write what is held; raises OSError, leaving the older file in place."""
    for type_url in types:
        resources = tuple(receiver.held(type_url).values())
        complete = len(resources) if receiver.is_complete(type_url) else None
        held = Response(type_url, "", resources, (), receiver.point(type_url), complete)
        write_atomic(_file(folder, type_url), encode_response(held), mode=0o600)


def _file(folder: Path, type_url: str) -> Path:
    return folder / f"{type_url.rpartition('.')[2]}.held"
