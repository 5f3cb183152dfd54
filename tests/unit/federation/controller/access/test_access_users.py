"""Credentials: bounded, revocable, kept as hashes, and those of the user they were made for."""

import json
from dataclasses import replace

import pytest

from federation.controller.access.users import (
    LONGEST_SECONDS,
    MOST_OF_A_USER,
    MOST_USERS,
    KnownUser,
)
from federation.model.errors import Conflict, InvalidInput, NotReady
from federation.trust.pem import load_certificates
from federation.trust.user_tokens import parse_user_token
from tests.unit.federation.controller.access.access_world import DAY, NOW, World, csr


async def test_a_token_is_kept_without_its_secret_and_found_by_its_id() -> None:
    world = World()
    record, text = await world.users.make_token("ann", DAY, NOW)
    token = parse_user_token(text)
    assert token is not None
    assert (record.id, record.expires) == (token.id, int(NOW) + DAY)
    assert world.users.token(token.id) == ("ann", record)
    assert token.secret not in str(world.store.intent)
    assert token.secret not in repr(record)
    await world.restart()
    assert world.users.token(token.id) == ("ann", record)
    assert world.users.of("ann").tokens == (record,)


async def test_a_certificate_is_kept_by_its_digest() -> None:
    world = World()
    record, chain = await world.users.sign("ann", csr(), DAY, NOW)
    (cert,) = load_certificates(chain)
    assert f"{cert.serial_number:x}" == record.serial
    assert record.sha256.startswith(record.id)
    assert world.users.certificate(record.sha256) == ("ann", record)
    await world.restart()
    assert world.users.certificate(record.sha256) == ("ann", record)


async def test_what_is_revoked_is_found_no_more() -> None:
    world = World()
    token, _ = await world.users.make_token("ann", DAY, NOW)
    certificate, _ = await world.users.sign("ann", csr(), DAY, NOW)
    await world.users.revoke("ann", token.id)
    assert world.users.token(token.id) is None
    assert world.users.certificate(certificate.sha256) is not None
    await world.users.revoke("ann", certificate.id)
    assert world.users.certificate(certificate.sha256) is None
    for name, id in (("ann", token.id), ("bob", certificate.id), ("nobody", "x")):
        with pytest.raises(NotReady, match="has no token or certificate"):
            await world.users.revoke(name, id)


async def test_all_of_a_user_goes_at_once() -> None:
    world = World()
    token, _ = await world.users.make_token("ann", DAY, NOW)
    other, _ = await world.users.make_token("bob", DAY, NOW)
    await world.users.remove("ann")
    await world.users.remove("ann")
    assert world.users.token(token.id) is None
    assert world.users.token(other.id) is not None


async def test_a_user_made_anew_has_nothing_of_the_earlier_one() -> None:
    world = World()
    old, _ = await world.users.make_token("ann", DAY, NOW)
    world.specs["ann"] = KnownUser(uid="u2")
    assert world.users.active("ann") is None
    new, _ = await world.users.make_token("ann", DAY, NOW)
    assert world.users.active("ann") == KnownUser(uid="u2")
    assert world.users.of("ann").tokens == (new,)
    assert world.users.token(old.id) is None


async def test_a_user_has_so_many_and_those_that_expired_make_room() -> None:
    world = World()
    await world.users.make_token("ann", 60, NOW)
    for _ in range(MOST_OF_A_USER - 1):
        await world.users.make_token("ann", DAY, NOW)
    with pytest.raises(Conflict, match="has 20 of them already"):
        await world.users.make_token("ann", DAY, NOW + 59)
    await world.users.make_token("ann", DAY, NOW + 60)
    assert len(world.users.of("ann").tokens) == MOST_OF_A_USER
    for _ in range(MOST_OF_A_USER):
        await world.users.sign("ann", csr(), DAY, NOW)
    with pytest.raises(Conflict, match="has 20 of them already"):
        await world.users.sign("ann", csr(), DAY, NOW)


async def test_only_so_many_users_have_credentials() -> None:
    world = World()
    for number in range(MOST_USERS):
        raw = {"user": f"u{number}", "uid": "", "tokens": [], "certificates": []}
        await world.store.write(f"credentials/u{number}", json.dumps(raw).encode(), 0)
    with pytest.raises(Conflict, match="1000 users have credentials already"):
        await world.users.make_token("ann", DAY, NOW)


@pytest.mark.parametrize("seconds", [0, 59, LONGEST_SECONDS + 1, -1])
async def test_a_life_has_its_bounds(seconds: int) -> None:
    world = World()
    with pytest.raises(InvalidInput, match="expires_seconds"):
        await world.users.make_token("ann", seconds, NOW)
    with pytest.raises(InvalidInput, match="expires_seconds"):
        await world.users.sign("ann", csr(), seconds, NOW)
    assert not world.store.intent


async def test_nothing_is_made_for_nobody_for_the_disabled_or_for_admin() -> None:
    world = World()
    world.specs["ann"] = replace(world.specs["ann"], disabled=True)
    world.specs["admin"] = KnownUser()
    for name, error in (("carl", NotReady), ("ann", Conflict), ("admin", InvalidInput)):
        with pytest.raises(error):
            await world.users.make_token(name, DAY, NOW)
        with pytest.raises(error):
            await world.users.sign(name, csr(), DAY, NOW)
    with pytest.raises(InvalidInput, match="certificate request"):
        await world.users.sign("bob", b"nonsense", DAY, NOW)
    assert not world.store.intent
