"""A proxy is ready when it listens everywhere, and asks again for what is missing."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from federation.model.errors import PeerBroke
from federation.model.proxies import NO_LISTENER, Nack
from federation.model.types import CLUSTER, LISTENER
from federation.supervisor.kept_admin import KeptAdmin
from federation.supervisor.listeners import (
    AGAIN_SECONDS,
    LONGEST_AGAIN_SECONDS,
    Listeners,
    read_listening,
)
from federation.xds.messages import Request
from federation.xds.resources import resource
from federation.xds.rules import Rule
from federation.xds.sender import Sender
from federation.xds.snapshot import Table

TAKEN = "outbound: cannot bind '127.0.0.1:15001': Address already in use"
UPSTREAM = "up~127.0.0.9:22"
HAS = b'{"listener_statuses": [{"name": "outbound", "local_address": {}}, {"name": "inbound"}]}'


class Relay:
    """What Envoy was sent and has answered."""

    def __init__(self, **answers: str) -> None:
        self.answers = dict(answers)
        self.wanted = set(answers)
        self.again: list[tuple[str, ...]] = []

    def names(self, _: str) -> Iterable[str]:
        return self.wanted

    def answered(self, _: str) -> Mapping[str, str]:
        return self.answers

    def send_again(self, _: str, names: Iterable[str]) -> None:
        self.again.append(tuple(names))


def listeners(relay: Relay, *, is_gateway: bool = False) -> Listeners:
    return Listeners(KeptAdmin(Path("admin.sock")), relay, is_gateway=is_gateway)


def test_envoys_list_is_read_and_rubbish_is_its_fault() -> None:
    assert read_listening(HAS) == {"outbound", "inbound"}
    assert read_listening(b"{}") == frozenset()
    with pytest.raises(PeerBroke):
        read_listening(b"no")


def test_a_proxy_is_ready_when_it_listens_everywhere() -> None:
    found = listeners(Relay(outbound="", inbound=""))
    assert not found.are_there(), "nobody has looked yet"
    found.take(frozenset({"outbound", "inbound", "measure"}), 0.0)
    assert found.are_there()
    assert not list(found.problems())
    found.start_over()
    assert not found.are_there()


def test_a_port_that_is_taken_is_told_and_asked_for_until_it_is_free() -> None:
    relay = Relay(outbound=TAKEN, inbound="")
    found = listeners(relay)
    found.take(frozenset({"inbound"}), 0.0)
    assert not found.are_there()
    assert list(found.problems()) == [Nack(NO_LISTENER, "outbound", TAKEN)]
    assert not relay.again
    found.take(frozenset({"inbound"}), AGAIN_SECONDS)
    assert relay.again == [("outbound",)]
    relay.answers = {"inbound": ""}  # on its way
    found.take(frozenset({"inbound"}), AGAIN_SECONDS + 0.1)
    assert list(found.problems()) == [Nack(NO_LISTENER, "outbound", TAKEN)], "it does not flap"
    relay.answers = {"inbound": "", "outbound": ""}
    found.take(frozenset({"inbound", "outbound"}), AGAIN_SECONDS + 0.2)
    assert found.are_there()
    assert not list(found.problems())


def test_the_pauses_grow_up_to_a_bound() -> None:
    relay = Relay(outbound=TAKEN)
    found = listeners(relay)
    times, before = list[int](), 0
    for second in range(60):
        found.take(frozenset(), float(second))
        if len(relay.again) > before:
            times.append(second)
        before = len(relay.again)
    assert times[:3] == [1, 3, 7]
    assert {b - a for a, b in pairwise(times[3:])} == {LONGEST_AGAIN_SECONDS}


def test_what_envoy_has_just_taken_may_be_warming() -> None:
    relay = Relay(outbound="", inbound="")
    found = listeners(relay)
    found.take(frozenset({"outbound"}), 0.0)
    assert found.are_there()
    found.take(frozenset({"outbound"}), 1.0)
    assert not found.are_there(), "a second later it is not there, whatever Envoy has answered"
    found.take(frozenset({"outbound"}), 2.0)
    assert relay.again == [("inbound",)]


def test_what_envoy_itself_refuses_is_missing_but_not_sent_again() -> None:
    relay = Relay(outbound="outbound: no such field")
    found = listeners(relay)
    for second in range(30):
        found.take(frozenset(), float(second))
    assert not found.are_there()
    assert not relay.again


def test_an_address_that_came_later_replaces_the_listener_at_the_old_one() -> None:
    relay = Relay(
        outbound="outbound: cannot bind '10.0.0.9:15001': Cannot assign requested address"
    )
    found = listeners(relay)
    for second in range(2):
        found.take(frozenset({"outbound"}), float(second))
    assert found.are_there()
    assert relay.again == [("outbound",)]


def test_what_is_not_wanted_any_more_is_not_missing() -> None:
    relay = Relay(outbound=TAKEN)
    found = listeners(relay)
    found.take(frozenset(), 0.0)
    relay.wanted = set()
    relay.answers = {}
    found.take(frozenset(), 1.0)
    assert found.are_there()
    assert not relay.again


@pytest.mark.parametrize(("is_gateway", "ready"), [(True, True), (False, False)])
def test_a_service_at_a_gateway_takes_nothing_else_away(is_gateway: bool, ready: bool) -> None:
    """Who exports port 22 must not take the gateways of all clusters away."""
    why = "cannot bind '127.0.0.9:22': Address already in use"
    relay = Relay(**{UPSTREAM: why, "east-west": ""})
    found = listeners(relay, is_gateway=is_gateway)
    found.take(frozenset({"east-west"}), 0.0)
    assert found.are_there() == ready
    assert list(found.problems()) == [Nack(NO_LISTENER, "127.0.0.9:22", why)]


def test_a_missing_listener_is_told_once_and_not_as_a_refused_resource_too() -> None:
    relay = Relay(outbound=TAKEN)
    found = listeners(relay)
    found.take(frozenset(), 0.0)
    other = Nack(CLUSTER, "outbound", "no such field")
    assert list(found.others([Nack(LISTENER, "outbound", TAKEN), other])) == [other]


def test_the_sender_sends_a_refused_version_again_only_when_told_to() -> None:
    table = Table()
    table.mark_complete(LISTENER)
    table.put(LISTENER, resource("outbound", b"one"))
    sender = Sender(table, [Rule(LISTENER)], marks=False)
    sender.receive(Request(LISTENER), 0.0)
    first = sender.next_response(0.0)
    assert first is not None
    assert sender.answered(LISTENER) == {}
    sender.receive(Request(LISTENER, nonce=first.nonce, error=TAKEN), 0.0)
    assert sender.answered(LISTENER) == {"outbound": TAKEN}
    sender.touch(LISTENER, "outbound")
    assert sender.next_response(0.0) is None
    sender.send_again(LISTENER, ["outbound", "other"])
    again = sender.next_response(0.0)
    assert again is not None
    assert [r.name for r in again.resources] == ["outbound"]
    sender.receive(Request(LISTENER, nonce=again.nonce), 0.0)
    assert sender.answered(LISTENER) == {"outbound": ""}
    assert sender.next_response(0.0) is None
    sender.send_again(LISTENER, ["outbound"])
    lost = sender.next_response(0.0)
    assert lost is not None, "what it took and has lost since"
    assert [r.name for r in lost.resources] == ["outbound"]
