"""Joining: a token is good once, for one key; what was acknowledged is on the disk."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from federation.controller.member import Member, anchor_keys
from federation.controller.store.sqlite import open_store
from federation.controller.trust.anchors import speaking_keys
from federation.controller.trust.authority import open_authority
from federation.model.errors import Conflict, Denied, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.join_tokens import format_join_token, parse_join_token
from federation.trust.pem import PrivateKey, key_sha256, load_certificates, pem
from federation.trust.profile import twin_profile
from federation.trust.validate import check_intermediate
from tests.unit.fakes.applied import AppliedMembers as Members
from tests.unit.fakes.costly import dsa_request, rsa_request

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EAST = ClusterId("east")
DOMAIN = "mesh.test"


@pytest_asyncio.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    authority = open_authority(tmp_path, DOMAIN, ["127.0.0.1"], NOW)
    async with open_store(tmp_path / "db", "e") as store:
        made = Members(store, authority)
        await made.state(Member(EAST, "", "eu", ("a",)))
        yield made


async def token(members: Members, seconds: int = 60) -> str:
    _, text = await members.mint_token("east", seconds, NOW.timestamp())
    return text


def digest(key: PrivateKey) -> str:
    return key_sha256(key.public_key())


def documents(key: PrivateKey, domain: str = "east.mesh.test") -> tuple[bytes, bytes]:
    return pem(make_csr(key)), pem(make_twin(key, twin_profile(domain), NOW))


async def test_a_token_buys_an_intermediate_confined_to_the_cluster(members: Members) -> None:
    joined = await members.join(await token(members), *documents(new_key()), NOW)
    root = load_certificates(joined.root)[0]
    intermediate = load_certificates(joined.chain)[0]
    check_intermediate(intermediate, root=root, trust_domain="east.mesh.test", now=NOW)
    (kept,) = await members.load()
    assert kept == joined.member
    assert len(kept.anchors) == 1


async def test_a_lost_answer_can_be_asked_for_again_with_the_same_key(members: Members) -> None:
    text, key = await token(members), new_key()
    await members.join(text, *documents(key), NOW)
    again = await members.join(text, *documents(key), NOW)
    assert load_certificates(again.chain)[0].public_key() == key.public_key()


async def test_a_used_token_is_of_no_use_for_another_key(members: Members) -> None:
    text = await token(members)
    await members.join(text, *documents(new_key()), NOW)
    with pytest.raises(Denied, match="already used for another key"):
        await members.join(text, *documents(new_key()), NOW)


async def test_an_expired_token_is_refused(members: Members) -> None:
    text = await token(members, seconds=60)
    with pytest.raises(Denied, match="expired"):
        await members.join(text, *documents(new_key()), NOW + timedelta(seconds=60))


async def test_a_token_of_another_controller_is_refused(members: Members, tmp_path: Path) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    authority = open_authority(other_folder, DOMAIN, [], NOW)
    async with open_store(other_folder / "db", "e") as store:
        other = Members(store, authority)
        await other.state(Member(EAST, "", "eu"))
        with pytest.raises(Denied, match="not made by this controller"):
            await members.join(await token(other), *documents(new_key()), NOW)


@pytest.mark.parametrize("csr", [dsa_request(10_000), b"rubbish"])
async def test_before_its_secret_is_right_nothing_beside_a_token_is_read(
    members: Members, csr: bytes
) -> None:
    known = parse_join_token(await token(members))
    stranger = format_join_token(replace(known, id="00ff"))
    guessed = format_join_token(replace(known, secret="guessed"))
    for text, reason in ((stranger, "not made by this controller"), (guessed, "secret of join")):
        with pytest.raises(Denied, match=reason):
            await members.join(text, csr, b"x", NOW)
    with pytest.raises(Denied, match="expired"):
        await members.join(format_join_token(known), csr, b"x", NOW + timedelta(hours=1))


async def test_a_good_token_with_a_costly_key_is_refused_and_not_spent(members: Members) -> None:
    text, (_, twin) = await token(members), documents(new_key())
    for csr in (dsa_request(7_000), rsa_request(3_072, 3_071), rsa_request(16_384, 17)):
        with pytest.raises(InvalidInput, match="certificate request"):
            await members.join(text, csr, twin, NOW)
    await members.join(text, *documents(new_key()), NOW)


async def test_a_twin_of_another_key_or_domain_spends_no_token(members: Members) -> None:
    text, key = await token(members), new_key()
    csr, _ = documents(key)
    for twin in (documents(new_key())[1], documents(key, "west.mesh.test")[1]):
        with pytest.raises(InvalidInput):
            await members.join(text, csr, twin, NOW)
    await members.join(text, *documents(new_key()), NOW)


async def test_joining_again_with_a_new_key_keeps_the_old_anchor_for_a_while(
    members: Members,
) -> None:
    """For as long as the leaves live which the newcomer signs, and not a second longer."""
    old, new = new_key(), new_key()
    await members.join(await token(members), *documents(old), NOW)
    await members.join(await token(members), *documents(new), NOW, leaf_seconds=60)
    end = NOW.timestamp() + 60
    for now, keys in ((end - 1, (new, old)), (end, (new,)), (end + 999, (new,))):
        member = await members.drop_ended(EAST, now)
        assert anchor_keys(member) == tuple(digest(key) for key in keys)
        assert await members.load() == (member,), "it is on the disk"


async def test_what_the_old_key_had_is_of_no_use_once_another_key_has_joined(
    members: Members,
) -> None:
    """Its token, its right to renew, the key that it would put next, and the last word."""
    old, new = new_key(), new_key()
    spent = await token(members)
    await members.join(spent, *documents(old), NOW)
    member = (await members.join(await token(members), *documents(new), NOW)).member
    with pytest.raises(Denied, match="does not speak for it any more"):
        await members.join(spent, *documents(old), NOW)
    with pytest.raises(Denied, match="does not speak for it"):
        members.renew(member, pem(make_csr(old)), NOW)
    asked = await members.rekey(EAST)
    assert asked.replace_key == digest(new)
    with pytest.raises(Denied, match="cluster east has another key now"):
        await members.add_key(EAST, digest(old), *documents(new_key()), now=NOW)
    with pytest.raises(Denied, match="cluster east has another key now"):
        await members.add_key(EAST, digest(old), *documents(old), now=NOW)
    with pytest.raises(Denied, match="not the newest key"):
        await members.keep_only(EAST, digest(old), pem(make_csr(new)))
    assert (await members.supersede(EAST, digest(old), NOW.timestamp()))[1] == asked
    assert await members.load() == (asked,)


async def test_a_token_is_no_way_back_for_the_key_that_was_replaced(members: Members) -> None:
    old, new = new_key(), new_key()
    spent = await token(members)
    await members.join(spent, *documents(old), NOW)
    await members.rekey(EAST)
    await members.add_key(EAST, digest(old), *documents(new), now=NOW)
    await members.join(spent, *documents(old), NOW)  # it still speaks: an answer was lost
    await members.supersede(EAST, digest(new), NOW.timestamp())
    with pytest.raises(Denied, match="does not speak for it any more"):
        await members.join(spent, *documents(old), NOW)


@pytest.mark.parametrize("life", [0, 86_401])
async def test_leaves_that_live_too_long_are_not_taken_at_their_word(
    members: Members, life: int
) -> None:
    with pytest.raises(InvalidInput, match="leaf_seconds is"):
        await members.join(await token(members), *documents(new_key()), NOW, leaf_seconds=life)


async def test_old_anchors_of_a_store_that_knows_no_ends_are_left_out(members: Members) -> None:
    await members.join(await token(members), *documents(new_key()), NOW)
    joined = await members.join(await token(members), *documents(new_key()), NOW)
    entry = await members._store.read("members/east")
    assert entry is not None
    values = json.loads(entry.value)
    del values["ends"]
    await members._store.write("members/east", json.dumps(values).encode(), entry.revision)
    (member,) = await members.load()
    assert member.anchors == joined.member.anchors[:1]


async def test_only_the_key_that_joined_is_renewed(members: Members) -> None:
    key = new_key()
    joined = await members.join(await token(members), *documents(key), NOW)
    renewed = members.renew(joined.member, pem(make_csr(key)), NOW)
    assert load_certificates(renewed)[0].public_key() == key.public_key()
    with pytest.raises(Denied, match="does not speak for it"):
        members.renew(joined.member, pem(make_csr(new_key())), NOW)


async def test_a_token_for_an_unknown_cluster_is_not_made(members: Members) -> None:
    with pytest.raises(NotReady, match="cluster west is not known yet"):
        await members.mint_token("west", 60, 0)


async def test_the_operators_word_changes_without_losing_the_membership(members: Members) -> None:
    joined = await members.join(await token(members), *documents(new_key()), NOW)
    changed = await members.state(Member(EAST, "", "us", ("b",)))
    assert (changed.region, changed.anchors) == ("us", joined.member.anchors)


async def test_a_revoked_key_is_never_accepted_again_and_a_new_one_is(members: Members) -> None:
    key, unused = new_key(), await token(members)
    await members.join(await token(members), *documents(key), NOW)
    revoked = await members.revoke(EAST)
    assert (revoked.anchors, revoked.revoked) == ((), True)
    with pytest.raises(Denied, match="was revoked, by itself or with its cluster"):
        await members.join(unused, *documents(new_key()), NOW)
    with pytest.raises(Denied, match="key of cluster east was revoked"):
        await members.join(await token(members), *documents(key), NOW)
    with pytest.raises(Denied, match="does not speak for it"):
        members.renew(revoked, pem(make_csr(key)), NOW)
    joined = await members.join(await token(members), *documents(new_key()), NOW)
    assert (len(joined.member.anchors), joined.member.revoked) == (1, False)


async def test_a_revoked_key_stays_so_when_its_cluster_leaves_and_comes_back(
    members: Members,
) -> None:
    key = new_key()
    await members.join(await token(members), *documents(key), NOW)
    await members.revoke(EAST)
    await members.begin_leaving(EAST)
    await members.remove(EAST)
    assert await members.load() == ()
    await members.state(Member(EAST, "", "eu"))
    with pytest.raises(Denied, match="was revoked"):
        await members.join(await token(members), *documents(key), NOW)


async def test_the_operators_word_does_not_bring_a_revoked_cluster_back(members: Members) -> None:
    await members.join(await token(members), *documents(new_key()), NOW)
    await members.revoke(EAST)
    stated = await members.state(Member(EAST, "", "us"))
    assert (stated.region, stated.anchors, stated.revoked) == ("us", (), True)


async def test_another_key_is_refused_while_an_agent_is_there(members: Members) -> None:
    key = new_key()
    await members.join(await token(members), *documents(key), NOW)
    text = await token(members)
    with pytest.raises(Conflict, match="with another key is connected"):
        await members.join(text, *documents(new_key()), NOW, lambda _: True)
    await members.join(text, *documents(key), NOW, lambda _: True)


async def test_a_new_key_comes_beside_the_old_one_which_then_goes(members: Members) -> None:
    old, new = new_key(), new_key()
    await members.join(await token(members), *documents(old), NOW)
    asked = await members.rekey(EAST)
    assert asked.replace_key == key_sha256(old.public_key())
    both = await members.add_key(EAST, digest(old), *documents(new), now=NOW)
    assert anchor_keys(both) == (key_sha256(new.public_key()), asked.replace_key)
    assert await members.add_key(EAST, digest(old), *documents(new), now=NOW) == both
    with pytest.raises(Conflict, match="two keys at present"):
        await members.rekey(EAST)
    with pytest.raises(Conflict, match="was not asked for another key"):
        await members.add_key(EAST, digest(old), *documents(new_key()), now=NOW)
    for by, csr in ((old, old), (new, old), (old, new)):
        with pytest.raises(Denied, match="not the newest key"):
            await members.keep_only(EAST, digest(by), pem(make_csr(csr)))
    alone = await members.keep_only(EAST, digest(new), pem(make_csr(new)))
    assert anchor_keys(alone) == (key_sha256(new.public_key()),)


async def test_a_key_that_was_joined_with_again_can_be_replaced_too(members: Members) -> None:
    """After joining with another key the one before is still believed for its leaves' sake."""
    first, second, third = new_key(), new_key(), new_key()
    for key in (first, second):
        await members.join(await token(members), *documents(key), NOW)
    asked = await members.rekey(EAST)
    assert asked.replace_key == key_sha256(second.public_key())
    both = await members.add_key(EAST, digest(second), *documents(third), now=NOW)
    assert anchor_keys(both) == (digest(third), asked.replace_key, digest(first))
    assert speaking_keys(both) == (digest(third), asked.replace_key)


async def test_a_twin_of_another_key_is_not_taken_beside(members: Members) -> None:
    key = new_key()
    await members.join(await token(members), *documents(key), NOW)
    csr, _ = documents(new_key())
    _, twin = documents(new_key())
    with pytest.raises(InvalidInput, match="another key"):
        await members.add_key(EAST, digest(key), csr, twin, now=NOW)


async def test_renewal_lives_as_long_as_the_operator_says(members: Members) -> None:
    members._authority.intermediate_life = timedelta(seconds=60)
    joined = await members.join(await token(members), *documents(new_key()), NOW)
    made = load_certificates(joined.chain)[0]
    assert made.not_valid_after_utc == NOW + timedelta(seconds=60)
