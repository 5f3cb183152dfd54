"""Who shows what: right ones are known, and each single fault makes a stranger."""

import hmac
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from federation.apiserver.caller import ADMINS, AUTHENTICATED, Caller
from federation.controller.access.authenticate import authenticator
from federation.controller.access.credentials import Credentials, TokenRecord
from federation.controller.access.users import KnownUser, Users
from federation.trust import issue, profile
from federation.trust.pem import certificate_sha256, load_certificates
from tests.unit.federation.controller.access.access_world import (
    AT,
    DAY,
    DOMAIN,
    NOW,
    World,
    csr,
)
from tests.unit.federation.trust.trust_certs import EAST_MEMBER, LEAF_KEY

ADMIN_TOKEN = "a" * 43


def ask(
    world: World, header: str = "", der: bytes | None = None, now: float = NOW
) -> Caller | None:
    authenticate = authenticator(world.users, ADMIN_TOKEN, world.authority.root, DOMAIN)
    return authenticate(header, der, now)


async def token(world: World, name: str = "ann") -> tuple[TokenRecord, str]:
    record, text = await world.users.make_token(name, DAY, NOW)
    return record, f"Bearer {text}"


async def certificate(world: World, name: str = "ann") -> tuple[str, bytes]:
    record, chain = await world.users.sign(name, csr(), DAY, NOW)
    return record.id, load_certificates(chain)[0].public_bytes(Encoding.DER)


async def test_the_admin_token_is_the_admin() -> None:
    world = World()
    found = ask(world, f"Bearer {ADMIN_TOKEN}")
    assert found == Caller("admin", (ADMINS, AUTHENTICATED), "admin token")
    assert ask(world, f"bearer {ADMIN_TOKEN}") == found
    for wrong in (ADMIN_TOKEN[:-1], ADMIN_TOKEN + "a", "", "\udcff", "Bearer"):
        assert ask(world, f"Bearer {wrong}") is None
    assert ask(world, f"Basic {ADMIN_TOKEN}") is None
    assert ask(world) is None
    nothing = authenticator(world.users, "", world.authority.root, DOMAIN)
    assert nothing("Bearer ", None, NOW) is None, "an empty token opens nothing"


async def test_a_token_is_its_user_with_his_groups() -> None:
    world = World()
    record, header = await token(world)
    found = ask(world, header)
    assert found is not None
    assert (found.name, found.groups, found.uid) == ("ann", ("team", AUTHENTICATED), "u1")
    assert found.how == f"token {record.id}"
    assert dict(found.extra) == {"fedmesh.dev/credential": (found.how,)}


async def test_a_certificate_is_its_user() -> None:
    world = World()
    id, der = await certificate(world)
    found = ask(world, der=der)
    assert found is not None
    assert (found.name, found.how) == ("ann", f"certificate {id}")


async def test_no_spec_makes_a_user_an_admin() -> None:
    world = World()
    world.specs["ann"] = KnownUser((ADMINS, "system:masters", "team"), uid="u1")
    _, header = await token(world)
    found = ask(world, header)
    assert found is not None
    assert found.groups == ("team", AUTHENTICATED)


async def test_what_is_expired_revoked_or_of_nobody_opens_nothing() -> None:
    world = World()
    record, header = await token(world)
    id, der = await certificate(world)
    assert ask(world, header, now=NOW + DAY - 1) is not None
    assert ask(world, header, now=NOW + DAY) is None
    assert ask(world, der=der, now=NOW + DAY - 1) is not None
    assert ask(world, der=der, now=NOW + DAY + 1) is None
    await world.users.revoke("ann", record.id)
    assert ask(world, header) is None
    await world.users.revoke("ann", id)
    assert ask(world, der=der) is None


@pytest.mark.parametrize("spec", [None, KnownUser(disabled=True, uid="u1"), KnownUser(uid="u2")])
async def test_who_is_gone_disabled_or_another_is_refused_at_once(
    spec: KnownUser | None, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    _, header = await token(world)
    _, der = await certificate(world)
    if spec is None:
        del world.specs["ann"]
    else:
        world.specs["ann"] = spec
    assert ask(world, header) is None
    assert ask(world, der=der) is None
    assert "credential refused" in caplog.text
    assert header.rpartition(".")[2] not in caplog.text


async def test_the_secret_of_another_token_opens_nothing() -> None:
    world = World()
    _, ann = await token(world)
    _, bob = await token(world, "bob")
    mixed = f"{ann.rpartition('.')[0]}.{bob.rpartition('.')[2]}"
    assert ask(world, mixed) is None
    assert ask(world, ann.replace("fmu1", "fmu2")) is None
    unknown = f"Bearer fmu1.{'0' * 16}.{bob.rpartition('.')[2]}"
    assert ask(world, unknown) is None


async def test_a_wrong_token_is_not_made_good_by_a_certificate() -> None:
    world = World()
    _, der = await certificate(world)
    assert ask(world, "Bearer wrong", der) is None
    assert ask(world, "", der) is not None


async def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    original = hmac.compare_digest

    def note(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", note)
    world = World()
    record, header = await token(world)
    assert ask(world, header) is not None
    assert record.secret_sha256.encode() in compared
    compared.clear()
    assert ask(world, f"Bearer fmu1.{'0' * 16}.{'s' * 43}") is None
    assert len(compared) == 2, "the admin's, and as much work as for a token that is known"


def recorded(users: Users, der_sha256: str) -> None:
    """As if the store had such a certificate: what is signed is judged on its own."""
    held = users.of("ann")
    made = replace(held.certificates[0], sha256=der_sha256)
    users.effect.put(Credentials("ann", "u1", (), (made,)))


@pytest.mark.parametrize(
    "sign",
    [
        lambda wanted: issue.issue_leaf(
            EAST_MEMBER.intermediate, EAST_MEMBER.key, LEAF_KEY.public_key(), wanted, AT
        ),
        lambda wanted: EAST_MEMBER.leaf(LEAF_KEY, f"spiffe://{DOMAIN}/user/ann"),
    ],
)
async def test_what_a_cluster_signs_is_nobody_even_when_it_is_on_record(
    sign: Callable[[profile.LeafProfile], "object"],
) -> None:
    world = World()
    await certificate(world)
    forged = sign(profile.user_profile(DOMAIN, "ann"))
    der = forged.public_bytes(Encoding.DER)  # type: ignore[attr-defined]
    assert ask(world, der=der) is None
    recorded(world.users, certificate_sha256(forged))  # type: ignore[arg-type]
    assert ask(world, der=der) is None


async def test_a_certificate_of_the_root_that_is_not_on_record_is_nobody() -> None:
    """Such as one that was made after the backup from which the controller was restored."""
    world = World()
    _, der = await certificate(world)
    await world.users.remove("ann")
    assert ask(world, der=der) is None
