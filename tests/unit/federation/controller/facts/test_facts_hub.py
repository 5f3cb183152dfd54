"""What the controller decides: what is a fact, who hears of it, what is written, what is held."""

from dataclasses import replace

from federation.controller.facts.hub import Hub
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.store.store import Row
from federation.model.checks import Finding
from federation.model.facts import Bundle
from federation.model.names import ClusterId, ServiceName
from federation.model.observations import Observation
from federation.wire import codec
from federation.xds.messages import WILDCARD, Request, Response
from federation.xds.resources import Resource, resource
from tests.unit.builders import export, gateway

EAST, WEST = ClusterId("east"), ClusterId("west")
MEMBERS = tuple(Member(c, f"{c}.mesh.test", "eu", anchors=("PEM",)) for c in (EAST, WEST))
NAMES = tuple(ServiceName("shop", f"s{n}") for n in range(10))
NOW = 1_000_000.0


def hub_of(rows: tuple[Row, ...] = (), revision: int = 1) -> Hub:
    hub = Hub(Registry())
    hub.reserved = revision + 100
    hub.restore("first", revision, MEMBERS, rows)
    return hub


def exports() -> tuple[Resource, ...]:
    return tuple(resource(str(n), codec.encode(export("east", name=n))) for n in NAMES)


def say(hub: Hub, cluster: ClusterId, *responses: Response) -> None:
    for response in responses:
        hub.apply(cluster, hub.receiver(cluster).receive(response), NOW)


def whole(hub: Hub, cluster: ClusterId, *found: Resource) -> None:
    """All that a cluster reports."""
    for type_url in codec.REPORTS:
        said = found if type_url == codec.EXPORT else ()
        say(hub, cluster, Response(type_url, "1", said, complete=len(said)))


def withdraw(hub: Hub, count: int) -> None:
    say(hub, EAST, Response(codec.EXPORT, "2", removed=tuple(map(str, NAMES[:count]))))


def test_a_fact_is_whole_when_every_member_has_said_everything() -> None:
    hub = hub_of()
    whole(hub, EAST, *exports())
    assert not hub.registry.table.is_complete(codec.SERVICE)
    whole(hub, WEST)
    assert hub.registry.table.is_complete(codec.SERVICE)


def test_the_end_of_the_grace_is_said_once() -> None:
    hub = hub_of()
    assert hub.end_grace()
    assert not hub.end_grace()


def test_whoever_listens_hears_of_what_changes_and_of_nothing_after_leaving() -> None:
    woken: list[int] = []
    hub = Hub(Registry(), lambda: woken.append(1))
    hub.restore("first", 1, MEMBERS, ())
    sender = hub.listen(WEST)
    sender.receive(Request(codec.SERVICE, subscribe=(WILDCARD,)), 0.0)
    assert hub.presence(WEST).streams == 1
    whole(hub, WEST)
    whole(hub, EAST, *exports())
    assert woken
    response = sender.next_response(0.0)
    assert response is not None
    assert len(response.resources) == len(NAMES)
    hub.leave(WEST, sender)
    assert hub.presence(WEST).streams == 0


def test_what_is_held_back_stays_a_fact_and_in_the_store() -> None:
    hub = hub_of()
    whole(hub, EAST, *exports())
    rows = hub.take_unsaved()
    withdraw(hub, 8)
    assert hub.take_unsaved() == ()
    assert hub.registry.count_exports(EAST) == len(NAMES)
    assert "8 exports" in hub.held_back(EAST)
    again = hub_of(rows, 200)
    assert again.registry.count_exports(EAST) == len(NAMES)
    withdraw(again, 8)
    assert "8 exports" in again.held_back(EAST), "the agent says the difference again"


def test_what_a_person_confirms_goes_from_facts_and_store() -> None:
    hub = hub_of()
    whole(hub, EAST, *exports())
    hub.take_unsaved()
    withdraw(hub, 8)
    hub.confirm(EAST, NOW)
    assert hub.registry.count_exports(EAST) == 2
    gone = [row.body for row in hub.take_unsaved() if row.type_url == codec.EXPORT]
    assert gone == [None] * 8
    assert hub.held_back(EAST) == ""


def test_a_revision_is_never_beyond_those_that_the_store_reserved() -> None:
    hub = hub_of()
    hub.reserved = 3
    for response in (Response(codec.EXPORT, "1", (found,)) for found in exports()):
        say(hub, EAST, response)
    assert hub.revision == 3


def test_what_an_agent_says_of_itself_is_known_and_not_stored() -> None:
    hub = hub_of()
    found = Finding("source-unreadable", "", "its folder is empty", 7)
    said = Observation(EAST, findings=(found,))
    body = codec.encode(said)
    say(hub, EAST, Response(codec.OBSERVATION, "1", (resource("east", body),)))
    assert hub.registry.observations.findings(EAST) == (found,)
    assert hub.registry.observations.findings(WEST) == ()
    assert hub.take_unsaved() == ()


def stated(namespaces: tuple[str, ...], **more: tuple[str, ...]) -> Member:
    return replace(MEMBERS[0], namespaces=namespaces, **more)  # type: ignore[arg-type]


def test_what_a_cluster_must_not_say_any_more_goes_at_once_and_unguarded() -> None:
    hub = hub_of()
    whole(hub, EAST, *exports())
    hub.take_unsaved()
    assert hub.set_member(stated(("pay",)))
    assert hub.registry.services() == ()
    assert hub.held_back(EAST) == ""
    assert {row.body for row in hub.take_unsaved()} == {None}


def test_what_is_held_back_goes_with_the_word_that_allowed_it() -> None:
    hub = hub_of()
    whole(hub, EAST, *exports())
    withdraw(hub, 9)
    assert hub.held_back(EAST)
    assert len(hub.registry.services()) == 10
    assert hub.set_member(stated(("pay",)))
    assert hub.registry.services() == ()
    assert hub.held_back(EAST) == ""


def test_a_word_that_allows_the_same_changes_nothing() -> None:
    hub = hub_of()
    whole(hub, EAST, *exports())
    assert not hub.set_member(replace(MEMBERS[0], region="us", anchors=("PEM", "OLD")))
    assert hub.set_member(stated(("shop", "pay")))
    assert len(hub.registry.services()) == 10


def test_a_gateway_outside_of_newly_stated_networks_goes() -> None:
    hub = hub_of()
    found = gateway("10.1.0.1")
    said = resource(found.name, codec.encode(found))
    say(hub, EAST, Response(codec.GATEWAY, "1", (said,)))
    assert hub.set_member(replace(MEMBERS[0], gateway_cidrs=("10.2.0.0/16",)))
    assert hub.registry.gateways(EAST) == ()


def test_a_cluster_that_others_knew_before_this_store_began_is_no_newcomer() -> None:
    for is_awaited, affinity in ((False, "None"), (True, "ClientIP")):
        hub = hub_of()
        whole(hub, EAST, *exports())
        hub.end_grace()
        if is_awaited:
            hub.retained.add(WEST)
        older = export("west", name=NAMES[0], created=1, affinity="ClientIP")
        whole(hub, WEST, resource(str(NAMES[0]), codec.encode(older)))
        (service, _), *_ = hub.registry.services()
        assert service.session_affinity == affinity
        assert all(row.first_seen >= 0 for row in hub.take_unsaved())


def test_a_silenced_cluster_leaves_no_fact_and_no_row_even_of_what_was_held_back() -> None:
    hub = hub_of()
    gate = resource(gateway("10.0.0.1").name, codec.encode(gateway("10.0.0.1")))
    whole(hub, EAST, *exports())
    say(hub, EAST, Response(codec.GATEWAY, "2", (gate,)))
    withdraw(hub, 9)
    hub.take_unsaved()
    assert hub.held_back(EAST)
    hub.silence(EAST)
    assert hub.registry.services() == ()
    assert hub.registry.gateways(EAST) == ()
    gone = {(row.type_url, row.name) for row in hub.take_unsaved() if row.body is None}
    assert gone == {(codec.EXPORT, str(n)) for n in NAMES} | {(codec.GATEWAY, gate.name)}
    assert not hub.held_back(EAST)
    assert not hub.receiver(EAST).held(codec.EXPORT)


def test_when_a_silenced_cluster_was_heard_last_stays_known_until_it_is_forgotten() -> None:
    hub = hub_of()
    hub.presence(EAST).last_seen = 7.0
    hub.silence(EAST)
    hub.silence(EAST)
    assert hub.presence(EAST).silent(9.0) is None, "it counts for nothing"
    assert hub.presence(EAST).last_heard(9.0) == 2.0
    hub.remove_member(EAST)
    assert hub.presence(EAST).last_heard(9.0) is None


def test_a_revoked_cluster_is_told_as_a_bundle_without_anchors_also_after_a_restart() -> None:
    for hub in (hub_of(), Hub(Registry())):
        revoked = replace(MEMBERS[0], anchors=(), revoked=True)
        hub.restore("first", 1, (revoked, MEMBERS[1]), ())
        bundle = hub.registry.table.get(codec.BUNDLE, "east.mesh.test")
        assert bundle is not None
        assert codec.decode(Bundle, bundle.body).anchors == ()
        assert hub.registry.table.get(codec.CLUSTER, "east") is None
        whole(hub, WEST)
        assert hub.registry.table.is_complete(codec.SERVICE), "nobody waits for it"


def test_a_cluster_that_has_left_is_in_no_fact() -> None:
    hub = hub_of()
    whole(hub, EAST, *exports())
    hub.remove_member(EAST)
    assert EAST not in hub.registry.members
    table = hub.registry.table
    assert list(table.names(codec.BUNDLE)) == ["west.mesh.test"]
    assert list(table.names(codec.CLUSTER)) == ["west"]
    assert not list(table.names(codec.SERVICE))


def test_agents_that_take_turns_are_told_of() -> None:
    presence = hub_of().presence(EAST)
    for second in range(3):
        presence.take_turn(NOW + second)
    assert presence.flapping(NOW + 3) == "", "a link that breaks makes an agent follow itself"
    presence.take_turn(NOW + 3)
    assert "copies of one state folder" in presence.flapping(NOW + 3)
    assert presence.flapping(NOW + 63) == ""


def test_listeners_that_are_told_the_same_share_it() -> None:
    hub = hub_of()
    whole(hub, EAST, *exports())
    whole(hub, WEST)
    found = []
    for cluster in (EAST, WEST):
        sender = hub.listen(cluster)
        sender.receive(Request(codec.SERVICE, subscribe=(WILDCARD,)), 0.0)
        found.append(sender.next_response(0.0))
    first, second = found
    assert first is not None
    assert second is not None
    assert len(first.resources) == len(NAMES)
    assert first.resources is second.resources
