"""Documents: nobody overwrites another, and what was written has its effect at once."""

import asyncio
from contextlib import aclosing
from typing import Any, cast

import pytest

from federation.controller.intent.documents import Changed, Documents, Kind, watch
from federation.model.errors import Conflict
from tests.unit.fakes.fake_store import FakeStore

Note = tuple[str, str]
NOTES: Kind[Note] = Kind(
    "Note",
    "notes/",
    lambda note: note[0],
    lambda note: f"{note[0]} {note[1]}".encode(),
    lambda entry: cast(Note, tuple(entry.value.decode().split(" "))),
)


async def test_documents_are_written_read_listed_and_deleted_by_revision() -> None:
    store = FakeStore()
    notes = Documents(store, NOTES)
    first = await notes.put(("b", "1"), 0)
    assert first == (("b", "1"), 1)
    await store.write("other/x", b"", 0)
    second = await notes.put(("a", "2"), 0)
    assert await notes.list() == (second, first)
    assert await notes.count() == 2
    with pytest.raises(Conflict):
        await notes.put(("b", "3"), 0)
    assert await notes.get("b") == first
    with pytest.raises(Conflict):
        await notes.delete("b", second.revision)
    assert await notes.delete("b", first.revision) == 4
    assert await notes.get("b") is None


async def test_every_call_waits_until_its_revision_has_its_effect() -> None:
    waited: list[int] = []

    async def in_effect(revision: int) -> None:
        waited.append(revision)

    async def same(before: Note | None) -> Note:
        return before or ("a", "1")

    notes = Documents(FakeStore(), NOTES, in_effect)
    await notes.swap("a", same)
    await notes.swap("a", same)  # somebody else may have written it a moment ago
    await notes.delete("a", 1)
    assert waited == [1, 1, 2]


async def test_two_who_change_one_document_at_once_both_have_their_way() -> None:
    notes = Documents(FakeStore(), NOTES)
    await notes.put(("a", "-"), 0)
    both_have_read = asyncio.Barrier(2)
    waited: set[str] = set()

    async def change(letter: str) -> int:
        async def changed(before: Note | None) -> Note:
            assert before is not None
            if letter not in waited:
                waited.add(letter)
                await both_have_read.wait()
            return ("a", before[1] + letter)

        await notes.swap("a", changed)
        return len(waited)

    await asyncio.gather(change("x"), change("y"))
    found = await notes.get("a")
    assert found is not None
    assert (sorted(found.value[1]), found.revision) == (["-", "x", "y"], 3)


async def test_who_is_always_late_is_told() -> None:
    notes = Documents(FakeStore(), NOTES)

    async def change(before: Note | None) -> Note:
        found = await notes.get("a")
        await notes.put(("a", "theirs"), found.revision if found else 0)
        return ("a", "mine")

    with pytest.raises(Conflict):
        await notes.swap("a", change)


async def test_nothing_is_written_where_nothing_changes() -> None:
    store = FakeStore()
    notes = Documents(store, NOTES)
    await notes.put(("a", "1"), 0)

    async def same(before: Note | None) -> Note:
        assert before is not None
        return before

    assert await notes.swap("a", same) == (("a", "1"), ("a", "1"))
    assert (await store.read_all("")).revision == 1


async def test_changes_are_watched_as_documents_and_of_other_keys_the_revision() -> None:
    store = FakeStore()
    notes = Documents(store, NOTES)
    await notes.put(("a", "1"), 0)
    await store.write("other/x", b"", 0)
    await notes.delete("a", 1)
    found: list[Changed] = []
    async with aclosing(cast(Any, watch(store, [NOTES], 0))) as changes:
        async for change in changes:
            found.append(change)
            if len(found) == 3:
                break
    assert found == [
        (NOTES, "a", ("a", "1"), 1),
        (None, "other/x", None, 2),
        (NOTES, "a", None, 3),
    ]
