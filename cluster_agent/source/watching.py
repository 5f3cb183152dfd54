"""The watch on a folder: who waits is woken by every change, also when it is another folder.

In: a path. Out: wake-ups, with the names of what has changed where they are known. What is watched
is a folder, not its name: when it is moved away and another put in its place, the old one would be
watched for ever. So its parent is watched as well, and whoever calls `watch` again watches the new
one. Used by `cluster_agent.source.directory`.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from watchfiles import Change, awatch

from cluster_agent.source.files import which_folder
from federation.runtime.tasks import cancel, start

LOOK_SECONDS = 1.0
"""Between two looks at which folder it is, and two watches where its parent cannot be watched."""


Wake = Callable[[Iterable[str] | None], None]
"""Called with names relative to the folder, or None when anything may have changed."""


async def watch(folder: Path, wake: Wake) -> None:
    """Wake at every change, and return when it is another folder than at the beginning.

    Raises OSError and RuntimeError when it cannot be watched; so does a file whose name is no text.
    """
    which, ended = which_folder(folder), asyncio.Event()
    wake(None)  # of what happened before this watch nobody was told
    looking = start(_until_another(folder, which, ended), "folder-parent")
    try:
        if which is None:
            await looking
        else:
            await _wake_at_changes(folder, wake, ended)
    finally:
        ended.set()
        await cancel(looking)


async def _wake_at_changes(folder: Path, wake: Wake, ended: asyncio.Event) -> None:
    changes = awatch(
        folder,
        watch_filter=None,
        debounce=20,
        step=25,
        rust_timeout=1000,
        stop_event=ended,
        ignore_permission_denied=True,
    )
    inside = f"{folder}/"
    async for found in changes:
        paths = {path for _, path in found}
        is_known = all(path.startswith(inside) for path in paths)
        wake({path.removeprefix(inside) for path in paths} if is_known else None)


async def _until_another(folder: Path, which: tuple[int, int] | None, ended: asyncio.Event) -> None:
    """Set `ended` when it is another folder."""

    def is_it(_: Change, path: str) -> bool:
        return Path(path).name == folder.name

    try:
        changes = awatch(
            folder.parent,
            watch_filter=is_it,
            debounce=50,
            step=50,
            rust_timeout=int(LOOK_SECONDS * 1000),
            yield_on_timeout=True,
            recursive=False,
            stop_event=ended,
        )
        async for _ in changes:
            if which_folder(folder) != which:
                ended.set()
    except* (OSError, RuntimeError):  # a parent that may not be read, a neighbour of an odd name
        await asyncio.sleep(LOOK_SECONDS)
        ended.set()
