"""Members and tokens in the store: what is written is what is read."""

from dataclasses import replace

import pytest

from federation.controller.intent.documents import Documents
from federation.controller.member import Member
from federation.controller.membership.records import MEMBERS, TOKENS, read_member
from federation.controller.store.store import Entry
from federation.model.errors import Conflict
from federation.model.names import ClusterId
from federation.trust.join_tokens import JoinRecord
from tests.unit.fakes.fake_store import FakeStore

EAST = ClusterId("east")
KNOWN = Member(
    EAST, "east.mesh.test", "eu", ("a",), "campus", ("10.0.0.0/8",), ("shop",), ("PEM", "OLD"),
    replace_key="00", ends=(0, 9), leaf_seconds=60,
)  # fmt: skip


async def test_a_member_is_read_as_it_was_written_with_its_revision() -> None:
    store = FakeStore()
    written = await Documents(store, MEMBERS).put(KNOWN, 0)
    assert (written.value, written.value.revision, written.revision) == (KNOWN, 1, 1)
    entry = store.intent["members/east"]
    assert b"revision" not in entry.value
    found = read_member(entry)
    assert (found, found.revision) == (KNOWN, 1)
    with pytest.raises(Conflict):
        await Documents(store, MEMBERS).put(KNOWN, 0)


def test_of_anchors_without_ends_the_newest_stays() -> None:
    data = MEMBERS.encode(replace(KNOWN, replace_key="", ends=()))
    assert read_member(Entry(data, 7)).anchors == ("PEM",)


async def test_a_token_is_read_as_it_was_written() -> None:
    record = JoinRecord("id", EAST, "hash", 60, created=5)
    store = FakeStore()
    await Documents(store, TOKENS).put(record, 0)
    assert list(store.intent) == ["tokens/id"]
    assert [d.value for d in await Documents(store, TOKENS).list()] == [record]
