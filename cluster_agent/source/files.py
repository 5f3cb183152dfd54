"""What is in a folder: its files that count, with what tells whether they changed.

In: a folder on the disk. Out: a `Scan`, and texts of files. An entry that cannot be read is named
and holds up no other; OSError is raised when the folder as a whole cannot be read. Used by
`cluster_agent.source.looking`, `reading` and `watching`.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from errno import E2BIG, ELOOP
from itertools import islice
from pathlib import Path

from federation.runtime.loops import out_of_means
from federation.runtime.yamldocs import MAX_BYTES

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MAX_FILES = 10_000
"""In a folder and its sub-folders, of whatever kind: so many names are read at most."""

Stamp = tuple[int, int, int, int]
"""Time of the content, size, inode, and time of the inode, which new permissions change too."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file: where it is, and what tells one version from the next."""

    path: str
    stamp: Stamp


@dataclass(slots=True)
class Scan:
    """A folder as it was at one moment.

    `files` by name relative to it; `unreadable`: entries with the reason, sub-folders with a slash
    behind their name. `again`: links to sub-folders that have nothing of their own, with the
    reason. `which` is another one for another folder in the same place. `folders` are the
    sub-folders that are no links. `has_links`: what is in it may change elsewhere.
    """

    which: tuple[int, int]
    files: dict[str, Found] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    again: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    has_links: bool = False

    def hides(self, name: str) -> bool:
        """Whether a file of this name may be there, but nobody can tell."""
        folder, slash, _ = name.partition("/")
        return name in self.unreadable or (bool(slash) and folder + slash in self.unreadable)


def which_folder(folder: Path) -> tuple[int, int] | None:
    """What tells this folder from another one in its place; None when there is none."""
    try:
        about = folder.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def scan(folder: Path) -> Scan:
    """What is in a folder and its direct sub-folders; raises OSError."""
    about = folder.stat()
    found = Scan((about.st_dev, about.st_ino))
    root = folder.resolve()
    for entry, name in _entries(folder, root, found):
        if not counts(entry.name):
            continue
        found.has_links |= entry.is_symlink()
        is_here = entry.name == name or name.partition("/")[0] in found.folders
        try:
            file = _look_at(entry, root, is_here=is_here)
        except (OSError, RuntimeError) as error:
            _note(found, name, error)
        else:
            if file is not None:
                found.files[name] = file
    return found


def _entries(folder: Path, root: Path, found: Scan) -> Iterator[tuple[os.DirEntry[str], str]]:
    """All entries but folders, each with its name relative to the folder, links last."""
    outer = _listed(str(folder), MAX_FILES)
    left = MAX_FILES - len(outer)
    visited = {found.which: "."}
    for entry in sorted(outer, key=os.DirEntry.is_symlink):
        if entry.name.startswith("."):
            continue
        found.has_links |= entry.is_symlink()
        try:
            is_folder = _is_folder(entry)
            if is_folder and (reason := _seen_before(entry, root, visited)):
                found.again[f"{entry.name}/"] = reason
                continue
            inner = _listed(entry.path, left) if is_folder else None
        except (OSError, RuntimeError) as error:
            _note(found, f"{entry.name}/", error)
            continue
        if inner is None:
            yield entry, entry.name
            continue
        if not entry.is_symlink():
            found.folders.add(entry.name)
        left -= len(inner)
        yield from ((below, f"{entry.name}/{below.name}") for below in inner)


def _seen_before(entry: os.DirEntry[str], root: Path, visited: dict[tuple[int, int], str]) -> str:
    """Why a sub-folder has nothing of its own; empty, and noted as visited, when it may have."""
    about = entry.stat()
    which = (about.st_dev, about.st_ino)
    if which in visited:
        same = visited[which]
        return "it is the folder itself" if same == "." else f"it is the same folder as {same}/"
    if entry.is_symlink() and root.is_relative_to(Path(entry.path).resolve()):
        return "it is a link to a folder that holds this one"
    visited[which] = entry.name
    return ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == ELOOP:
            return False
        raise


def _note(found: Scan, name: str, error: OSError | RuntimeError) -> None:
    """Name an entry that cannot be read; raises what says something of the whole folder."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return  # it went since it was listed, or is a link to nothing
    if out_of_means(error) or (isinstance(error, OSError) and error.errno == E2BIG):
        raise error
    found.unreadable[name] = reason_of(error)


def _listed(folder: str, most: int) -> list[os.DirEntry[str]]:
    """The entries of a folder by name; raises OSError when there are more."""
    with os.scandir(folder) as entries:
        found = list(islice(entries, most + 1))
    if len(found) > most:
        raise OSError(E2BIG, f"it holds more than {MAX_FILES:,} files")
    return sorted(found, key=lambda entry: entry.name)


def counts(name: str) -> bool:
    """Whether a file of this name is read."""
    return not name.startswith((".", "#")) and os.path.splitext(name)[1] in SUFFIXES  # noqa: PTH122 - of thousands


def _look_at(entry: os.DirEntry[str], root: Path, *, is_here: bool) -> Found | None:
    """The file, None for one that does not count; raises OSError and RuntimeError.

    What is no link, in a folder that is none, lies where it seems to lie (`is_here`).
    """
    if is_here and not entry.is_symlink():
        about = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(about.st_mode):
            return Found(entry.path, stamp_of(about))
        if not stat.S_ISLNK(about.st_mode):
            return None
    path = Path(entry.path)
    about = path.stat()
    if not stat.S_ISREG(about.st_mode) or not path.resolve().is_relative_to(root):
        return None
    return Found(entry.path, stamp_of(about))


def stamp_of(about: os.stat_result) -> Stamp:
    """What tells this version of a file from others."""
    return about.st_mtime_ns, about.st_size, about.st_ino, about.st_ctime_ns


def read_text(path: Path, root: Path) -> str | None:
    """The text of a file; what was put in its place since it was found may be anything.

    `root` is the folder without links in it. None when it went since. Raises OSError, and
    ValueError for what is no text of ours.
    """
    try:
        opened_file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(opened_file, "rb") as file:
        opened = Path(f"/proc/self/fd/{file.fileno()}").readlink()
        if not opened.is_relative_to(root):
            raise ValueError("it is a link that leads out of the folder")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    return data.decode()


def reason_of(error: Exception) -> str:
    """Why an entry cannot be read, for a person."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RuntimeError) or (isinstance(error, OSError) and error.errno == ELOOP):
        return "it is a link that leads to itself"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
