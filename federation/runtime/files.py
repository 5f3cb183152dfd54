"""Files that are whole or not there: written beside, synced, renamed; private ones 0600."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Replace the file at `path` by `data` at once; raises OSError, leaving the old file in place.

    `durable` also waits until it is on the disk.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        beside.chmod(mode)
        beside.replace(path)
        if durable:
            sync_folder(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_private(path: Path, data: bytes) -> None:
    """Replace a file that only its owner may read; waits until it is on the disk."""
    write_atomic(path, data, mode=0o600, durable=True)


def overwrite_private(path: Path, data: bytes) -> None:
    """The same, and what was there before is overwritten with zeros once the new file counts.

    As far as the file system overwrites in place: journals, snapshots and flash may keep a copy.
    """
    with path.open("r+b") as before:
        write_private(path, data)
        before.write(bytes(os.fstat(before.fileno()).st_size))
        before.flush()
        os.fsync(before.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter; returns it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def read_if_there(path: Path) -> bytes | None:
    """The bytes of a file, None when it does not exist."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone; raises BlockingIOError when another one does.

    The lock ends with the process, however that ends.
    """
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
