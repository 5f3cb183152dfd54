"""A cluster that loses most of itself at once: others keep what they knew until one says so."""

from federation.controller.admission.withdrawals import Withdrawals
from federation.model.exports import Backend, ServiceType, Tombstone
from federation.model.names import ClusterId, ServiceName
from federation.wire import codec
from federation.wire.codec.headless import decode_headless, encode_headless
from federation.xds.held_type import Change
from federation.xds.messages import Response
from federation.xds.receiver import Receiver
from federation.xds.resources import Resource, resource
from tests.unit.builders import backend, export, headless

EAST = ClusterId("east")
NAMES = tuple(ServiceName("shop", f"s{n}") for n in range(10))
ALL = tuple(map(str, NAMES))


def export_of(name: ServiceName) -> Resource:
    """The export of a service; the first is headless."""
    found = ServiceType.HEADLESS if name == NAMES[0] else ServiceType.CLUSTERSET_IP
    return resource(str(name), codec.encode(export("east", name=name, type=found)))


def backend_of(name: ServiceName, ready: int = 2) -> Resource:
    return resource(str(name), codec.encode(backend("east", ready=ready, name=name)))


def seen(name: ServiceName, *, exported: bool = False, endpoints: bool = False) -> Resource:
    return resource(str(name), codec.encode(Tombstone(name, EAST, exported, endpoints)))


def named(*addresses: str) -> Resource:
    """The endpoints of the first service, which is headless."""
    return resource(ALL[0], encode_headless(headless("east", *addresses, name=NAMES[0])))


class East:
    """A cluster with ten services, and what others hear of it."""

    def __init__(self) -> None:
        self.receiver = Receiver("controller", codec.REPORTS, codec.read)
        self.withdrawals = Withdrawals(self.receiver)
        self.now = 1_000_000.0
        self.known: dict[tuple[str, str], Resource] = {}
        self.say(codec.BACKEND, *map(backend_of, NAMES))
        self.say(codec.EXPORT, *map(export_of, NAMES))

    def say(self, type_url: str, *found: Resource, removed: tuple[str, ...] = ()) -> None:
        self.now += 0.1
        received = self.receiver.receive(Response(type_url, "n", found, removed))
        self.hear(self.withdrawals.take(received.changes, self.now))

    def hear(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            if change.resource is None:
                self.known.pop((change.type_url, change.name), None)
            else:
                self.known[change.type_url, change.name] = change.resource

    @property
    def addresses(self) -> list[str]:
        """The endpoints of the first service, as others know them."""
        found = self.known.get((codec.HEADLESS, ALL[0]))
        if found is None:
            return []
        return [a for e in decode_headless(found.body).endpoints for a in e.addresses]

    def withdraw(self, *names: str) -> None:
        """As an agent does it: exports first, then what was behind them."""
        self.say(codec.EXPORT, removed=names)
        self.say(codec.BACKEND, removed=names)
        self.say(codec.HEADLESS, removed=names)

    @property
    def exported(self) -> int:
        return sum(type_url == codec.EXPORT for type_url, _ in self.known)

    @property
    def ready(self) -> int:
        bodies = (r.body for (type_url, _), r in self.known.items() if type_url == codec.BACKEND)
        return sum(codec.decode(Backend, body).ready > 0 for body in bodies)

    @property
    def problem(self) -> str:
        return self.withdrawals.problem(EAST)


def test_what_leaves_half_of_a_cluster_is_withdrawn() -> None:
    east = East()
    east.withdraw(*ALL[:5])
    assert (east.exported, east.ready, east.problem) == (5, 5, "")


def test_most_exports_that_vanish_stay_in_force_with_what_is_behind_them() -> None:
    east = East()
    east.withdraw(*ALL[:8])
    assert (east.exported, east.ready) == (10, 10)
    assert "8 exports vanished together at 1970-01-12T13:46:40Z" in east.problem
    assert "fedctl cluster confirm east" in east.problem


def test_what_comes_back_is_not_held_any_more() -> None:
    east = East()
    east.withdraw(*ALL[:8])
    east.say(codec.BACKEND, *(backend_of(n, 5) for n in NAMES))
    east.say(codec.EXPORT, *map(export_of, NAMES))
    assert east.problem == ""
    found = codec.decode(Backend, east.known[codec.BACKEND, ALL[0]].body)
    assert found.ready == 5


def test_what_the_agent_saw_go_is_withdrawn_at_once() -> None:
    east = East()
    east.say(codec.TOMBSTONE, *(seen(n, exported=True) for n in NAMES[:8]))
    east.withdraw(*ALL[:8])
    assert (east.exported, east.ready, east.problem) == (2, 2, "")


def test_that_it_saw_it_may_be_said_later() -> None:
    east = East()
    east.withdraw(*ALL[:8])
    east.say(codec.TOMBSTONE, *(seen(n, exported=True) for n in NAMES[:6]))
    assert (east.exported, east.ready) == (4, 4)
    assert "2 exports vanished" in east.problem


def test_an_old_word_of_what_was_seen_does_not_hold_once_it_is_taken_back() -> None:
    east = East()
    east.say(codec.TOMBSTONE, *(seen(n, exported=True) for n in NAMES[:8]))
    east.say(codec.TOMBSTONE, removed=ALL[:8])
    east.withdraw(*ALL[:8])
    assert east.exported == 10


def test_a_person_may_say_so() -> None:
    east = East()
    east.withdraw(*ALL[:8])
    east.hear(east.withdrawals.confirm())
    assert (east.exported, east.ready, east.problem) == (2, 2, "")
    assert east.withdrawals.confirm() == ()


def test_ready_counts_that_fall_to_zero_together_stay_in_force() -> None:
    east = East()
    east.say(codec.BACKEND, *(backend_of(n, 0) for n in NAMES[:6]))
    assert east.ready == 10
    assert "the ready endpoints of 6 services vanished together" in east.problem
    east.say(codec.BACKEND, backend_of(NAMES[0], 1))
    assert "5 services" in east.problem
    assert codec.decode(Backend, east.known[codec.BACKEND, ALL[0]].body).ready == 1


def test_ready_counts_that_were_seen_to_fall_pass_at_once() -> None:
    east = East()
    east.say(codec.TOMBSTONE, *(seen(n, endpoints=True) for n in NAMES[:9]))
    east.say(codec.BACKEND, *(backend_of(n, 0) for n in NAMES[:9]))
    assert (east.ready, east.problem) == (1, "")


def test_that_endpoints_were_seen_to_go_is_no_word_about_the_export() -> None:
    east = East()
    east.say(codec.TOMBSTONE, *(seen(n, endpoints=True) for n in NAMES[:8]))
    east.withdraw(*ALL[:8])
    assert east.exported == 10


def test_a_single_service_without_endpoints_is_believed() -> None:
    east = East()
    east.withdraw(*ALL[:9])
    east.hear(east.withdrawals.confirm())
    east.say(codec.BACKEND, backend_of(NAMES[9], 0))
    assert (east.ready, east.problem) == (0, "")


def test_a_restart_asks_the_same_question_again() -> None:
    """What is held back stays in the store; the agent says the difference again, and is held."""
    east = East()
    east.withdraw(*ALL[:8])
    stored, east.receiver = east.known, Receiver("controller", codec.REPORTS, codec.read)
    for type_url in codec.REPORTS:
        found = [r for (kind, _), r in stored.items() if kind == type_url]
        east.receiver.restore(type_url, found, None, complete=True)
    east.withdrawals = Withdrawals(east.receiver)
    east.withdrawals.restore(east.receiver.taken_back())
    assert east.problem == ""
    east.withdraw(*ALL[:8])
    assert (east.exported, east.ready) == (10, 10)
    assert "8 exports" in east.problem


def test_a_confirmed_withdrawal_leaves_nothing_that_counts_later() -> None:
    east = East()
    east.withdraw(*ALL[:8])
    east.hear(east.withdrawals.confirm())
    east.withdraw(ALL[8])
    assert (east.exported, east.problem) == (1, "")


def test_the_operators_word_takes_away_what_is_held_back_and_not_allowed() -> None:
    east = East()
    east.say(codec.EXPORT, removed=ALL[:8])
    assert east.withdrawals.problem(EAST)
    gone = east.withdrawals.overrule((), lambda name: name != NAMES[0])
    assert {(c.type_url, c.name) for c in gone} == {
        (codec.EXPORT, ALL[0]),
        (codec.BACKEND, ALL[0]),
        (codec.HEADLESS, ALL[0]),
    }
    assert "7 exports vanished" in east.withdrawals.problem(EAST)


def test_backends_that_go_before_their_exports_wait_for_the_verdict() -> None:
    """So it comes from an agent when its exports are asked for a moment later."""
    east = East()
    east.say(codec.BACKEND, removed=ALL[:8])
    assert east.ready == 10
    east.say(codec.EXPORT, removed=ALL[:8])
    assert (east.exported, east.ready) == (10, 10)
    assert "8 exports vanished" in east.problem
    small = East()
    small.say(codec.BACKEND, removed=ALL[:5])
    small.say(codec.EXPORT, removed=ALL[:5])
    assert (small.exported, small.ready, small.problem) == (5, 5, "")


def test_endpoints_of_a_headless_service_change_at_once_while_there_is_one() -> None:
    east = East()
    east.say(codec.HEADLESS, named("10.0.0.1", "10.0.0.2"))
    assert east.addresses == ["10.0.0.1", "10.0.0.2"]
    east.say(codec.HEADLESS, named("10.0.0.2"))
    assert east.addresses == ["10.0.0.2"]


def test_the_last_endpoint_of_a_headless_service_goes_with_what_is_ready_behind_it() -> None:
    east = East()
    east.say(codec.HEADLESS, named("10.0.0.1"))
    east.say(codec.HEADLESS, named())
    assert east.addresses == ["10.0.0.1"]
    east.say(codec.BACKEND, backend_of(NAMES[0], 0))
    assert east.addresses == []


def test_an_export_takes_its_endpoints_along() -> None:
    east = East()
    east.say(codec.HEADLESS, named("10.0.0.1"))
    east.withdraw(ALL[0])
    assert (codec.HEADLESS, ALL[0]) not in east.known


def test_endpoints_stay_while_their_service_is_held_back_and_go_when_a_person_says_so() -> None:
    east = East()
    east.say(codec.HEADLESS, named("10.0.0.1"))
    east.withdraw(*ALL[:8])
    assert east.addresses == ["10.0.0.1"]
    east.hear(east.withdrawals.confirm())
    assert (codec.HEADLESS, ALL[0]) not in east.known
    assert east.exported == 2


def test_endpoints_stay_while_ready_counts_that_fell_together_are_held_back() -> None:
    east = East()
    east.say(codec.HEADLESS, named("10.0.0.1"))
    east.say(codec.HEADLESS, named())
    east.say(codec.BACKEND, *(backend_of(n, 0) for n in NAMES[:9]))
    assert east.addresses == ["10.0.0.1"]
    east.say(codec.TOMBSTONE, *(seen(n, endpoints=True) for n in NAMES[:9]))
    assert east.addresses == []


def test_a_service_that_has_an_address_now_has_no_endpoints_at_once() -> None:
    east = East()
    east.say(codec.HEADLESS, named("10.0.0.1"))
    east.say(codec.HEADLESS, removed=ALL[:1])
    assert east.addresses == ["10.0.0.1"], "it may come back"
    plain = export("east", name=NAMES[0])
    east.say(codec.EXPORT, resource(ALL[0], codec.encode(plain)))
    assert east.addresses == []
