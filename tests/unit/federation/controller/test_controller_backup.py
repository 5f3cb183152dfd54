"""A backup holds all that must not be lost, and becomes a controller again somewhere else."""

import asyncio
import json
import os
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from federation.controller import audit as audit_module
from federation.controller.audit import Audit
from federation.controller.audit_chain import verify_lines
from federation.controller.audit_entry import Act
from federation.controller.audit_file import AuditFile, verify_texts
from federation.controller.backup import Backup, Backups, check_whole, open_backup, restore
from federation.controller.member import Member
from federation.controller.store.sqlite import SqliteStore, open_store
from federation.controller.store.store import Row
from federation.controller.trust.authority import Authority, open_authority
from federation.model.errors import Conflict, Denied, Failed, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.trust import sealed
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.pem import pem
from federation.trust.profile import twin_profile
from federation.trust.sealed import CHANCE_BYTES, seal
from tests.unit.fakes.applied import AppliedMembers as Members
from tests.unit.fakes.audit_lines import FakeLines

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = "correct horse battery"
DOMAIN = "mesh.test"
REPORT = Row("east", "t", "shop/api", b"body", 5)


@pytest.fixture(autouse=True)
def cheap_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_SCRYPT", {"n": 2, "r": 8, "p": 1})


class World:
    """A controller's state with east joined, west stated, and a token nobody used."""

    def __init__(self, store: SqliteStore, authority: Authority) -> None:
        self.store = store
        self.authority = authority
        self.members = Members(store, authority)
        self.backups = Backups(store, authority, "the-admin-token", WORDS)

    async def fill(self) -> None:
        for name in ("east", "west"):
            await self.members.state(Member(ClusterId(name), "", "eu"))
        _, spent = await self.members.mint_token("east", 60, NOW.timestamp())
        key = new_key()
        twin = make_twin(key, twin_profile(f"east.{DOMAIN}"), NOW)
        await self.members.join(spent, pem(make_csr(key)), pem(twin), NOW)
        await self.members.mint_token("west", 60, NOW.timestamp())
        await self.store.save_reports([REPORT])

    async def backup(self) -> Backup:
        return open_backup(await self.backups.make(NOW.timestamp()), WORDS, "it")


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    authority = open_authority(tmp_path, DOMAIN, ["127.0.0.1"], NOW)
    async with open_store(tmp_path / "db", "first") as store:
        made = World(store, authority)
        await made.fill()
        yield made


async def test_a_backup_shows_nothing_without_its_passphrase(world: World) -> None:
    data = await world.backups.make(NOW.timestamp())
    for secret in (b"the-admin-token", b"PRIVATE KEY", b"SQLite format", b"members/east"):
        assert secret not in data
    with pytest.raises(Denied, match="file x cannot be opened: the passphrase is wrong"):
        open_backup(data, "another passphrase", "file x")
    changed = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(Denied, match="or the file was changed"):
        open_backup(changed, WORDS, "file x")
    found = open_backup(data, WORDS, "file x")
    assert "made 2026-03-01T00:00:00Z, epoch first, root certificate" in found.summary()


async def test_without_a_passphrase_of_the_settings_no_backup_is_made(world: World) -> None:
    none = Backups(world.store, world.authority, "the-admin-token", "")
    with pytest.raises(NotReady, match=r"makes no backups.* its setting backup_passphrase_file"):
        await none.make(NOW.timestamp())


async def test_only_one_backup_is_made_at_a_time(world: World) -> None:
    making = (world.backups.make(NOW.timestamp()) for _ in range(3))
    found = await asyncio.gather(*making, return_exceptions=True)
    assert [type(f) for f in found] == [bytes, Conflict, Conflict]
    await world.backups.make(NOW.timestamp())


async def test_a_restored_controller_has_all_and_a_life_of_its_own(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "new"
    await restore(await world.backup(), folder, "", "second")
    assert list_of(folder) == {"store.sqlite", "root.key", "root.pem", "admin.token", "audit"}
    files = [f for f in folder.rglob("*") if f.is_file()]
    assert {f.stat().st_mode & 0o777 for f in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "admin.token").read_bytes() == b"the-admin-token"
    authority = open_authority(folder, DOMAIN, [], NOW)
    assert authority.root_key_pem == world.authority.root_key_pem
    async with open_store(folder / "store.sqlite", "third") as store:
        assert store.epoch == "second"
        members = Members(store, authority)
        assert await members.load() == await world.members.load()
        assert await store.load_reports() == (REPORT,)
        assert (await store.read_all("")).revision > (await world.store.read_all("")).revision


async def test_after_a_restore_who_had_joined_is_awaited_and_unspent_tokens_are_void(
    world: World, tmp_path: Path
) -> None:
    assert len((await world.store.read_all("tokens/")).entries) == 2
    await restore(await world.backup(), tmp_path / "new", "", "second")
    async with open_store(tmp_path / "new" / "store.sqlite", "x") as store:
        assert list((await store.read_all("awaited/")).entries) == ["awaited/east"]
        tokens = [json.loads(e.value) for e in (await store.read_all("tokens/")).entries.values()]
    assert sorted((bool(t["used_by"]), t["revoked"]) for t in tokens) == [
        (False, True),
        (True, False),
    ]
    audit = Audit(AuditFile(tmp_path / "new" / "audit"))
    await audit.load()
    (entry,) = audit.entries()
    assert (entry["what"], entry["outcome"]) == ("restore", "done")
    assert entry["detail"].startswith("made 20"), "which backup it was"


async def test_the_audit_log_goes_on_after_a_restore_with_a_visible_seam(
    world: World, tmp_path: Path
) -> None:
    lines = FakeLines()
    audit = Audit(lines)
    for number in range(3):
        await audit.note(Act("leave", "admin token", "", f"c{number}"))
    backups = Backups(world.store, world.authority, "the-admin-token", WORDS, audit.tail)
    backup = open_backup(await backups.make(NOW.timestamp()), WORDS, "it")
    await restore(backup, tmp_path / "new", "", "second")
    again = Audit(AuditFile(tmp_path / "new" / "audit"))
    await again.load()
    found = [(e["number"], e["what"]) for e in again.entries()]
    assert found == [(1, "leave"), (2, "leave"), (3, "leave"), (4, "restore")]
    assert again.entries()[3]["previous"] == lines.lines[2]["hash"]
    assert not verify_lines(verify_texts(tmp_path / "new" / "audit")).broken


async def test_a_backup_has_the_end_of_the_audit_log_and_not_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_module, "BACKUP_BYTES", 1_000)
    audit = Audit(FakeLines())
    for number in range(50):
        await audit.note(Act("leave", "admin token", "", f"c{number}"))
    tail = audit.tail()
    assert 500 < len(tail) <= 1_000
    texts = [("it", text) for text in tail.splitlines()]
    assert verify_lines(texts).last == 50


async def test_a_restored_key_can_lie_under_a_passphrase_from_the_first_moment(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "new"
    await restore(await world.backup(), folder, "words for the key", "second")
    assert b"PRIVATE" not in (folder / "root.key").read_bytes()
    again = open_authority(folder, DOMAIN, [], NOW, "words for the key")
    assert again.root == world.authority.root


async def test_a_folder_that_holds_something_is_left_as_it_is(world: World, tmp_path: Path) -> None:
    backup = await world.backup()
    folder = tmp_path / "new"
    folder.mkdir()
    await restore(backup, folder, "", "second")
    before = {f.name: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    with pytest.raises(Conflict, match="is not empty"):
        await restore(backup, folder, "", "third")
    assert {f.name: f.read_bytes() for f in folder.rglob("*") if f.is_file()} == before
    for strange in (folder / "root.pem", folder / "root.pem" / "x"):
        with pytest.raises(Failed, match="cannot be restored: Not a directory"):
            await restore(backup, strange, "", "third")


async def test_an_empty_disk_of_its_own_counts_as_empty(world: World, tmp_path: Path) -> None:
    (tmp_path / "new" / "lost+found").mkdir(parents=True)
    await restore(await world.backup(), tmp_path / "new", "", "second")
    await restore(await world.backup(), tmp_path / "other", "", "second")
    check_whole(tmp_path / "new")
    assert list_of(tmp_path / "new") == {*list_of(tmp_path / "other"), "lost+found"}


async def test_a_restore_that_fails_leaves_nothing(world: World, tmp_path: Path) -> None:
    broken = msgspec.structs.replace(await world.backup(), store=b"no database at all" * 100)
    with pytest.raises(Failed, match="store"):
        await restore(broken, tmp_path / "new", "", "second")
    assert list_of(tmp_path / "new") == set()


@pytest.mark.parametrize("moved", range(6))
async def test_a_restore_that_is_killed_starts_no_controller_and_may_be_repeated(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    backup, folder = await world.backup(), tmp_path / "new"
    (folder / ".restoring").mkdir(parents=True)
    left = [moved]

    def replace(file: Path, target: Path) -> None:
        if target.parent == folder:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        os.replace(file, target)  # noqa: PTH105

    with monkeypatch.context() as dying:
        dying.setattr(Path, "replace", replace)
        if moved < 5:
            with pytest.raises(KeyboardInterrupt):
                await restore(backup, folder, "", "second")
            with pytest.raises(Failed, match="was cut off: repeat 'fedctl restore'"):
                check_whole(folder)
    await restore(backup, folder, "", "third")
    check_whole(folder)
    assert list_of(folder) == {"store.sqlite", "root.key", "root.pem", "admin.token", "audit"}
    async with open_store(folder / "store.sqlite", "x") as store:
        assert store.epoch == "third"


def list_of(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def test_what_is_sealed_but_no_backup_is_refused(world: World) -> None:
    backup = await world.backup()
    other = msgspec.structs.replace(backup, root_key=b"-----BEGIN")
    strange = [b"", b"\0" * 9, zlib.compress(b"{}"), packed(other)]
    for inside in strange:
        with pytest.raises(InvalidInput):
            open_backup(seal(inside, WORDS, "backup", bytes(CHANCE_BYTES)), WORDS, "it")


def packed(backup: Backup) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(backup))


async def test_a_key_of_another_root_is_noticed(world: World, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = open_authority(tmp_path / "other", DOMAIN, [], NOW)
    mixed = msgspec.structs.replace(await world.backup(), root_key=other.root_key_pem)
    with pytest.raises(InvalidInput, match="root key that does not belong"):
        open_backup(seal(packed(mixed), WORDS, "backup", bytes(CHANCE_BYTES)), WORDS, "it")
