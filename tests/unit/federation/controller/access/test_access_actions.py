"""What the API does to users: secrets are told once, dry runs make nothing."""

from dataclasses import dataclass

import pytest

from federation.controller.access.actions import UserActions
from federation.controller.access.authenticate import authenticator
from federation.model.errors import NotReady
from federation.runtime.clock import wall_seconds
from federation.trust.pem import load_certificates
from tests.unit.federation.controller.access.access_world import DOMAIN, World, csr


@dataclass
class Noted:
    detail: str = ""


def begun() -> tuple[World, UserActions]:
    world = World()
    return world, UserActions(world.users)


async def test_a_token_is_told_once_and_known_from_then_on() -> None:
    world, actions = begun()
    note = Noted()
    found = await actions.token("ann", {"spec": {"expirationSeconds": 60}}, note, False)
    token = found["status"]["token"]
    assert (found["kind"], found["metadata"]) == ("UserToken", {"name": "ann"})
    assert found["spec"] == {"expirationSeconds": 60}
    authenticate = authenticator(world.users, "", world.authority.root, DOMAIN)
    caller = authenticate(f"Bearer {token}", None, wall_seconds())
    assert caller is not None
    assert caller.name == "ann"
    assert note.detail == f"token {found['status']['id']}, for 60 s"
    (listed,) = actions.credentials("ann")
    assert (listed["id"], listed["kind"]) == (found["status"]["id"], "Token")
    assert token not in str(listed)
    assert token not in note.detail


async def test_a_certificate_is_signed_for_the_key_of_the_request() -> None:
    _, actions = begun()
    body = {"spec": {"request": csr().decode()}}
    found = await actions.certificate("ann", body, Noted(), False)
    (cert,) = load_certificates(found["status"]["certificate"].encode())
    assert (cert.not_valid_after_utc - cert.not_valid_before_utc).days >= 29
    assert [c["kind"] for c in actions.credentials("ann")] == ["Certificate"]


async def test_one_or_all_are_revoked() -> None:
    world, actions = begun()
    ids = [(await actions.token("ann", {}, Noted(), False))["status"]["id"] for _ in range(3)]
    note = Noted()
    await actions.revoke("ann", {"spec": {"id": ids[0]}}, note, False)
    assert note.detail == f"credential {ids[0]}"
    assert sorted(c["id"] for c in actions.credentials("ann")) == sorted(ids[1:])
    found = await actions.revoke("ann", {}, note, False)
    assert found["status"]["message"] == "all credentials of user ann: refused"
    assert actions.credentials("ann") == []
    with pytest.raises(NotReady, match="has no token or certificate"):
        await actions.revoke("ann", {"spec": {"id": ids[0]}}, note, False)
    assert world.users.of("ann").ids == ()


async def test_a_dry_run_makes_and_revokes_nothing() -> None:
    world, actions = begun()
    await actions.token("ann", {}, Noted(), False)
    before = dict(world.store.intent)
    for action in (actions.token, actions.revoke):
        found = await action("ann", {}, Noted(), True)
        assert "token" not in found["status"]
    await actions.certificate("ann", {"spec": {"request": csr().decode()}}, Noted(), True)
    assert world.store.intent == before
