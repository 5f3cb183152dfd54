"""What is held survives a restart; a damaged file counts as not there."""

from pathlib import Path

from federation.wire import hold
from federation.xds.messages import Point, Response
from federation.xds.receiver import Receiver
from federation.xds.resources import resource

A, B = "type.example/x.A", "type.example/x.B"


def filled() -> Receiver:
    receiver = Receiver("n", [A, B])
    receiver.receive(Response(A, "1", (resource("x", b"x"),), (), Point("e", 3), 1))
    receiver.receive(Response(B, "2", (resource("y", b"y"),)))
    return receiver


def test_what_was_held_is_held_again(tmp_path: Path) -> None:
    hold.save(tmp_path, filled(), [A, B])
    again = Receiver("n", [A, B])
    hold.load(tmp_path, again, [A, B])
    assert again.held(A) == filled().held(A)
    assert again.point(A) == Point("e", 3)
    assert (again.is_complete(A), again.is_complete(B)) == (True, False)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    hold.save(tmp_path, filled(), [A])
    assert [file.stat().st_mode & 0o777 for file in tmp_path.iterdir()] == [0o600]


def test_a_damaged_file_counts_as_not_there(tmp_path: Path) -> None:
    hold.save(tmp_path, filled(), [A])
    next(tmp_path.iterdir()).write_bytes(b"\xff\xff")
    again = Receiver("n", [A])
    hold.load(tmp_path, again, [A])
    assert again.held(A) == {}
    assert not again.is_complete(A)
