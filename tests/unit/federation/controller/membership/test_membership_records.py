"""Members in the store: what is written is what is read, and nobody overwrites another."""

import asyncio
from dataclasses import replace

import pytest

from federation.controller.member import Member
from federation.controller.membership.records import MEMBERS, read_member, swap, write_member
from federation.model.errors import Conflict
from federation.model.names import ClusterId
from tests.unit.fakes.fake_store import FakeStore

EAST = ClusterId("east")
KNOWN = Member(
    EAST, "east.mesh.test", "eu", ("a",), "campus", ("10.0.0.0/8",), ("shop",), ("PEM", "OLD"),
    replace_key="00", ends=(0, 9), leaf_seconds=60,
)  # fmt: skip


async def test_a_member_is_read_as_it_was_written_with_its_revision() -> None:
    store = FakeStore()
    written = await write_member(store, KNOWN, 0)
    assert written.revision == 1
    entry = store.intent[f"{MEMBERS}east"]
    assert b"revision" not in entry.value
    found = read_member(entry)
    assert (found, found.revision) == (KNOWN, 1)
    with pytest.raises(Conflict):
        await write_member(store, KNOWN, 0)


async def test_two_who_change_one_member_at_once_both_have_their_way() -> None:
    store = FakeStore()
    await write_member(store, KNOWN, 0)
    both_have_read = asyncio.Barrier(2)
    waited: set[str] = set()

    async def change(field: str, value: object) -> Member:
        async def changed(before: Member | None) -> Member:
            assert before is not None
            if field not in waited:
                waited.add(field)
                await both_have_read.wait()
            return replace(before, **{field: value})  # type: ignore[arg-type]

        _, after = await swap(store, EAST, changed)
        return after

    found = await asyncio.gather(change("region", "us"), change("namespaces", ("web",)))
    assert sorted(member.revision for member in found) == [2, 3]
    member = read_member(store.intent[f"{MEMBERS}east"])
    assert (member.region, member.namespaces) == ("us", ("web",))


async def test_who_is_always_late_is_told() -> None:
    store = FakeStore()

    async def change(before: Member | None) -> Member:
        entry = store.intent.get(f"{MEMBERS}east")
        await write_member(store, KNOWN, entry.revision if entry else 0)
        return replace(before or KNOWN, region="us")

    with pytest.raises(Conflict):
        await swap(store, EAST, change)


async def test_nothing_is_written_where_nothing_changes() -> None:
    store = FakeStore()
    await write_member(store, KNOWN, 0)

    async def change(before: Member | None) -> Member:
        assert before is not None
        return before

    before, after = await swap(store, EAST, change)
    assert before == after == KNOWN
    assert await store.revision() == 1
