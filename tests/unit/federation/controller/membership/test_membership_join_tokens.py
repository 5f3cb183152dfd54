"""What is kept of join tokens, how one becomes void, and how many there are at most."""

import pytest

from federation.controller.membership.join_tokens import (
    MAX_TOKEN_SECONDS,
    MOST_TOKENS,
    JoinTokens,
    revoke_unspent,
)
from federation.model.errors import Conflict, Denied, InvalidInput, NotReady
from federation.model.names import ClusterId
from tests.unit.fakes.fake_store import FakeStore

EAST, WEST = ClusterId("east"), ClusterId("west")
ROOT = "ab" * 32


@pytest.fixture
def tokens() -> JoinTokens:
    return JoinTokens(FakeStore(), ROOT, "https://127.0.0.1:8443")


async def test_a_token_is_found_by_who_has_its_secret(tokens: JoinTokens) -> None:
    record, text = await tokens.make(EAST, 60, 5.5)
    token, found, _ = await tokens.find(text, 64)
    assert (found, token.cluster, token.root_sha256) == (record, "east", ROOT)
    assert (record.created, record.expires) == (5, 65)
    with pytest.raises(Denied, match="expired"):
        await tokens.find(text, 65)


@pytest.mark.parametrize("seconds", [0, MAX_TOKEN_SECONDS + 1])
async def test_a_token_lives_for_a_week_at_most(tokens: JoinTokens, seconds: int) -> None:
    with pytest.raises(InvalidInput, match="expires_seconds is"):
        await tokens.make(EAST, seconds, 0)


async def test_a_revoked_token_is_void_and_stays_listed(tokens: JoinTokens) -> None:
    record, text = await tokens.make(EAST, 60, 0)
    assert (await tokens.revoke(record.id)).revoked
    assert (await tokens.revoke(record.id)).revoked, "said again"
    with pytest.raises(Denied, match="was revoked"):
        await tokens.find(text, 1)
    assert [r.id for r in await tokens.all()] == [record.id]
    with pytest.raises(NotReady, match="no join token 'xyz'"):
        await tokens.revoke("xyz")


async def test_the_tokens_of_one_cluster_are_revoked_and_forgotten_together(
    tokens: JoinTokens,
) -> None:
    for cluster in (EAST, WEST, EAST):
        await tokens.make(cluster, 60, 0)
    await tokens.revoke_all(EAST)
    assert {(r.cluster, r.revoked) for r in await tokens.all()} == {(EAST, True), (WEST, False)}
    await tokens.forget(EAST)
    assert [r.cluster for r in await tokens.all()] == [WEST]


async def test_what_is_too_much_goes_when_it_has_expired_and_not_before(
    tokens: JoinTokens,
) -> None:
    first, _ = await tokens.make(EAST, 60, 0)
    for _ in range(MOST_TOKENS - 1):
        await tokens.make(EAST, 3600, 0)
    with pytest.raises(Conflict, match="none has expired"):
        await tokens.make(EAST, 60, 59)
    await tokens.make(EAST, 60, 60)
    found = await tokens.all()
    assert len(found) == MOST_TOKENS
    assert first.id not in {record.id for record in found}


async def test_after_a_restore_what_looks_unspent_is_void() -> None:
    store = FakeStore()
    tokens = JoinTokens(store, ROOT, "https://127.0.0.1:8443")
    record, _ = await tokens.make(EAST, 60, 0)
    await revoke_unspent(store)
    (left,) = await tokens.all()
    assert (left.id, left.revoked) == (record.id, True)
