"""One loop of several, by its name, and what a process would have written to disk by then."""

from collections.abc import Iterable
from pathlib import Path

from federation.runtime.disk import write_together
from federation.runtime.loops import Loop
from federation.wire.last_good import files_of
from federation.xds.receiver import Receiver


def named(loops: Iterable[Loop], name: str) -> Loop:
    """The loop of that name."""
    (found,) = [loop for loop in loops if loop.name == name]
    return found


def save_held(folder: Path, receiver: Receiver, types: Iterable[str]) -> None:
    """Write what is held now."""
    for type_url in types:
        write_together(files_of(folder, receiver, type_url))
