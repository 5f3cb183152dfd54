"""Files that are whole or not there: written beside, synced, renamed; private ones 0600.

Nothing here follows a link that others may have put in place of what is written: new files are
made under names that nobody can foresee, and renamed within the folder that was opened.
"""

import contextlib
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EPERM
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.tmp", re.DOTALL)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Replace the file at `path` by `data` at once; raises OSError, leaving the old file in place.

    A link at `path` is replaced, not followed. `durable` also waits until it is on the disk.
    """
    with _naming(path):
        with _opened(path.parent) as folder:
            _replace(folder, path.name, data, mode, durable)
        if durable:
            sync_folder(path.parent)


def write_inside(folder: Path, inner: str, name: str, data: bytes) -> None:
    """Replace the file `folder/inner/name`, where others may write in `folder`; `inner` is made.

    No link that they put there leads the write elsewhere: raises OSError.
    """
    with _naming(folder / inner / name), _opened(folder) as outer:
        with contextlib.suppress(FileExistsError):
            os.mkdir(inner, dir_fd=outer)
        with _opened(inner, os.O_NOFOLLOW, outer) as handle:
            _replace(handle, name, data, 0o644, durable=False)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An OSError says which file could not be written, whatever it was that failed."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


@contextmanager
def _opened(path: str | Path, flags: int = 0, folder: int | None = None) -> Iterator[int]:
    handle = os.open(path, _FOLDER | flags, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def _replace(folder: int, name: str, data: bytes, mode: int, durable: bool) -> None:
    """Replace a file of the folder that was opened as `folder`."""
    beside = f".{name}.{secrets.token_hex(8)}.tmp"
    handle = os.open(beside, _NEW, mode, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if durable:
                os.fsync(file.fileno())
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=folder)
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed had half written into a folder of its own."""
    for entry in folder.iterdir():
        if _UNFINISHED.fullmatch(entry.name):
            entry.unlink(missing_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Replace a file that only its owner may read; waits until it is on the disk."""
    write_atomic(path, data, mode=0o600, durable=True)


def overwrite_private(path: Path, data: bytes) -> None:
    """The same, and what was there before is overwritten with zeros once the new file counts.

    As far as the file system overwrites in place: journals, snapshots and flash may keep a copy.
    """
    with path.open("r+b") as before:
        write_private(path, data)
        _blank(before)


def forget_private(path: Path) -> None:
    """Remove a file that held a secret, overwritten with zeros; nothing when it is not there.

    As far as the file system overwrites in place, as in `overwrite_private`.
    """
    try:
        with path.open("r+b") as before:
            _blank(before)
    except FileNotFoundError:
        return
    path.unlink()
    sync_folder(path.parent)


def _blank(file: BinaryIO) -> None:
    file.write(bytes(os.fstat(file.fileno()).st_size))
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    with _opened(path) as handle:
        os.fsync(handle)


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter; returns it.

    Raises PermissionError for one of another user, who could put into it what he likes.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened(path) as handle:
        owner = os.fstat(handle).st_uid
        if owner != os.geteuid():
            raise PermissionError(EPERM, f"it belongs to another user (uid {owner})", str(path))
        os.fchmod(handle, 0o700)
    return path


def set_socket_mode(path: Path, mode: int) -> None:
    """Give the socket at `path` this mode; raises OSError when something else is there by now."""
    handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(handle).st_mode):
            raise PermissionError(EPERM, "it is not a socket any more", str(path))
        Path(f"/proc/self/fd/{handle}").chmod(mode)
    finally:
        os.close(handle)


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
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
