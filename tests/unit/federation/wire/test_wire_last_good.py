"""What is held survives a restart; a damaged file counts as not there."""

import asyncio
from pathlib import Path

import pytest

from federation.runtime.disk import Disk
from federation.runtime.loops import LONGEST_PAUSE, running
from federation.runtime.tasks import cancel, start
from federation.wire import last_good
from federation.wire.last_good import Hold
from federation.xds.messages import Point, Response
from federation.xds.receiver import Receiver
from federation.xds.resources import resource
from tests.unit.fakes.loops import save_held

A, B = "type.example/x.A", "type.example/x.B"


def filled() -> Receiver:
    receiver = Receiver("n", [A, B])
    receiver.receive(Response(A, "1", (resource("x", b"x"),), (), Point("e", 3), 1))
    receiver.receive(Response(B, "2", (resource("y", b"y"),)))
    return receiver


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_what_was_held_is_held_again(tmp_path: Path) -> None:
    save_held(tmp_path, filled(), [A, B])
    again = Receiver("n", [A, B])
    last_good.load(tmp_path, again, [A, B])
    assert again.held(A) == filled().held(A)
    assert again.point(A) == Point("e", 3)
    assert (again.is_complete(A), again.is_complete(B)) == (True, False)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    save_held(tmp_path, filled(), [A])
    assert [file.stat().st_mode & 0o777 for file in tmp_path.iterdir()] == [0o600]


def test_a_damaged_file_counts_as_not_there(tmp_path: Path) -> None:
    save_held(tmp_path, filled(), [A])
    next(tmp_path.iterdir()).write_bytes(b"\xff\xff")
    again = Receiver("n", [A])
    last_good.load(tmp_path, again, [A])
    assert again.held(A) == {}
    assert not again.is_complete(A)


@pytest.mark.looptime
async def test_what_a_receiver_takes_is_written_a_moment_later(tmp_path: Path) -> None:
    receiver, disk = Receiver("n", [A, B]), Disk()
    kept = Hold(tmp_path, receiver, [A, B], disk)
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
    kept = Hold(folder, receiver, [A, B], disk)
    async with running([kept.loop, disk.loop]):
        kept.note(receiver.receive(Response(A, "1", (resource("x", b"x"),))))
        kept.note(receiver.receive(Response(B, "1", (resource("y", b"y"),))))
        await asyncio.sleep(20)
        assert caplog.text.count("state cannot be written") == 1
        folder.mkdir()
        await asyncio.sleep(LONGEST_PAUSE)
    assert files(folder) == ["A.held", "B.held"]
