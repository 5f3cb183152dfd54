"""What every store must do, whatever it stands on: each test is given an empty one.

A class for each interface of `federation.controller.store.store`. A later store takes part by a
class with a fixture `store` that inherits those of the interfaces that it has.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from itertools import pairwise

import pytest

from federation.controller.store.store import (
    Changed,
    Entry,
    IntentStore,
    Listing,
    ReportCache,
    Row,
    Store,
)
from federation.model.errors import Conflict, NotReady
from federation.runtime.tasks import cancel, start


async def changes(store: IntentStore, prefix: str, after: int, count: int) -> list[Changed]:
    """The next so many changes."""
    found: list[Changed] = []
    async with asyncio.timeout(5), aclosing(store.watch(prefix, after)) as watch:  # type: ignore[type-var]
        async for change in watch:
            found.append(change)
            if len(found) == count:
                break
    return found


class IntentConformance:
    """The promises of `IntentStore`, one test each."""

    async def test_nothing_is_there_at_first(self, store: IntentStore) -> None:
        assert await store.read("k") is None
        assert (await store.read_all("")).entries == {}
        assert (await store.read_all("")).revision == 0

    async def test_what_was_written_is_read_with_its_revision(self, store: IntentStore) -> None:
        revision = await store.write("k", b"\0\xff", 0)
        entry = await store.read("k")
        assert entry is not None
        assert (entry.value, entry.revision) == (b"\0\xff", revision)
        assert (await store.read_all("")).revision == revision

    async def test_revisions_grow_over_all_keys(self, store: IntentStore) -> None:
        one = await store.write("a", b"1", 0)
        seen = [one, await store.write("b", b"1", 0), await store.write("a", b"2", one)]
        seen.append(await store.delete("a", seen[-1]))
        seen.append(await store.write("a", b"3", 0))
        assert all(before < after for before, after in pairwise([0, *seen]))

    async def test_a_write_on_what_someone_else_changed_is_refused(
        self, store: IntentStore
    ) -> None:
        first = await store.write("k", b"1", 0)
        second = await store.write("k", b"2", first)
        for expected in (0, first, second + 1):
            with pytest.raises(Conflict, match="k was changed"):
                await store.write("k", b"3", expected)
            with pytest.raises(Conflict, match="k was changed"):
                await store.delete("k", expected)
        entry = await store.read("k")
        assert entry is not None
        assert (entry.value, entry.revision) == (b"2", second)
        assert (await store.read_all("")).revision == second, "what is refused leaves no trace"

    async def test_what_was_deleted_is_gone_and_may_come_back(self, store: IntentStore) -> None:
        await store.delete("k", await store.write("k", b"1", 0))
        assert await store.read("k") is None
        with pytest.raises(Conflict, match="not there"):
            await store.delete("k", 0)
        await store.write("k", b"2", 0)
        assert list((await store.read_all("")).entries) == ["k"]

    async def test_entries_are_found_by_prefix_in_order(self, store: IntentStore) -> None:
        for key in ("members/b", "members/a", "tokens/x", "members%", "Members/c"):
            await store.write(key, b"v", 0)
        assert list((await store.read_all("members/")).entries) == ["members/a", "members/b"]

    async def test_only_one_of_many_writers_at_once_wins(self, store: IntentStore) -> None:
        writes = (store.write("k", str(n).encode(), 0) for n in range(10))
        found = await asyncio.gather(*writes, return_exceptions=True)
        assert sum(isinstance(f, int) for f in found) == 1
        assert sum(isinstance(f, Conflict) for f in found) == 9

    async def test_changes_are_watched_from_a_revision_in_order(self, store: IntentStore) -> None:
        first = await store.write("m/a", b"1", 0)
        await store.write("t/x", b"1", 0)
        second = await store.write("m/a", b"2", first)
        third = await store.delete("m/a", second)
        seen = [
            Changed("m/a", b"1", first),
            Changed("m/a", b"2", second),
            Changed("m/a", None, third),
        ]
        assert await changes(store, "m/", 0, 3) == seen
        assert await changes(store, "m/", first, 2) == seen[1:]

    async def test_a_watcher_hears_of_what_comes_later(self, store: IntentStore) -> None:
        at = await store.write("m/a", b"1", 0)
        watching = [start(changes(store, "m/", at, 2), f"watch-{n}") for n in range(2)]
        await asyncio.sleep(0)
        await store.write("t/x", b"1", 0)
        one = await store.write("m/b", b"1", 0)
        two = await store.delete("m/b", one)
        for task in watching:
            assert await task == [Changed("m/b", b"1", one), Changed("m/b", None, two)]

    async def test_a_watcher_that_comes_too_late_is_told_so(
        self, store: IntentStore, kept: int
    ) -> None:
        revision = 0
        for n in range(kept + 2):
            revision = await store.write("k", str(n).encode(), revision)
        with pytest.raises(NotReady, match="not kept any more"):
            await changes(store, "", 0, 1)
        assert len(await changes(store, "", revision - kept, kept)) == kept

    async def test_a_watcher_of_a_quiet_prefix_is_never_too_late(
        self, store: IntentStore, kept: int
    ) -> None:
        watching = start(changes(store, "quiet/", 0, 1), "watch")
        await asyncio.sleep(0)
        revision = 0
        for n in range(kept + 2):
            revision = await store.write("k", str(n).encode(), revision)
            if n % (kept // 2) == 0:
                await asyncio.sleep(0.01)  # it reads on, though nothing is for it
        at = await store.write("quiet/k", b"1", 0)
        assert await watching == [Changed("quiet/k", b"1", at)]
        await cancel(watching)

    async def test_a_lease_has_one_holder_until_it_runs_out(self, store: IntentStore) -> None:
        assert await store.hold("leader", "one", 10, now=100.0) == "one"
        assert await store.hold("leader", "two", 10, now=109.0) == "one"
        assert await store.hold("leader", "one", 10, now=109.0) == "one", "renewed until 119"
        assert await store.hold("leader", "two", 10, now=118.0) == "one"
        assert await store.hold("other", "two", 10, now=118.0) == "two", "of another name"
        assert await store.hold("leader", "two", 10, now=119.0) == "two"
        assert await store.hold("leader", "one", 10, now=120.0) == "two", "and it notices"

    async def test_only_its_holder_gives_a_lease_back(self, store: IntentStore) -> None:
        await store.hold("leader", "one", 10, now=100.0)
        await store.release("leader", "two")
        assert await store.hold("leader", "two", 10, now=101.0) == "one"
        await store.release("leader", "one")
        assert await store.hold("leader", "two", 10, now=101.0) == "two"

    async def test_reserved_revisions_never_repeat(self, store: IntentStore) -> None:
        assert await store.reserve_revisions(100) == 1
        assert await store.reserve_revisions(1) == 101
        assert await store.reserve_revisions(1) == 102


class ReportConformance:
    """The promises of `ReportCache`."""

    async def test_no_reports_are_there_at_first(self, store: ReportCache) -> None:
        assert await store.load_reports() == ()

    async def test_reports_are_replaced_and_deleted_by_row(self, store: ReportCache) -> None:
        await store.save_reports([Row("c", "t", "n", b"1", 5), Row("c", "t", "m", b"2")])
        await store.save_reports([Row("c", "t", "n", b"3", 6), Row("c", "t", "m", None)])
        await store.save_reports([Row("c", "t", "never there", None)])
        assert await store.load_reports() == (Row("c", "t", "n", b"3", 6),)


TakeBack = Callable[[bytes, str], AbstractAsyncContextManager[Store]]
"""A store that begins with a snapshot, in a life of that name."""


class SnapshotConformance:
    """The promises of `Snapshots`, of a store that has intent and reports as well."""

    async def test_a_snapshot_is_a_store_of_one_moment(
        self, store: Store, take_back: TakeBack
    ) -> None:
        revision = await store.write("k", b"1", 0)
        await store.save_reports([Row("c", "t", "n", b"2", 3)])
        await store.hold("leader", "one", 10, now=100.0)
        reserved = await store.reserve_revisions(10)
        copied = await store.snapshot()
        await store.write("later", b"1", 0)
        async with take_back(copied, "second") as copy:
            assert copy.epoch == "second" != store.epoch
            assert await copy.read_all("") == Listing({"k": Entry(b"1", revision)}, revision)
            assert await copy.load_reports() == (Row("c", "t", "n", b"2", 3),)
            assert await copy.reserve_revisions(1) > reserved
            assert await copy.hold("leader", "two", 10, now=101.0) == "two", "its holder is gone"
