"""Whoever waits longest makes room, and nobody who has just come."""

from federation.runtime.room import Room


def test_below_its_number_nobody_has_to_go() -> None:
    room: Room[str] = Room(2)
    assert [room.enter("a"), room.enter("b")] == [None, None]
    assert len(room) == 2


def test_who_has_waited_longest_goes_for_one_who_comes() -> None:
    room: Room[str] = Room(2)
    room.enter("a")
    room.enter("b")
    room.wait("a")  # it has brought something
    assert room.enter("c") == "b"
    assert "b" not in room
    assert room.enter("d") == "a"
    assert len(room) == 2


def test_who_is_being_answered_does_not_go() -> None:
    room: Room[str] = Room(2)
    room.enter("a")
    room.enter("b")
    room.answer("a")
    assert room.enter("c") == "b"
    room.answer("c")
    assert room.enter("d") is None
    room.wait("a")
    room.wait("d")
    assert room.enter("e") == "a"


def test_a_source_with_its_share_has_one_of_its_own_go() -> None:
    room: Room[str] = Room(10, of_one_source=2)
    room.enter("quiet", b"other")
    room.enter("a", b"flood")
    room.enter("b", b"flood")
    room.wait("a")
    assert room.enter("c", b"flood") == "b"
    assert room.enter("d", b"flood") == "a"
    assert "quiet" in room


def test_a_flood_from_many_sources_never_has_one_go_that_keeps_asking() -> None:
    room: Room[int] = Room(1_000, of_one_source=50)
    room.enter(-1, b"honest")
    for number in range(20_000):
        gone = room.enter(number, bytes([number % 20]))
        assert gone != -1
        if number % 900 == 0:
            room.wait(-1)
    assert len(room) <= 1_000


def test_who_has_gone_leaves_nothing_behind() -> None:
    room: Room[str] = Room(2, of_one_source=1)
    for name in ("a", "b"):
        room.enter(name, name.encode())
        room.leave(name)
        room.leave(name)
        room.wait(name)
    assert (len(room), room._by_source, room._waiting) == (0, {}, {})
