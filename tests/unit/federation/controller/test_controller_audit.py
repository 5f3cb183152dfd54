"""Who did what: kept over restarts, sealed line by line, and never lost in silence."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from federation.apiserver.access import OURS, Attributes
from federation.apiserver.caller import ADMINS, known
from federation.controller import audit as module
from federation.controller.audit import (
    ADMIN,
    FIRST_CALL,
    MOST_ADDRESSES,
    MOST_RECENT,
    MOST_REFUSED,
    MOST_SHOWN,
    MOST_UNWRITTEN,
    NEW_AGAIN_SECONDS,
    WRITE_AGAIN_SECONDS,
    Audit,
)
from federation.controller.audit_chain import verify_lines
from federation.controller.audit_entry import LONGEST_TEXT, Act, acts_in_store
from federation.controller.audit_file import AuditFile, verify_texts
from federation.model.errors import Conflict
from federation.runtime.tasks import cancel, start
from tests.unit.fakes.audit_lines import FakeLines
from tests.unit.fakes.fake_store import FakeStore

THERE = "10.0.0.7"
OWNER = known("admin", (ADMINS,), "admin token")


async def begun(lines: FakeLines) -> Audit:
    audit = Audit(lines)
    await audit.load()
    return audit


def acts(audit: Audit) -> list[tuple[str, str]]:
    return [(entry["what"], entry["outcome"]) for entry in audit.entries()]


def is_whole(lines: FakeLines) -> bool:
    return not verify_lines(("it", line) for line in lines.lines).broken


async def test_what_was_done_is_told_and_kept_over_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    audit = Audit(AuditFile(tmp_path / "audit"))
    await audit.load()
    async with audit.noting("token create", ADMIN, THERE, "east") as act:
        act.detail = "token 12, for 60 s"
    with pytest.raises(Conflict):
        async with audit.noting("trust rekey", ADMIN, THERE, "east"):
            raise Conflict("it is at it")
    before = audit.entries()
    again = Audit(AuditFile(tmp_path / "audit"))
    await again.load()
    assert again.entries() == before
    await again.note(Act("leave", ADMIN, THERE, "east"))
    assert acts(again) == [
        ("token create", "done"),
        ("trust rekey", "refused: it is at it"),
        ("leave", "done"),
    ]
    verdict = verify_lines(verify_texts(tmp_path / "audit"))
    assert (verdict.first, verdict.last, verdict.broken) == (1, 3, "")
    line = caplog.messages[0]
    for said in (
        "audit what='token create' who='admin token' address=10.0.0.7 cluster=east "
        "detail='token 12, for 60 s'",
        "outcome=done",
        "number=1",
        f"hash={before[0]['hash']}",
    ):
        assert said in line, "with what anchors the chain in another place"


async def test_an_entry_says_who_asked_for_what_and_what_changed() -> None:
    audit = Audit(FakeLines())
    ann = known("ann", ("team",), "token 12", by=OWNER)
    target = Attributes("patch", OURS, "clusters", "status", "ns", "east")
    async with audit.noting("patch", ann, THERE, target=target, dry_run=True) as act:
        act.changes = ('spec.region: "us" -> "eu"',)
    (entry,) = audit.entries()
    assert (entry["who"], entry["how"], entry["by"]) == ("ann", "token 12", "admin")
    assert entry["groups"] == ["team", "system:authenticated"]
    asked = [entry[n] for n in ("verb", "group", "resource", "subresource", "namespace", "name")]
    assert asked == ["patch", OURS, "clusters", "status", "ns", "east"]
    assert (entry["changes"], entry["dry_run"]) == (['spec.region: "us" -> "eu"'], True)


async def test_a_fault_of_ours_is_noted_as_well() -> None:
    audit = Audit(FakeLines())
    with pytest.raises(KeyError):
        async with audit.noting("backup", ADMIN, THERE):
            raise KeyError
    assert acts(audit) == [("backup", "failed")]


async def test_what_is_refused_pushes_out_nothing_that_was_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever has a spent join token can be refused as often as he likes."""
    caplog.set_level("INFO")
    lines = FakeLines()
    audit = Audit(lines)
    act = Act("join", "join token 12", "10.6.6.6", "east", at=0.0)
    await audit.note(act)
    for _ in range(MOST_REFUSED + 20):
        await audit.note(act, "refused: it was used")
    assert acts(audit)[0] == ("join", "done")
    assert len(lines.lines) == 1 + MOST_REFUSED
    assert len(caplog.messages) == 1 + MOST_REFUSED + 20, "all of them are in the log"
    await audit.note(Act("join", "join token 13", "10.6.6.6", "east", at=0.0), "refused: it too")
    assert len(lines.lines) == 2 + MOST_REFUSED, "nobody else is concerned"
    await audit.note(replace(act, at=NEW_AGAIN_SECONDS + 1), "refused: it was used")
    assert audit.entries()[-1]["detail"] == "after 20 more refusals that are not listed"


async def test_entries_beyond_those_in_memory_are_read_from_the_disk() -> None:
    lines = FakeLines()
    audit = Audit(lines)
    for number in range(MOST_RECENT + 20):
        audit._append(Act("leave", ADMIN, THERE, f"c{number}"), "", "done")
    await audit.write()
    assert [e["cluster"] for e in await audit.select(before=20, most=3)] == ["c16", "c17", "c18"]
    assert [e["cluster"] for e in await audit.select(after=5, most=2)] == ["c5", "c6"]
    assert [e["number"] for e in await audit.select(after=MOST_RECENT + 19)] == [MOST_RECENT + 20]
    last = await audit.select(most=10**6)
    assert len(last) == MOST_SHOWN
    assert last[-1]["number"] == MOST_RECENT + 20
    assert is_whole(lines)


async def test_what_the_disk_refuses_is_said_kept_and_written_later() -> None:
    lines = FakeLines(refuses=1)
    audit = Audit(lines)
    async with audit.noting("backup", ADMIN, THERE):
        pass
    assert acts(audit) == [("backup", "done")], "and the backup was made"
    assert audit.problem == "1 audit entries are not written: No space left on device"
    assert not lines.lines
    await audit.note(Act("leave", ADMIN, THERE, "east"))
    assert audit.problem == ""
    assert acts(await begun(lines)) == [("backup", "done"), ("leave", "done")]
    assert is_whole(lines)


async def test_what_has_no_room_in_memory_either_is_counted_and_said() -> None:
    lines = FakeLines(refuses=MOST_UNWRITTEN + 3)
    audit = Audit(lines)
    for _ in range(MOST_UNWRITTEN + 3):
        await audit.note(Act("leave", ADMIN, THERE, "east"))
    assert audit.problem.startswith(f"{MOST_UNWRITTEN + 3} audit entries are not written")
    await audit.write()
    await audit._again()
    assert len(lines.lines) == MOST_UNWRITTEN + 1
    assert lines.lines[-1]["what"] == "audit lost"
    assert lines.lines[-1]["detail"].startswith("3 entries had no room")
    assert is_whole(lines)
    assert audit.problem == ""


@pytest.mark.looptime
async def test_it_is_written_later_though_nothing_else_is_done() -> None:
    lines = FakeLines(refuses=1)
    audit = Audit(lines)
    await audit.note(Act("backup", ADMIN, THERE))
    running = start(audit.loop.run(), "audit")
    await asyncio.sleep(WRITE_AGAIN_SECONDS + 0.1)
    assert acts(await begun(lines)) == [("backup", "done")]
    await cancel(running)


async def test_who_gives_up_waiting_loses_no_entry_and_doubles_none() -> None:
    class Slow(FakeLines):
        async def append(self, lines: object) -> None:
            await asyncio.sleep(0)
            await super().append(lines)  # type: ignore[arg-type]

    lines = Slow()
    audit = Audit(lines)
    for _ in range(5):
        task = start(audit.note(Act("leave", ADMIN, THERE)), "call")
        await asyncio.sleep(0)
        await cancel(task)
    await audit.note(Act("backup", ADMIN, THERE))
    assert [line["number"] for line in lines.lines] == [1, 2, 3, 4, 5, 6]
    assert is_whole(lines)


async def test_what_is_said_from_outside_is_a_line_and_not_longer_than_one() -> None:
    audit = Audit(FakeLines())
    caller = known("ann", tuple(f"g{n}" for n in range(50)), "token 1")
    act = Act("leave", "ann", THERE, "a\n\x1b[31mb", "x" * 1_000, ["y" * 1_000] * 50, caller)
    await audit.note(act)
    (entry,) = audit.entries()
    assert entry["cluster"] == r"a\n\x1b[31mb"
    assert len(entry["detail"]) == LONGEST_TEXT
    assert (len(entry["groups"]), len(entry["changes"])) == (10, 21)
    assert len(json.dumps(entry)) < 20_000


async def test_each_address_that_uses_the_admin_token_is_noted_once_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(module, "wall_seconds", lambda: now)
    monkeypatch.setattr("federation.controller.audit_entry.wall_seconds", lambda: now)
    lines = FakeLines()
    audit = Audit(lines)
    for address in (THERE, "10.6.6.6", THERE):
        await audit.note_call(address)
    assert [e["address"] for e in audit.entries()] == [THERE, "10.6.6.6"]
    await audit.note_call(THERE, "token 12")
    assert len(audit.entries()) == 3, "another credential is another matter"
    for line in lines.lines:
        line["at"] = now
    again = await begun(lines)
    await again.note_call(THERE)
    assert len(again.entries()) == 3, "a restart makes no news of it"
    now += NEW_AGAIN_SECONDS
    await again.note_call(THERE)
    assert [(e["what"], e["address"]) for e in again.entries()][3:] == [(FIRST_CALL, THERE)]


async def test_addresses_without_number_cost_no_memory_without_end() -> None:
    audit = Audit(FakeLines())
    for number in range(MOST_ADDRESSES + 5):
        await audit.note_call(f"10.0.{number // 250}.{number % 250}")
        await audit.note(Act("join", f"join token {number}", THERE), "refused: it was used")
    assert len(audit._seen) == MOST_ADDRESSES
    assert len(audit._refusals) == MOST_ADDRESSES
    assert len(audit.entries()) == MOST_RECENT


async def test_what_was_kept_in_the_store_is_taken_over_once() -> None:
    store, lines = FakeStore(), FakeLines()
    for number, what in ((2, "leave"), (1, "join refused")):
        old = {
            "at": 5.0 + number, "what": what.partition(" ")[0], "who": ADMIN, "address": THERE,
            "cluster": "east", "detail": "", "outcome": "done" if number == 2 else "refused: no",
        }  # fmt: skip
        await store.write(f"audit/{what}/{number:012}", json.dumps(old).encode(), 0)
    for _ in range(2):
        audit = Audit(lines)
        await audit.load(await acts_in_store(store))
        assert acts(audit) == [("join", "refused: no"), ("leave", "done")]
        assert [e["at"] for e in audit.entries()] == [6.0, 7.0]
    assert is_whole(lines)
