"""The watch ends when it is another folder; what happens to its neighbours wakes nobody."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from cluster_agent.source.watching import watch
from federation.runtime.tasks import cancel, start


class Waking:
    """Counts wake-ups."""

    def __init__(self) -> None:
        self.count = 0
        self.names: set[str] | None = None
        self._woken = asyncio.Event()

    def __call__(self, names: Iterable[str] | None) -> None:
        self.count += 1
        self.names = set(names) if names is not None else None
        self._woken.set()

    async def once_more(self) -> None:
        async with asyncio.timeout(5):
            self._woken.clear()
            await self._woken.wait()


async def test_the_watch_ends_when_another_folder_is_in_its_place(tmp_path: Path) -> None:
    folder, waking = tmp_path / "source", Waking()
    folder.mkdir()
    watching = start(watch(folder, waking), "watch")
    await asyncio.sleep(0.1)
    assert not watching.done()
    folder.rename(tmp_path / "away")
    folder.mkdir()
    async with asyncio.timeout(5):
        await watching


async def test_a_folder_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    folder, waking = tmp_path / "source", Waking()
    watching = start(watch(folder, waking), "watch")
    await asyncio.sleep(0.1)
    assert not watching.done()
    folder.mkdir()
    async with asyncio.timeout(5):
        await watching


async def test_changes_wake_and_those_of_neighbours_do_not(tmp_path: Path) -> None:
    folder, waking = tmp_path / "source", Waking()
    folder.mkdir()
    (folder / "self.yaml").symlink_to("self.yaml")
    watching = start(watch(folder, waking), "watch")
    await asyncio.sleep(0.1)
    before = waking.count
    (tmp_path / "neighbour").write_text("x")
    await asyncio.sleep(0.2)
    assert (waking.count, watching.done()) == (before, False)
    (folder / "a.yaml").write_text("x")
    await waking.once_more()
    assert waking.names == {"a.yaml"}
    await cancel(watching)


async def test_a_parent_that_cannot_be_watched_is_looked_at_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise PermissionError("no")

    folder, waking = tmp_path / "source", Waking()
    monkeypatch.setattr("cluster_agent.source.watching.awatch", refuse)
    monkeypatch.setattr("cluster_agent.source.watching.LOOK_SECONDS", 0.2)
    watching = start(watch(folder, waking), "watch")
    await asyncio.sleep(0.1)
    assert not watching.done()
    folder.mkdir()
    async with asyncio.timeout(5):
        await watching
