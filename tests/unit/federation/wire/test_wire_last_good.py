"""What is held survives a restart; a damaged file counts as not there."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from federation.runtime.disk import Disk
from federation.runtime.journal import FLOOR_BYTES
from federation.runtime.loops import LONGEST_PAUSE, running
from federation.runtime.tasks import cancel, start
from federation.wire import last_good
from federation.wire.last_good import Hold, Run
from federation.xds.messages import Point, Response
from federation.xds.receiver import Receiver
from federation.xds.resources import resource
from tests.unit.fakes.loops import inline

A, B = "type.example/x.A", "type.example/x.B"


def filled() -> Receiver:
    receiver = Receiver("n", [A, B])
    receiver.receive(Response(A, "1", (resource("x", b"x"),), (), Point("e", 3), 1))
    receiver.receive(Response(B, "2", (resource("y", b"y"),)))
    return receiver


class World:
    """A receiver of type A whose state is kept; saved at once instead of a moment later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start_again()

    def start_again(self, run: Run = inline) -> None:
        """Another process with the same folder."""
        self.receiver = Receiver("n", [A])
        self.kept = Hold(self.folder, self.receiver, [A], Disk(), run)
        self.kept.load()

    def say(self, name: str, body: bytes, complete: int | None = None) -> None:
        found = (resource(name, body),)
        self.kept.note(self.receiver.receive(Response(A, "1", found, complete=complete)))

    def gone(self, name: str) -> None:
        self.kept.note(self.receiver.receive(Response(A, "1", removed=(name,))))

    async def save(self) -> None:
        await self.kept.save()

    async def take(self, name: str, body: bytes, complete: int | None = None) -> None:
        self.say(name, body, complete)
        await self.save()

    def held(self) -> dict[str, bytes]:
        return {name: found.body for name, found in self.receiver.held(A).items()}


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_what_was_held_is_held_again(tmp_path: Path) -> None:
    last_good.save(tmp_path, filled(), [A, B])
    again = Receiver("n", [A, B])
    last_good.load(tmp_path, again, [A, B])
    assert again.held(A) == filled().held(A)
    assert again.point(A) == Point("e", 3)
    assert (again.is_complete(A), again.is_complete(B)) == (True, False)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    last_good.save(tmp_path, filled(), [A])
    assert [file.stat().st_mode & 0o777 for file in tmp_path.iterdir()] == [0o600]


def test_a_damaged_file_counts_as_not_there(tmp_path: Path) -> None:
    last_good.save(tmp_path, filled(), [A])
    next(tmp_path.iterdir()).write_bytes(b"\xff\xff")
    again = Receiver("n", [A])
    last_good.load(tmp_path, again, [A])
    assert again.held(A) == {}
    assert not again.is_complete(A)


def test_a_file_that_cannot_be_read_ends_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    last_good.save(tmp_path, filled(), [A])
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    again = Receiver("n", [A])
    last_good.load(tmp_path, again, [A])
    assert again.held(A) == {}
    assert not again.is_complete(A)
    assert "held state is damaged" in caplog.text


@pytest.mark.parametrize("lost", [1, 5, 30])
async def test_a_change_that_was_half_written_is_not_there_and_what_was_before_it_is(
    tmp_path: Path, lost: int
) -> None:
    world = World(tmp_path)
    await world.take("x", b"1", complete=1)
    await world.take("y", b"2", complete=2)
    file = tmp_path / "A.held"
    file.write_bytes(file.read_bytes()[:-lost])
    world.start_again()
    assert (world.held(), world.receiver.is_complete(A)) == ({"x": b"1"}, True)
    await world.take("z", b"3", complete=2)
    world.start_again()
    assert world.held() == {"x": b"1", "z": b"3"}, "and what comes later is written as ever"


async def test_a_state_that_was_half_written_is_not_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    await world.take("x", b"1", complete=1)
    file = tmp_path / "A.held"
    file.write_bytes(file.read_bytes()[:-1])
    world.start_again()
    assert (world.held(), world.receiver.is_complete(A)) == ({}, False)
    assert "held state is damaged" in caplog.text


async def test_a_change_costs_what_changed_and_not_what_is_held(tmp_path: Path) -> None:
    written = {}
    for many in (20, 5000):
        folder = tmp_path / str(many)
        folder.mkdir()
        world = World(folder)
        for number in range(many):
            world.say(f"service-{number}", b"b" * 100)
        await world.save()
        before = (folder / "A.held").stat()
        await world.take("service-7", b"c" * 100)
        after = (folder / "A.held").stat()
        assert after.st_ino == before.st_ino, "nothing else is written"
        written[many] = after.st_size - before.st_size
    assert written[20] == written[5000] < 250


async def test_what_changes_for_ever_takes_a_bounded_room_and_the_newest_counts(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    largest = 0
    for number in range(1000):
        world.say(f"service-{number % 50}", b"%05d" % number + b"b" * 1000)
        if number % 5 == 0:
            world.say(f"gone-{number}", b"x")
            world.gone(f"gone-{number}")
        await world.save()
        largest = max(largest, (tmp_path / "A.held").stat().st_size)
    whole = 50 * 1100
    assert whole < largest < whole + FLOOR_BYTES + whole
    held = world.held()
    world.start_again()
    assert world.held() == held
    assert len(held) == 50


@pytest.mark.looptime
async def test_what_is_written_is_what_was_true_when_it_was_noted(tmp_path: Path) -> None:
    """While a thread writes, more changes come; both are there afterwards, each with its point."""
    world = World(tmp_path)
    await world.take("x", b"1", complete=1)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(call: Callable[..., Any], *found: Any) -> Any:
        began.set()
        await go_on.wait()
        return call(*found)

    world.start_again(slowly)
    world.say("y", b"2", complete=2)
    async with running([world.kept.loop]):
        await began.wait()
        world.say("y", b"3")
        began.clear()
        go_on.set()
        await began.wait()
        await asyncio.sleep(0)
    world.start_again()
    assert world.held() == {"x": b"1", "y": b"3"}


@pytest.mark.looptime
async def test_what_a_receiver_takes_is_written_a_moment_later(tmp_path: Path) -> None:
    receiver, disk = Receiver("n", [A, B]), Disk()
    kept = Hold(tmp_path, receiver, [A, B], disk, inline)
    running = start(kept.loop.run(), "saving")
    kept.note(receiver.receive(Response(A, "1", (resource("x", b"x"),))))
    await asyncio.sleep(0.1)
    assert files(tmp_path) == []
    await asyncio.sleep(0.2)
    assert files(tmp_path) == ["A.held"]
    kept.note(receiver.receive(Response(A, "2")))
    await cancel(running)
    again = Receiver("n", [A, B])
    Hold(tmp_path, again, [A, B], Disk()).load()
    assert again.held(A) == receiver.held(A)


@pytest.mark.looptime
async def test_what_cannot_be_written_is_written_by_itself_when_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    receiver, disk = Receiver("n", [A, B]), Disk()
    kept = Hold(folder, receiver, [A, B], disk, inline)
    async with running([kept.loop, disk.loop]):
        kept.note(receiver.receive(Response(A, "1", (resource("x", b"x"),))))
        kept.note(receiver.receive(Response(B, "1", (resource("y", b"y"),))))
        await asyncio.sleep(20)
        assert caplog.text.count("state cannot be written") == 1
        folder.mkdir()
        await asyncio.sleep(LONGEST_PAUSE)
    assert files(folder) == ["A.held", "B.held"]
