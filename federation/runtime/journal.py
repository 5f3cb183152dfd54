"""A private file that grows by records, and is written anew before it holds much that is old.

In: records, bytes that mean something one after the other. Out: the same after a restart. The first
records are a whole state, written at once; what follows are changes. A record that was half written
when a process or a machine died is not there, nor is what follows it; without a whole state
there is nothing. Calls wait for the disk: make them in a thread where a loop runs. Used by
`federation.wire.last_good`.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from federation.runtime.files import read_if_there, write_atomic

FLOOR_BYTES = 64 << 10
"""So much of changes may follow a whole state, however small that is."""
_MAGIC = b"fedmesh journal 1\n"
_SIZE, _NUMBER = 8, 4
_APPEND = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class DamagedError(ValueError):
    """The file holds no whole state; says why."""


class Journal:
    """The records at `path`. Of changes at most `FLOOR_BYTES` follow a whole state, or its size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._whole = 0
        self._end: int | None = None

    def read(self) -> list[bytes]:
        """The records that are there; raises DamagedError and OSError."""
        data = read_if_there(self.path)
        if data is None:
            return []
        start = len(_MAGIC) + _SIZE
        if not data.startswith(_MAGIC) or len(data) < start:
            raise DamagedError("it does not begin as a journal does")
        whole = int.from_bytes(data[len(_MAGIC) : start])
        records, end = _records(data, start)
        if end < whole:
            raise DamagedError(f"of the {whole} bytes of its state {end} can be read")
        if end == len(data):
            self._whole, self._end = whole, end
        return records

    def has_room(self, size: int) -> bool:
        """Whether records of so many bytes may be added: else the next write is a whole state."""
        if self._end is None:
            return False
        return self._end + size <= self._whole + max(FLOOR_BYTES, self._whole)

    def add(self, records: Iterable[bytes]) -> bool:
        """Write records behind the others, all of them or none; False when that needs a whole state
        first. Raises OSError.
        """
        data = b"".join(map(_framed, records))
        if self._end is None or not self.has_room(len(data)):
            return False
        end, self._end = self._end, None  # until it is known how it ends
        try:
            handle = os.open(self.path, _APPEND)
        except OSError:  # it went, or is a link now
            return False
        try:
            if os.fstat(handle).st_size != end:  # it is another file, or somebody wrote into it
                return False
            try:
                _write_all(handle, data, end)
            except OSError:
                os.ftruncate(handle, end)
                self._end = end
                raise
            self._end = end + len(data)
        finally:
            os.close(handle)
        return True

    def replace(self, records: Iterable[bytes]) -> None:
        """Write a whole state in place of all; raises OSError, leaving what was there."""
        framed = b"".join(map(_framed, records))
        whole = len(_MAGIC) + _SIZE + len(framed)
        data = b"".join((_MAGIC, whole.to_bytes(_SIZE), framed))
        write_atomic(self.path, data, mode=0o600, durable=True)
        self._whole = self._end = whole


def _framed(record: bytes) -> bytes:
    """A record behind its length and the sum by which a half-written one is known."""
    return b"".join((len(record).to_bytes(_NUMBER), crc32(record).to_bytes(_NUMBER), record))


def _records(data: bytes, start: int) -> tuple[list[bytes], int]:
    """The records from `start`, and where the last one ends that is whole."""
    found: list[bytes] = []
    while (begin := start + 2 * _NUMBER) <= len(data):
        end = begin + int.from_bytes(data[start : start + _NUMBER])
        record = data[begin:end]
        if end > len(data) or crc32(record).to_bytes(_NUMBER) != data[start + _NUMBER : begin]:
            break
        found.append(record)
        start = end
    return found, start


def _write_all(handle: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, at)
        at, view = at + written, view[written:]
