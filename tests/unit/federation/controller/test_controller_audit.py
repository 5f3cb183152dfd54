"""Who did what: kept over restarts, bounded, and never lost in silence."""

import asyncio
from pathlib import Path

import pytest

from federation.controller import audit as module
from federation.controller.audit import (
    ADMIN,
    FIRST_CALL,
    MOST_ADDRESSES,
    MOST_OF_A_KIND,
    NEW_AGAIN_SECONDS,
    WRITE_AGAIN_SECONDS,
    Act,
    Audit,
)
from federation.controller.store.sqlite import open_store
from federation.model.errors import Conflict
from federation.runtime.tasks import cancel, start
from tests.unit.fakes.dying_store import DyingStore, Fault
from tests.unit.fakes.fake_store import FakeStore

THERE = "10.0.0.7"


async def begun(store: FakeStore) -> Audit:
    audit = Audit(store)
    await audit.load()
    return audit


def acts(audit: Audit) -> list[tuple[str, str]]:
    return [(entry.what, entry.outcome) for entry in audit.entries()]


async def test_what_was_done_is_told_and_kept_over_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with open_store(tmp_path / "db", "e") as store:
        audit = Audit(store)
        async with audit.noting("token create", ADMIN, THERE, "east") as act:
            act.detail = "token 12, for 60 s"
        with pytest.raises(Conflict):
            async with audit.noting("trust rekey", ADMIN, THERE, "east"):
                raise Conflict("it is at it")
        before = audit.entries()
    async with open_store(tmp_path / "db", "e") as store:
        again = Audit(store)
        await again.load()
        assert again.entries() == before
        await again.note(Act("leave", ADMIN, THERE, "east"))
        assert acts(again) == [
            ("token create", "done"),
            ("trust rekey", "refused: it is at it"),
            ("leave", "done"),
        ]
    assert caplog.messages[0] == (
        "audit what='token create' who='admin token' address=10.0.0.7 cluster=east "
        "detail='token 12, for 60 s' outcome=done"
    )


async def test_a_fault_of_ours_is_noted_as_well() -> None:
    audit = Audit(FakeStore())
    with pytest.raises(KeyError):
        async with audit.noting("backup", ADMIN, THERE):
            raise KeyError
    assert acts(audit) == [("backup", "failed")]


async def test_what_is_refused_pushes_out_nothing_that_was_done() -> None:
    """Whoever has a spent join token can be refused as often as he likes."""
    store = FakeStore()
    audit = Audit(store)
    await audit.note(Act("join", "join token 12", "10.6.6.6", "east"))
    for _ in range(MOST_OF_A_KIND + 20):
        await audit.note(Act("join", "join token 12", "10.6.6.6", "east"), "refused: it was used")
    for found in (audit, await begun(store)):
        assert acts(found)[0] == ("join", "done")
        assert len(acts(found)) == 1 + MOST_OF_A_KIND


async def test_many_of_one_kind_push_out_none_of_another() -> None:
    store = FakeStore()
    audit = Audit(store)
    await audit.note(Act("backup", ADMIN, "10.6.6.6"))
    for number in range(MOST_OF_A_KIND + 20):
        await audit.note(Act("cluster confirm", ADMIN, "10.6.6.6", f"c{number}"))
    for found in (audit, await begun(store)):
        entries = found.entries()
        assert len(entries) == MOST_OF_A_KIND + 1
        assert entries[0].what == "backup"
        assert entries[1].cluster == "c20"
    assert len(store.intent) == MOST_OF_A_KIND + 1


async def test_what_the_disk_refuses_is_said_kept_and_written_later() -> None:
    store = FakeStore()
    audit = Audit(DyingStore(store, 1, Fault.REFUSED))
    async with audit.noting("backup", ADMIN, THERE):
        pass
    assert acts(audit) == [("backup", "done")], "and the backup was made"
    assert "1 audit entries are not written" in audit.problem
    assert not store.intent
    await audit.note(Act("leave", ADMIN, THERE, "east"))
    assert audit.problem == ""
    assert acts(await begun(store)) == [("backup", "done"), ("leave", "done")]


@pytest.mark.looptime
async def test_it_is_written_later_though_nothing_else_is_done() -> None:
    store = FakeStore()
    audit = Audit(DyingStore(store, 1, Fault.REFUSED))
    await audit.note(Act("backup", ADMIN, THERE))
    running = start(audit.loop.run(), "audit")
    await asyncio.sleep(WRITE_AGAIN_SECONDS + 0.1)
    assert acts(await begun(store)) == [("backup", "done")]
    await cancel(running)


async def test_what_is_said_from_outside_is_a_line_and_not_longer_than_one() -> None:
    audit = Audit(FakeStore())
    await audit.note(Act("leave", ADMIN, THERE, "a\n\x1b[31mb", "x" * 1_000))
    (entry,) = audit.entries()
    assert entry.cluster == r"a\n\x1b[31mb"
    assert len(entry.detail) == 400


async def test_each_address_that_uses_the_admin_token_is_noted_once_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(module, "wall_seconds", lambda: now)
    store = FakeStore()
    audit = Audit(store)
    for address in (THERE, "10.6.6.6", THERE):
        await audit.note_call(address)
    assert [e.address for e in audit.entries()] == [THERE, "10.6.6.6"]
    again = await begun(store)
    await again.note_call(THERE)
    assert len(again.entries()) == 2, "a restart makes no news of it"
    now += NEW_AGAIN_SECONDS
    await again.note_call(THERE)
    assert [(e.what, e.address) for e in again.entries()][2:] == [(FIRST_CALL, THERE)]


async def test_addresses_without_number_cost_no_memory_without_end() -> None:
    audit = Audit(FakeStore())
    for number in range(MOST_ADDRESSES + 5):
        await audit.note_call(f"10.0.{number // 250}.{number % 250}")
    assert len(audit._seen) == MOST_ADDRESSES
    assert len(audit.entries()) == MOST_OF_A_KIND
