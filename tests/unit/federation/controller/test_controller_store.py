"""The embedded store keeps what it acknowledged, and lets nobody overwrite unseen."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.controller.store import sqlite
from federation.controller.store.sqlite import SqliteStore, open_store
from federation.controller.store.store import Changed, Row, Store
from federation.model.errors import Conflict, Failed
from tests.unit.fakes.fake_store import FakeStore
from tests.unit.federation.controller.store_conformance import (
    IntentConformance,
    ReportConformance,
    SnapshotConformance,
    TakeBack,
)

KEPT = 20


@pytest.fixture
def kept() -> int:
    """How many changes the stores under test keep."""
    return KEPT


class TestSqlite(IntentConformance, ReportConformance, SnapshotConformance):
    @pytest_asyncio.fixture
    async def store(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[SqliteStore]:
        monkeypatch.setattr(sqlite, "KEPT_CHANGES", KEPT)
        async with open_store(tmp_path / "db", "e") as store:
            yield store

    @pytest.fixture
    def take_back(self, tmp_path: Path) -> TakeBack:
        @asynccontextmanager
        async def opened(data: bytes, epoch: str) -> AsyncIterator[Store]:
            sqlite.take_back(tmp_path / "copy", data, epoch)
            async with open_store(tmp_path / "copy", "of no account") as store:
                yield store

        return opened


class TestFake(IntentConformance, ReportConformance):
    @pytest.fixture
    def store(self) -> FakeStore:
        return FakeStore(kept_changes=KEPT)


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "first") as store:
        revision = await store.write("members/east", b"1", 0)
        await store.write("members/east", b"2", revision)
        await store.save_reports([Row("east", "t", "n", b"body", 5)])
        await store.hold("leader", "one", 10, now=100.0)
        last = (await store.read_all("")).revision
    async with open_store(tmp_path / "db", "second") as store:
        assert store.epoch == "first"
        entry = await store.read("members/east")
        assert entry is not None
        assert entry.value == b"2"
        assert await store.load_reports() == (Row("east", "t", "n", b"body", 5),)
        assert await store.hold("leader", "two", 10, now=105.0) == "one"
        assert (await store.read_all("")).revision == last
        assert [c.value async for c in _first(store, 2)] == [b"1", b"2"]


async def _first(store: Store, count: int) -> AsyncIterator[Changed]:
    async for change in store.watch("", 0):
        yield change
        count -= 1
        if not count:
            return


async def test_revisions_of_facts_never_repeat_even_after_a_restart(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "e") as store:
        assert await store.reserve_revisions(100) == 1
    async with open_store(tmp_path / "db", "e") as store:
        assert await store.reserve_revisions(1) == 101


async def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "e") as store:
        await store.write("k", b"v", 0)
        assert modes_in(tmp_path) == {0o600}, "the write-ahead log, too"


def modes_in(folder: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_a_file_that_is_no_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(Failed, match="store cannot be used"):
        async with open_store(tmp_path / "db", "e"):
            pass


async def test_a_folder_that_is_none_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Failed, match="cannot be opened"):
        async with open_store(tmp_path / "file" / "db", "e"):
            pass


async def test_a_full_disk_is_one_sentence_and_the_store_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    async with open_store(tmp_path / "db", "e") as store:
        revision = await store.write("k", b"1", 0)
        pages = store._database.execute("PRAGMA page_count").fetchone()[0]
        store._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Failed, match="store cannot be used: database or disk is full"):
            await store.write("k", b"x" * 100_000, revision)
        with pytest.raises(Failed, match="disk is full"):
            await store.save_reports([Row("c", "t", "n", b"x" * 100_000)])
        entry = await store.read("k")
        assert entry is not None
        assert (entry.value, entry.revision) == (b"1", revision), "whole or not there"
        store._database.execute(f"PRAGMA max_page_count = {pages + 1000}")
        assert await store.write("k", b"x" * 100_000, revision) == revision + 1


async def test_a_snapshot_of_a_broken_store_is_one_sentence(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "e") as store:
        store._database.close()
        store._database = sqlite3.connect(":memory:", check_same_thread=False)
        store._database.close()
        with pytest.raises(Failed, match="cannot be copied"):
            await store.snapshot()


# -- the same as a model, whatever is asked in whatever order --------------------------------------

KEYS = st.sampled_from(["a", "a/b", "a/c", "b"])
STALE = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), KEYS, STALE),
        st.tuples(st.just("delete"), KEYS, STALE),
        st.tuples(st.just("hold"), st.sampled_from(["x", "y"]), st.integers(0, 30)),
        st.tuples(st.just("release"), st.sampled_from(["x", "y"]), STALE),
        st.tuples(st.just("restart"), st.just(""), st.just(0)),
    ),
    max_size=25,
)
Step = tuple[str, str, int]


async def take(store: Store, number: int, step: Step) -> object:
    """What a step leads to: a revision, a holder or a conflict. One in four is on old knowledge."""
    kind, name, choice = step
    entry = await store.read(name)
    known = entry.revision if entry else 0
    try:
        match kind:
            case "write":
                return await store.write(name, str(number).encode(), known - (choice == 3))
            case "delete":
                return await store.delete(name, known - (choice == 3))
            case "hold":
                return await store.hold("leader", name, 10, now=float(choice))
            case "release":
                await store.release("leader", name)
            case _:
                raise AssertionError(kind)
    except Conflict:
        return "conflict"
    return None


async def everything(store: Store) -> object:
    last = (await store.read_all("")).revision
    watched = [c async for c in _first(store, last)] if last else []
    return last, (await store.read_all("")).entries, (await store.read_all("a/")).entries, watched


async def compare(steps: Iterable[Step], folder: Path) -> None:
    model = FakeStore()
    remaining = list(enumerate(steps))
    while True:
        async with open_store(folder / "db", "e") as store:
            assert await everything(store) == await everything(model)
            while remaining:
                number, step = remaining.pop(0)
                if step[0] == "restart":
                    break
                assert await take(store, number, step) == await take(model, number, step)
            else:
                assert await everything(store) == await everything(model)
                return


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_it_does_what_a_dictionary_would_do_over_restarts(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(steps, Path(folder)))
