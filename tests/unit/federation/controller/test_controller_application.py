"""What people ask the controller, and what they are told."""

from pathlib import Path
from typing import Any

import pytest

from federation.apiserver.caller import ASKING, known
from federation.controller.application import Controller
from federation.controller.audit import Audit
from federation.controller.backup import Backups, open_backup
from federation.controller.departures import Departures
from federation.controller.facts.registry import Registry
from federation.controller.sessions import Sessions
from federation.controller.store.sqlite import open_store
from federation.controller.store.store import Row
from federation.controller.trust.authority import open_authority
from federation.model.errors import Conflict, Denied, InvalidInput, NotReady
from federation.model.facts import Bundle
from federation.model.names import ClusterId, ServiceName
from federation.model.observations import Observation, Remote
from federation.planning.liveness import SILENT_SECONDS
from federation.runtime.clock import utc_now, wall_seconds
from federation.trust import sealed
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.join_tokens import parse_join_token, secret_hash
from federation.trust.pem import PrivateKey, key_sha256, pem
from federation.trust.profile import twin_profile
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource
from tests.unit.builders import backend, export, said
from tests.unit.fakes.applied import AppliedMembers as Members
from tests.unit.fakes.audit_lines import FakeLines
from tests.unit.fakes.fake_store import FakeStore

EAST = ClusterId("east")


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(Registry(), FakeStore())


@pytest.fixture
def controller(tmp_path: Path, sessions: Sessions) -> Controller:
    authority = open_authority(tmp_path, "mesh.test", ["127.0.0.1"], utc_now())
    members = Members(sessions._store, authority, sessions)
    backups = Backups(FakeStore(), authority, "the-admin-token", "")
    return Controller(
        sessions,
        members,
        authority,
        "mesh.test",
        "127.0.0.1:7443",
        joining=members.joining,
        backups=backups,
        departures=Departures(sessions, members),
        audit=Audit(FakeLines()),
    )


def document(name: str = "east") -> dict[str, Any]:
    return {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {"region": "eu", "zones": ["a"]},
    }


async def join(controller: Controller, key: PrivateKey, name: str = "east") -> dict[str, Any]:
    minted = await controller.mint_join_token({"cluster": name})
    twin = make_twin(key, twin_profile(f"{name}.mesh.test"), utc_now())
    body = {"token": minted["token"], "csr": pem(make_csr(key)).decode()}
    return await controller.join({**body, "twin": pem(twin).decode()})


@pytest.mark.parametrize("field", ["token", "csr", "twin"])
async def test_half_a_character_in_a_request_to_join_is_a_sentence(
    controller: Controller, field: str
) -> None:
    body = {"token": "fmj1.a", "csr": "a", "twin": "b", field: "\ud800"}
    with pytest.raises(InvalidInput, match=f"field {field} is .* but must be text"):
        await controller.join(body)


async def test_a_revoked_cluster_is_shown_and_believed_by_nobody(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.put_cluster("east", document())
    await join(controller, new_key())
    assert (await controller.revoke("east"))["state"] == "revoked"
    (cluster,) = (await controller.clusters())["items"]
    assert (cluster["joined"], cluster["trust"]) == (False, "revoked")
    assert not (await controller.status())["problems"]
    bundle = sessions.registry.table.get(codec.BUNDLE, "east.mesh.test")
    assert bundle is not None
    assert codec.decode(Bundle, bundle.body).anchors == ()
    with pytest.raises(NotReady, match="no cluster west"):
        await controller.revoke("west")


async def test_a_second_cluster_of_one_name_is_refused_while_the_first_is_there(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.put_cluster("east", document())
    key = new_key()
    await join(controller, key)
    sessions.presence(EAST).last_seen = wall_seconds() - 59
    with pytest.raises(Conflict, match=r"stays a member: .* an id of its own"):
        await join(controller, new_key())
    await join(controller, key)  # the same state folder, so the same cluster
    sessions.presence(EAST).last_seen = wall_seconds() - 61
    await join(controller, new_key())


async def test_a_cluster_leaves_is_forgotten_and_may_come_back(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.put_cluster("east", document())
    key = new_key()
    await join(controller, key)
    assert (await controller.delete_cluster("east"))["state"] == "leaving"
    with pytest.raises(Conflict, match="is leaving"):
        await controller.put_cluster("east", document())
    with pytest.raises(Conflict, match="is leaving"):
        await controller.mint_join_token({"cluster": "east"})
    await controller._members.remove(EAST)
    assert (await controller.clusters())["items"] == []
    await controller.put_cluster("east", document())
    assert (await join(controller, key))["cluster"] == "east"


async def test_the_status_of_trust_says_what_comes_next(controller: Controller) -> None:
    for name in ("east", "west", "north"):
        await controller.put_cluster(name, document(name))
    await join(controller, new_key())
    await join(controller, new_key(), "west")
    await controller.rekey("east")
    await controller.revoke("west")
    found = await controller.trust()
    assert len(found["root"]["sha256"]) == 64
    east, north, west = found["clusters"]
    assert (east["state"], east["next"]) == ("trusted", "its agent was asked for a new key")
    assert len(east["anchors"]) == 1
    assert north["next"] == "it joins with a token: fedctl token create north"
    assert (west["state"], west["anchors"]) == ("revoked", [])
    assert "a new token and an agent with an empty state folder" in west["next"]
    with pytest.raises(NotReady, match="has not joined, so it has no key to replace"):
        await controller.rekey("north")


async def test_a_cluster_is_known_before_it_joins_and_joined_after(controller: Controller) -> None:
    told = await controller.put_cluster("east", document())
    assert (told["id"], told["trust_domain"], told["joined"]) == ("east", "east.mesh.test", False)
    minted = await controller.mint_join_token({"cluster": "east"})
    key = new_key()
    twin = make_twin(key, twin_profile("east.mesh.test"), utc_now())
    body = {"token": minted["token"], "csr": pem(make_csr(key)).decode()}
    answer = await controller.join({**body, "twin": pem(twin).decode()})
    assert (answer["cluster"], answer["grpc"]) == ("east", "127.0.0.1:7443")
    assert answer["root"].encode() == controller.root_pem()
    (cluster,) = (await controller.clusters())["items"]
    assert (cluster["joined"], cluster["connected"]) == (True, False)


async def test_a_part_of_a_document_adds_changes_and_says_what(controller: Controller) -> None:
    added = await controller.patch_cluster("east", {"spec": {"region": "eu", "zones": ["a"]}})
    assert (added["outcome"], added["cluster"]["region"]) == ("created", "eu")
    found = await controller.patch_cluster("east", {"spec": {"namespaces": ["shop"]}})
    assert found["outcome"] == "changed"
    assert found["changes"] == [{"field": "namespaces", "from": (), "to": ("shop",)}]
    assert (found["cluster"]["zones"], found["cluster"]["namespaces"]) == (["a"], ["shop"])
    same = await controller.patch_cluster("east", {"spec": {"region": "eu"}})
    assert (same["outcome"], same["changes"]) == ("unchanged", [])
    assert same["cluster"]["revision"] == found["cluster"]["revision"]


async def test_a_document_must_be_of_the_cluster_in_the_path(controller: Controller) -> None:
    with pytest.raises(InvalidInput, match="'east', but the path says 'west'"):
        await controller.put_cluster("west", document())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "field cluster is None"),
        ({"cluster": 7}, "field cluster is 7"),
        ({"cluster": "east", "expires_seconds": True}, "expires_seconds is True"),
        ({"cluster": "east", "expires_seconds": "60"}, "expires_seconds is '60'"),
        ({"cluster": "east", "expires_seconds": 0}, "expires_seconds is 0"),
    ],
)
async def test_a_wrong_field_is_named(
    controller: Controller, body: dict[str, Any], reason: str
) -> None:
    await controller.put_cluster("east", document())
    with pytest.raises(InvalidInput, match=reason):
        await controller.mint_join_token(body)


async def test_a_token_for_an_unknown_cluster_says_what_to_do(controller: Controller) -> None:
    with pytest.raises(NotReady, match="add it first"):
        await controller.mint_join_token({"cluster": "east"})


def observe(sessions: Sessions, observer: str, *answers: bool, rtt: float = 0.0) -> None:
    """`observer` sees gateways of east, numbered from 0."""
    remotes = tuple(Remote(EAST, f"g{n}", a, rtt) for n, a in enumerate(answers))
    change = said(Observation(ClusterId(observer), remotes))
    sessions.registry.apply(ClusterId(observer), [change], 0)


async def shown(controller: Controller, name: str = "east") -> dict[str, Any]:
    items: list[dict[str, Any]] = (await controller.clusters())["items"]
    (found,) = [cluster for cluster in items if cluster["id"] == name]
    return found


async def test_a_cluster_is_shown_with_who_reaches_its_gateways_and_how_fast(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.put_cluster("east", document())
    await controller.put_cluster("west", document("west"))
    observe(sessions, "west", True, False, rtt=0.01234)
    observe(sessions, "north", True)
    assert (await shown(controller))["seen_from"] == [
        {"cluster": "north", "gateway": "g0", "answers": True, "rtt_ms": None},
        {"cluster": "west", "gateway": "g0", "answers": True, "rtt_ms": 12.3},
        {"cluster": "west", "gateway": "g1", "answers": False, "rtt_ms": 12.3},
    ]
    assert (await shown(controller, "west"))["seen_from"] == []


async def test_the_state_of_a_cluster_is_by_its_agent_and_by_what_most_others_reach(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.put_cluster("east", document())
    assert (await shown(controller))["state"] == "suspect", "silent, and nobody looks"
    observe(sessions, "west", False, False)
    assert (await shown(controller))["state"] == "lost"
    for answers in ((False, True), (True, False)):
        observe(sessions, "west", *answers)
        assert (await shown(controller))["state"] == "suspect", "one gateway is enough"
    observe(sessions, "north", False)
    observe(sessions, "south", False)
    assert (await shown(controller))["state"] == "lost"
    sessions.presence(EAST).last_seen = wall_seconds()
    assert (await shown(controller))["state"] == "live"
    sessions.presence(EAST).last_seen = wall_seconds() - SILENT_SECONDS - 1
    assert (await shown(controller))["state"] == "lost"
    sessions.presence(EAST).streams = 1
    found = await shown(controller)
    assert (found["state"], found["connected"]) == ("lost", False), "an open stream says nothing"
    sessions.presence(EAST).last_seen = wall_seconds()
    found = await shown(controller)
    assert (found["state"], found["connected"]) == ("live", True)


async def test_services_are_shown_with_the_counts_of_each_exporter(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.put_cluster("east", document())
    changes = [said(export("east")), said(backend("east", ready=2))]
    sessions.registry.apply(EAST, changes, 0)
    (service,) = (await controller.services())["items"]
    assert (service["name"], service["exporters"]) == ("shop/api", ["east"])
    assert service["backends"] == [
        {"cluster": "east", "ready": 2, "total": 2, "unserved_ports": []}
    ]
    assert (await controller.status())["services"] == 1


async def test_a_backup_holds_what_was_reported_a_moment_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "_SCRYPT", {"n": 2, "r": 8, "p": 1})
    authority = open_authority(tmp_path, "mesh.test", ["127.0.0.1"], utc_now())
    async with open_store(tmp_path / "db", "e") as store:
        sessions = Sessions(Registry(), store)
        members = Members(store, authority, sessions)
        backups = Backups(store, authority, "the-admin-token", "correct horse battery")
        departures = Departures(sessions, members)
        controller = Controller(
            sessions,
            members,
            authority,
            "mesh.test",
            "",
            joining=members.joining,
            backups=backups,
            departures=departures,
            audit=Audit(FakeLines()),
        )
        row = Row("east", codec.EXPORT, "shop/api", b"body", 5)
        sessions.hub.unsaved = {("east", codec.EXPORT, "shop/api"): row}
        made = await controller.backup({})
        with pytest.raises(InvalidInput, match="'passphrase' is not known: a backup is sealed"):
            await controller.backup({"passphrase": "words of the caller's own"})
    found = open_backup(made, "correct horse battery", "it")
    (tmp_path / "copy").write_bytes(found.store)
    async with open_store(tmp_path / "copy", "f") as copy:
        assert await copy.load_reports() == (row,)


# -- who did what ----------------------------------------------------------------------------------


async def done(controller: Controller) -> list[tuple[str, str, str, str, str]]:
    items = (await controller.audit())["items"]
    return [(i["what"], i["who"], i["address"], i["cluster"], i["outcome"]) for i in items]


async def test_everything_that_changes_who_is_believed_is_noted_with_its_outcome(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.note_call("10.0.0.7")
    await controller.put_cluster("east", document(), "10.0.0.7")
    minted = await controller.mint_join_token({"cluster": "east"}, "10.0.0.7")
    key = new_key()
    twin = pem(make_twin(key, twin_profile("east.mesh.test"), utc_now())).decode()
    body = {"token": minted["token"], "csr": pem(make_csr(key)).decode(), "twin": twin}
    await controller.join(body, "10.0.0.9")
    with pytest.raises(Denied, match="already used"):
        await controller.join({**body, "csr": pem(make_csr(new_key())).decode()}, "10.6.6.6")
    await controller.rekey("east", "10.0.0.7")
    await controller.confirm_cluster("east", "10.0.0.7")
    await controller.revoke_join_token(minted["id"], "10.0.0.7")
    await controller.revoke("east", "10.0.0.7")
    with pytest.raises(NotReady):
        await controller.revoke("west", "10.0.0.7")
    await controller.delete_cluster("east", "10.0.0.7")
    admin, thing = ("admin token", "10.0.0.7"), f"join token {minted['id']}"
    assert await done(controller) == [
        ("first call", *admin, "", "done"),
        ("cluster add", *admin, "east", "done"),
        ("token create", *admin, "east", "done"),
        ("join", thing, "10.0.0.9", "east", "done"),
        (
            "join",
            thing,
            "10.6.6.6",
            "east",
            f"refused: {thing} for cluster east was already used for another key",
        ),
        ("trust rekey", *admin, "east", "done"),
        ("cluster confirm", *admin, "east", "done"),
        ("token revoke", *admin, "east", "done"),
        ("trust revoke", *admin, "east", "done"),
        ("trust revoke", *admin, "west", "refused: there is no cluster west"),
        ("leave", *admin, "east", "done"),
    ]
    details = {i["what"]: i["detail"] for i in (await controller.audit())["items"]}
    assert details["cluster add"] == "region=eu zones=a"
    assert minted["token"] not in str(await controller.audit())


async def test_what_a_user_does_is_noted_as_his(controller: Controller) -> None:
    ann = known("ann", (), "token 12")
    before = ASKING.set(ann)
    try:
        await controller.put_cluster("east", document(), "10.0.0.7")
    finally:
        ASKING.reset(before)
    (entry,) = (await controller.audit())["items"]
    assert (entry["who"], entry["how"], entry["address"]) == ("ann", "token 12", "10.0.0.7")


async def test_strangers_do_not_fill_the_audit_log(controller: Controller) -> None:
    await controller.put_cluster("east", document())
    minted = await controller.mint_join_token({"cluster": "east"})
    known = await done(controller)
    name, _, secret = minted["token"].partition(".")
    for token in ("rubbish", f"{name}.{secret[:-8]}AAAAAAAA"):
        with pytest.raises((Denied, InvalidInput)):
            await controller.join({"token": token, "csr": "x", "twin": "x"}, "10.6.6.6")
    assert await done(controller) == known


async def test_a_token_is_listed_without_its_secret_and_made_void(controller: Controller) -> None:
    await controller.put_cluster("east", document())
    used, voided = [await controller.mint_join_token({"cluster": "east"}) for _ in range(2)]
    key = new_key()
    twin = pem(make_twin(key, twin_profile("east.mesh.test"), utc_now())).decode()
    body = {"csr": pem(make_csr(key)).decode(), "twin": twin}
    await controller.join({**body, "token": used["token"]}, "10.0.0.9")
    told = await controller.revoke_join_token(voided["id"])
    assert told["state"] == "revoked"
    found = {item["id"]: item for item in (await controller.join_tokens())["items"]}
    assert {id: item["state"] for id, item in found.items()} == {
        used["id"]: "used",
        voided["id"]: "revoked",
    }
    one = found[used["id"]]
    assert one["used_from"] == "10.0.0.9"
    assert one["created"] <= one["used_at"] < one["expires"]
    assert key_sha256(key.public_key()).startswith(one["used_by"])
    secret = parse_join_token(used["token"]).secret
    assert secret not in str(found)
    assert secret_hash(secret) not in str(found)
    with pytest.raises(Denied, match="was revoked"):
        await controller.join({**body, "token": voided["token"]})
    with pytest.raises(NotReady, match="there is no join token 'nothing'"):
        await controller.revoke_join_token("nothing")


async def test_a_cluster_that_is_awaited_is_shown_as_such(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.put_cluster("east", document())
    assert (await shown(controller))["problems"] == []
    sessions.hub.retained.add(EAST)
    assert "has not reported since the store began anew" in (await shown(controller))["problems"][0]
    told = await controller.confirm_cluster("east")
    assert "has not reported since the store began anew" in told["released"]
    assert (await shown(controller))["problems"] == []


async def test_a_person_sees_what_is_held_back_and_lets_it_go(
    controller: Controller, sessions: Sessions
) -> None:
    await controller.put_cluster("east", document())
    names = [ServiceName("shop", f"s{n}") for n in range(8)]
    found = [resource(str(n), codec.encode(export("east", name=n))) for n in names]
    receiver = sessions.hub.receiver(EAST)
    for response in (
        Response(codec.EXPORT, "1", tuple(found)),
        Response(codec.EXPORT, "2", removed=tuple(map(str, names))),
    ):
        sessions.hub.apply(EAST, receiver.receive(response), wall_seconds())
    (cluster,) = (await controller.clusters())["items"]
    assert cluster["exports"] == 8
    assert "8 exports vanished together" in cluster["problems"][0]
    answer = await controller.confirm_cluster("east")
    assert answer["released"] == cluster["problems"][0]
    (cluster,) = (await controller.clusters())["items"]
    assert (cluster["exports"], cluster["problems"]) == (0, [])
    assert (await controller.confirm_cluster("east"))["released"] == ""


async def test_only_a_known_cluster_can_be_confirmed(controller: Controller) -> None:
    with pytest.raises(NotReady, match="there is no cluster west"):
        await controller.confirm_cluster("west")
