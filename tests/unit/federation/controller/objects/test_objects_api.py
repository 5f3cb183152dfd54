"""Objects over the store: written, in effect in the facts, and there after a restart."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from federation.api.kinds import CLUSTER, EVENT, NAMESPACE, ROLE_BINDING, SERVICE_IMPORT, USER
from federation.api.kinds import TRAFFIC_POLICY as POLICY
from federation.apiserver.access import Attributes
from federation.apiserver.caller import known
from federation.apiserver.collection import Collection, Revisions
from federation.apiserver.kubernetes import Note
from federation.apiserver.resource import Place, Resource, Wish
from federation.apiserver.statuses import StatusError
from federation.controller.access.users import Users
from federation.controller.audit import Audit
from federation.controller.facts.registry import Registry
from federation.controller.intent.apply_intent import ApplyIntent
from federation.controller.member import Member
from federation.controller.membership.cluster_object import object_of, restated
from federation.controller.membership.members import Members
from federation.controller.objects import events, storage
from federation.controller.objects.api import Objects
from federation.controller.objects.gate import Gate
from federation.controller.objects.revisions import first_revision
from federation.controller.sessions import Sessions
from federation.controller.trust.authority import open_authority
from federation.model.errors import Conflict
from federation.model.names import ClusterId, ServiceName
from federation.runtime.clock import utc_now
from tests.unit.builders import backend, export, said
from tests.unit.fakes.audit_lines import FakeLines
from tests.unit.fakes.fake_store import FakeStore

Json = dict[str, Any]
EAST, WEB = ClusterId("east"), ServiceName("shop", "web")
ALICE = known("alice", ("ops",), "token 1")


class World:
    """One life of a controller over a store."""

    def __init__(self, store: FakeStore, folder: Path) -> None:
        self.store = store
        self.sessions = Sessions(Registry(), store)
        self.audit = Audit(FakeLines())
        self.gate = Gate(self.audit, ())
        self.objects = Objects(self.sessions, self.gate, Revisions(1_000))
        authority = open_authority(folder, "mesh.test", ("127.0.0.1",), utc_now())
        self.users = Users(store, authority, self.objects.users, self.in_effect)
        self.intent = ApplyIntent(store, self.objects.effects(self.users))
        url = "https://127.0.0.1:8443"
        self.members = Members(store, authority, "mesh.test", url, self.in_effect)
        found = self.objects.resources(
            store, self.in_effect, self.members, self.leave, "mesh.test", users=self.users
        )
        self.of: dict[Any, Resource] = {one.kind: one for one in found}

    async def in_effect(self, _: int) -> None:
        await self.intent.catch_up()

    async def leave(self, cluster: ClusterId) -> None:
        await self.members.begin_leaving(cluster)

    async def create(self, kind: Any, name: str, spec: Json, namespace: str = "") -> Json:
        body = {"metadata": {"name": name}, "spec": spec}
        written = await self.of[kind].create(body, namespace, Wish())
        assert written.after is not None
        return written.after

    async def report(self, ready: int = 2) -> None:
        """East exports a service."""
        changes = (said(export(name=WEB)), said(backend("east", ready=ready, name=WEB)))
        self.sessions.hub.registry.apply(EAST, changes, 0)
        await self.objects.shown.look()


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(FakeStore(), tmp_path)
    await made.intent.load()
    yield made


async def again(world: World, folder: Path) -> World:
    """The next life over the same store."""
    made = World(world.store, folder)
    await made.intent.load()
    return made


async def test_a_cluster_is_a_member_at_once_and_after_a_restart(
    world: World, tmp_path: Path
) -> None:
    spec = {"region": "eu", "gatewayCIDRs": ["10.1.0.0/16", "10.1.0.0/16"]}
    found = await world.create(CLUSTER, "east", spec)
    assert found["spec"] == spec  # as it was sent, whatever we make of it
    assert found["status"]["state"] == "away"
    member = world.sessions.registry.members[EAST]
    assert (member.region, member.gateway_cidrs) == ("eu", ("10.1.0.0/16",))
    assert member.trust_domain == "east.mesh.test"
    later = (await again(world, tmp_path)).of[CLUSTER].get("", "east").object
    assert later["metadata"]["uid"] == found["metadata"]["uid"]
    assert later["spec"] == spec


async def test_what_the_system_writes_leaves_the_word_alone(world: World) -> None:
    found = await world.create(CLUSTER, "east", {"region": "eu"})
    await world.members.revoke(EAST)
    held = world.of[CLUSTER].get("", "east")
    assert held.object["status"]["trust"] == "revoked"
    assert held.object["metadata"]["generation"] == 1
    assert held.object["metadata"]["uid"] == found["metadata"]["uid"]


async def test_a_cluster_that_never_joined_is_gone_at_once(world: World) -> None:
    await world.create(CLUSTER, "east", {"region": "eu"})
    written = await world.of[CLUSTER].delete("", "east", Wish())
    assert written.after is None
    assert world.sessions.registry.members == {}


async def test_to_delete_a_cluster_is_to_have_it_leave(world: World) -> None:
    await world.create(CLUSTER, "east", {"region": "eu"})
    await world.members.revoke(EAST)
    written = await world.of[CLUSTER].delete("", "east", Wish())
    assert written.after is not None
    assert written.after["metadata"]["finalizers"] == ["fedmesh.dev/leave"]
    assert written.after["status"]["state"] == "leaving"
    await world.members.remove(EAST)
    assert world.of[CLUSTER].collection.get("", "east") is None


async def test_the_old_calls_and_the_objects_say_the_same(world: World) -> None:
    await world.members.state(Member(EAST, "", "eu", zones=("a",)))
    held = world.of[CLUSTER].get("", "east")
    assert held.object["spec"] == {"region": "eu", "zones": ["a"]}
    await world.members.state(Member(EAST, "", "us"))
    held = world.of[CLUSTER].get("", "east")
    assert (held.object["spec"], held.object["metadata"]["generation"]) == ({"region": "us"}, 2)


def test_a_cluster_that_was_stated_before_there_were_objects_is_one() -> None:
    old = Member(EAST, "east.mesh.test", "eu", zones=("a",))
    assert object_of(old)["spec"] == {"region": "eu", "zones": ["a"]}
    assert object_of(old)["metadata"]["uid"] == object_of(old)["metadata"]["uid"]
    stated = restated(old, "2026-01-01T00:00:00Z", "u-1")
    assert restated(stated, "2027-01-01T00:00:00Z", "u-2") == stated


async def test_an_invitation_is_a_token(world: World) -> None:
    await world.create(CLUSTER, "east", {"region": "eu"})
    resource_ = world.of[CLUSTER]
    held = resource_.get("", "east")
    invite = resource_.acts["jointoken"]
    note = type("Note", (), {"detail": ""})()
    answer = await invite(held, {"spec": {"expirationSeconds": 60}}, note, False)
    assert answer["status"]["token"].startswith("fmj1.")
    assert answer["status"]["token"] not in note.detail
    assert "status" not in await invite(held, {}, note, True)
    with pytest.raises(StatusError) as error:
        await invite(held, {"spec": {"expirationSeconds": 0}}, note, False)
    assert error.value.causes[0].field == "spec.expirationSeconds"


async def test_a_binding_counts_as_long_as_it_is_there(world: World) -> None:
    asked = Attributes("list", "fedmesh.dev", "clusters")
    assert not world.gate.decide(ALICE, asked).allowed
    spec = {"role": "viewer", "subjects": [{"kind": "Group", "name": "ops"}]}
    await world.create(ROLE_BINDING, "ops", spec)
    assert world.gate.decide(ALICE, asked).allowed
    await world.of[ROLE_BINDING].delete("", "ops", Wish())
    assert not world.gate.decide(ALICE, asked).allowed


async def test_a_user_is_known_with_his_groups(world: World) -> None:
    await world.create(USER, "alice", {"groups": ["ops"]})
    user = world.objects.users("alice")
    assert user is not None
    assert (user.groups, user.disabled) == (("ops",), False)
    await world.of[USER].delete("", "alice", Wish())
    assert world.objects.users("alice") is None


async def test_an_export_is_seen_as_import_export_and_namespace(world: World) -> None:
    await world.create(CLUSTER, "east", {"region": "eu"})
    await world.report()
    held = world.of[SERVICE_IMPORT].get("shop", "web")
    assert held.object["status"]["readyEndpoints"] == 2
    assert [c["cluster"] for c in held.object["status"]["clusters"]] == ["east"]
    assert world.of[NAMESPACE].get("", "shop").object["status"] == {"phase": "Active"}
    await world.objects.shown.look()
    assert world.of[SERVICE_IMPORT].get("shop", "web") is held  # nothing new, no event
    await world.report(ready=1)
    assert world.of[SERVICE_IMPORT].get("shop", "web").object["status"]["readyEndpoints"] == 1


async def test_a_policy_says_what_became_of_it(world: World) -> None:
    target = {"kind": "Service", "name": "web"}
    made = await world.create(POLICY, "near", {"targetRefs": [target]}, "shop")
    by_type = {one["type"]: one for one in made["status"]["conditions"]}
    assert by_type["Accepted"]["status"] == "True"
    assert by_type["ResolvedRefs"]["reason"] == "TargetNotFound"
    assert by_type["Programmed"]["status"] == "False"  # as long as nothing follows it
    await world.create(CLUSTER, "east", {"region": "eu"})
    await world.report()
    conditions = world.of[POLICY].get("shop", "near").object["status"]["conditions"]
    assert {one["type"]: one["status"] for one in conditions}["ResolvedRefs"] == "True"


async def test_a_namespace_takes_its_policies_with_it(world: World) -> None:
    await world.create(NAMESPACE, "shop", {})
    await world.create(POLICY, "near", {}, "shop")
    await world.of[NAMESPACE].delete("", "shop", Wish())
    assert world.of[POLICY].collection.get("shop", "near") is None
    assert world.of[NAMESPACE].collection.get("", "shop") is None


async def test_a_namespace_that_services_make_cannot_be_deleted(world: World) -> None:
    await world.create(CLUSTER, "east", {"region": "eu"})
    await world.report()
    with pytest.raises(StatusError) as error:
        await world.of[NAMESPACE].delete("", "shop", Wish())
    assert "goes with them" in str(error.value)


async def test_what_happens_to_a_cluster_is_told(world: World) -> None:
    await world.create(CLUSTER, "east", {"region": "eu"})
    await world.members.revoke(EAST)
    (event,) = (one.object for one in world.of[EVENT].collection.listed())
    assert (event["reason"], event["involvedObject"]["name"]) == ("TrustChanged", "east")
    uid = world.of[CLUSTER].get("", "east").object["metadata"]["uid"]
    assert event["involvedObject"]["uid"] == uid


async def test_revisions_are_higher_in_every_life(world: World) -> None:
    first = await first_revision(world.store, 1_000.0)
    assert await first_revision(world.store, 2_000.0) > first
    later = await first_revision(world.store, 1_500.0)  # the clock was set back
    assert later > 2_000 * 1_000_000
    soon = await first_revision(world.store, 2_000.001)  # and forth, to just behind a start
    assert soon >= later + 100_000_000


async def test_a_word_that_met_another_one_is_refused(world: World) -> None:
    await world.create(CLUSTER, "east", {"region": "eu"})
    held = world.of[CLUSTER].get("", "east")
    await world.members.state(Member(EAST, "", "us"))
    own = world.of[CLUSTER]._storage
    assert own is not None
    with pytest.raises(Conflict) as error:
        await own.write({**held.object, "spec": {"region": "ap"}}, held)
    assert "changed by someone else" in str(error.value)
    place = Place("", "east")
    written = await world.of[CLUSTER].change(
        place, Wish(), lambda before: {**before, "spec": {"region": "ap"}}
    )
    assert written.after is not None
    assert written.after["spec"] == {"region": "ap"}


async def test_what_is_done_is_noted_with_who_asked_and_what_changed(world: World) -> None:
    asked = Attributes("patch", "fedmesh.dev", "clusters", name="east")
    owner = known("admin", ("fedmesh:admins",), "admin token")
    caller = known("alice", ("ops",), "admin token", by=owner)
    async with world.gate.noting(caller, "10.0.0.7", asked, is_dry=True) as note:
        note.before = {"spec": {"region": "us"}}
        note.after = {"spec": {"region": "eu", "token": "s3cret"}}
    (entry,) = world.audit.entries()
    assert (entry["what"], entry["cluster"]) == ("patch clusters", "east")
    assert (entry["who"], entry["by"], entry["dry_run"]) == ("alice", "admin", True)
    assert entry["changes"] == ['spec.region: "us" -> "eu"', "spec.token: (not shown)"]


async def test_a_user_shows_what_it_can_show_and_takes_it_along(
    world: World, tmp_path: Path
) -> None:
    await world.create(USER, "ann", {"groups": ["team"]})
    users = world.of[USER]
    made = await users.acts["token"](users.get("", "ann"), {}, Note(), False)
    id, secret = made["status"]["id"], made["status"]["token"].rpartition(".")[2]
    for found in (world, await again(world, tmp_path)):
        shown = found.of[USER].get("", "ann").object
        assert [c["id"] for c in shown["status"]["credentials"]] == [id]
        assert secret not in str(shown)
        assert shown["metadata"]["generation"] == 1
    await users.delete("", "ann", Wish())
    assert world.users.of("ann").ids == ()
    await world.create(USER, "ann", {})
    assert users.get("", "ann").object["status"] == {"credentials": []}
    assert world.users.active("ann") is None


async def test_what_is_revoked_is_no_more_in_the_status(world: World) -> None:
    await world.create(USER, "ann", {})
    users = world.of[USER]
    await users.acts["token"](users.get("", "ann"), {}, Note(), False)
    await users.acts["revoke"](users.get("", "ann"), {}, Note(), False)
    assert users.get("", "ann").object["status"] == {"credentials": []}


async def test_the_namespace_that_is_always_there_says_so(world: World) -> None:
    await world.objects.shown.look()
    with pytest.raises(StatusError, match="namespace default is always there"):
        await world.of[NAMESPACE].delete("", "default", Wish())


async def test_only_so_many_objects_of_a_kind_are_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MOST_OBJECTS", 1)
    await world.create(POLICY, "near", {}, "shop")
    with pytest.raises(StatusError, match="no more are kept") as refused:
        await world.create(POLICY, "far", {}, "shop")
    assert refused.value.code == 403


async def test_objects_of_a_kind_take_so_much_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MOST_BYTES", 2_000)
    found = await world.create(POLICY, "near", {}, "shop")
    large = {**found, "metadata": {**found["metadata"], "annotations": {"a": "x" * 2_000}}}
    with pytest.raises(StatusError, match="more than"):
        await world.of[POLICY].change(Place("shop", "near"), Wish(), lambda _: large)
    await world.of[POLICY].delete("shop", "near", Wish())
    assert world.of[POLICY].collection.size == 0
    await world.create(POLICY, "near", {}, "shop")


def test_events_are_few_and_of_late() -> None:
    kept = Collection(EVENT, Revisions(1))
    noted = events.Events(kept)
    about = {"kind": "Cluster", "apiVersion": "v1", "metadata": {"name": "east", "uid": "u"}}
    for number in range(events.MOST_EVENTS + 5):
        noted.note(about, events.NORMAL, "Odd", f"number {number}", 1_000.0 + number)
    assert len(kept) == events.MOST_EVENTS
    noted.note(about, events.NORMAL, "Odd", "number 5", 3_000.0)
    assert len(kept) == events.MOST_EVENTS  # it is counted
    noted.forget(3_001.0 + events.KEPT_SECONDS)
    assert len(kept) == 0


async def test_who_may_not_write_is_noted(world: World) -> None:
    asked = Attributes("delete", "fedmesh.dev", "clusters", name="east")
    await world.gate.refused(ALICE, "10.0.0.1", asked, "no role")
    entry = world.gate._audit.entries()[-1]
    assert (entry["who"], entry["what"], entry["cluster"]) == ("alice", "delete clusters", "east")
    assert entry["outcome"] == "refused: no role"


async def test_what_another_version_wrote_holds_nothing_up(world: World, tmp_path: Path) -> None:
    subjects = [{"kind": "User", "name": "alice"}]
    await world.create(ROLE_BINDING, "ops", {"role": "viewer", "subjects": subjects})
    await world.create(USER, "alice", {})
    for key, spec in (("rolebindings", {"role": "owner", "subjects": subjects}), ("users", [1])):
        path = f"objects/{key}.fedmesh.dev/-/{'ops' if key == 'rolebindings' else 'alice'}"
        entry = await world.store.read(path)
        assert entry is not None
        found = {**json.loads(entry.value), "spec": spec}
        await world.store.write(path, json.dumps(found).encode(), entry.revision)
    later = await again(world, tmp_path)
    assert not later.gate.decide(ALICE, Attributes("list", "fedmesh.dev", "clusters")).allowed
    assert later.objects.users("alice") is None
    await later.create(POLICY, "near", {}, "shop")
