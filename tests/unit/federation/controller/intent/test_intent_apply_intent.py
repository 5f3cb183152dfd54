"""Intent reaches memory by one way, in order, and whoever wrote waits for it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from federation.controller.intent.apply_intent import (
    IN_EFFECT_SECONDS,
    LONGEST_PAUSE,
    ApplyIntent,
    Effect,
)
from federation.controller.intent.documents import Documents, Kind
from federation.controller.store.store import Changed, Entry
from federation.model.errors import Failed
from federation.runtime.loops import running
from tests.unit.fakes.fake_store import FakeStore

pytestmark = pytest.mark.looptime

Note = tuple[str, str, int]


def read(entry: Entry) -> Note:
    name, text = entry.value.decode().split(" ")
    return name, text, entry.revision


NOTES: Kind[Note] = Kind(
    "Note", "notes/", lambda n: n[0], lambda n: f"{n[0]} {n[1]}".encode(), read
)


@dataclass
class Memory:
    """What has an effect, and everything that was ever done to it."""

    notes: dict[str, Note] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    failures: int = 0

    async def load(self, notes: tuple[Note, ...]) -> None:
        self.notes = {note[0]: note for note in notes}

    def put(self, note: Note) -> None:
        if self.failures:
            self.failures -= 1
            raise ValueError("odd")
        self.calls.append(f"put {note[0]} {note[1]}")
        self.notes[note[0]] = note

    def remove(self, name: str) -> None:
        self.calls.append(f"remove {name}")
        del self.notes[name]


class World:
    """A memory that follows a store."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.memory = Memory()
        effect = Effect(NOTES, self.memory.load, self.memory.put, self.memory.remove)
        self.intent = ApplyIntent(store, [effect])
        self.notes = Documents(store, NOTES, self.intent.in_effect)

    def agrees(self) -> bool:
        """Whether memory is what the store has."""
        entries = self.store.intent.items()
        notes = {k.removeprefix("notes/"): read(e) for k, e in entries if k.startswith("notes/")}
        return self.memory.notes == notes


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World(FakeStore(kept_changes=5))
    async with running([made.intent.loop]):
        yield made


async def test_what_was_written_is_in_memory_when_the_call_returns(world: World) -> None:
    found = await world.notes.put(("a", "1", 0), 0)
    assert world.memory.notes == {"a": ("a", "1", 1)}
    await world.notes.delete("a", found.revision)
    assert world.memory.notes == {}
    assert world.memory.calls == ["put a 1", "remove a"]


async def test_at_its_start_it_takes_all_and_then_what_comes_later_and_nothing_twice() -> None:
    store = FakeStore()
    await Documents(store, NOTES).put(("a", "1", 0), 0)
    await store.write("other/x", b"", 0)
    world = World(store)
    await world.intent.load()
    assert world.memory.notes == {"a": ("a", "1", 1)}
    assert world.intent.revision == 2
    async with running([world.intent.loop]):
        await world.notes.put(("b", "1", 0), 0)
    assert world.memory.calls == ["put b 1"]


async def test_what_is_older_than_what_was_taken_is_passed_over() -> None:
    """As a store would tell it that says the same twice."""
    world = World(FakeStore())
    written = await Documents(world.store, NOTES).put(("a", "1", 0), 0)
    await Documents(world.store, NOTES).put(("a", "2", 0), written.revision)
    await world.intent.load()
    world.store.changes.append(Changed("notes/a", b"a 1", 1))
    world.store.changes.append(Changed("notes/a", None, 1))
    async with running([world.intent.loop]):
        await world.notes.put(("b", "1", 0), 0)
    assert world.memory.notes["a"] == ("a", "2", 2)


async def test_changes_that_were_missed_are_found_by_comparing() -> None:
    world = World(FakeStore(kept_changes=2))
    notes = Documents(world.store, NOTES)
    for name in ("a", "b", "c"):
        await notes.put((name, "1", 0), 0)
    await world.intent.load()
    await notes.delete("a", 1)
    await notes.put(("b", "2", 0), 2)
    for n in range(5):
        await world.store.write(f"other/{n}", b"", 0)
    async with running([world.intent.loop]):
        await world.notes.put(("d", "1", 0), 0)
    assert world.agrees()
    assert world.memory.calls == ["remove a", "put b 2", "put d 1"], "c was there and stays"


async def test_an_effect_that_fails_is_tried_again_and_nothing_overtakes_it(world: World) -> None:
    world.memory.failures = 1
    await world.notes.put(("a", "1", 0), 0)
    await world.notes.put(("b", "1", 0), 0)
    assert world.memory.calls == ["put a 1", "put b 1"]


async def test_a_call_whose_effect_does_not_come_says_so(world: World) -> None:
    world.memory.failures = 1_000
    with pytest.raises(Failed, match=r"written, at revision 1, but has no effect after 5 s.*odd"):
        await world.notes.put(("a", "1", 0), 0)
    assert asyncio.get_running_loop().time() == pytest.approx(IN_EFFECT_SECONDS, abs=0.1)
    world.memory.failures = 0
    await asyncio.sleep(LONGEST_PAUSE)
    assert world.agrees()
    assert not world.intent.loop.trouble, "it says when it works again"
