"""The embedded store keeps what it acknowledged, and lets nobody overwrite unseen."""

from pathlib import Path

import pytest

from federation.controller.store.sqlite import open_store
from federation.controller.store.store import Row
from federation.model.errors import Conflict, Failed


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "first") as store:
        revision = await store.write("members/east", b"1", 0)
        await store.write("members/east", b"2", revision)
        await store.save_reports([Row("east", "t", "n", b"body", 5)])
    async with open_store(tmp_path / "db", "second") as store:
        assert store.epoch == "first"
        entry = await store.read("members/east")
        assert entry is not None
        assert entry.value == b"2"
        assert await store.load_reports() == (Row("east", "t", "n", b"body", 5),)


async def test_a_write_on_an_old_revision_is_refused(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "e") as store:
        await store.write("k", b"1", 0)
        with pytest.raises(Conflict, match="k was changed"):
            await store.write("k", b"2", 0)
        entry = await store.read("k")
        assert entry is not None
        assert entry.value == b"1"


async def test_revisions_of_facts_never_repeat_even_after_a_restart(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "e") as store:
        assert await store.reserve_revisions(100) == 1
        assert await store.reserve_revisions(100) == 101
    async with open_store(tmp_path / "db", "e") as store:
        assert await store.reserve_revisions(1) == 201


async def test_entries_are_found_by_prefix(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "e") as store:
        for key in ("members/b", "members/a", "tokens/x", "members%"):
            await store.write(key, b"v", 0)
        assert list(await store.read_all("members/")) == ["members/a", "members/b"]


async def test_a_row_without_a_body_deletes(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "e") as store:
        await store.save_reports([Row("c", "t", "n", b"x")])
        await store.save_reports([Row("c", "t", "n", None)])
        assert await store.load_reports() == ()


async def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", "e"):
        assert (tmp_path / "db").stat().st_mode & 0o777 == 0o600


async def test_a_file_that_is_no_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(Failed, match="store cannot be used"):
        async with open_store(tmp_path / "db", "e"):
            pass
