"""Who is heard, by time alone."""

from cluster_agent.health.presence import Presence
from federation.model.proxies import Kind, Node
from federation.planning.liveness import SILENT_SECONDS

ONE, TWO = Node(Kind.SIDECAR, "shop/api-1"), Node(Kind.GATEWAY, "gw")


def test_who_says_nothing_for_10_s_is_silent_until_it_speaks() -> None:
    presence = Presence()
    presence.record(ONE, 0.0)
    presence.record(TWO, 5.0)
    assert presence.silent(SILENT_SECONDS - 0.1) == frozenset()
    assert presence.silent(SILENT_SECONDS) == {ONE}
    assert not presence.is_heard(ONE, SILENT_SECONDS)
    presence.record(ONE, 12.0)
    assert presence.silent(12.0) == frozenset()


def test_who_is_forgotten_or_was_never_heard_is_not_silent() -> None:
    presence = Presence()
    presence.record(ONE, 0.0)
    presence.forget(ONE)
    presence.forget(TWO)
    assert presence.silent(100.0) == frozenset()
    assert not presence.is_heard(TWO, 0.0)


def test_a_gateway_with_entry_is_the_same_as_without() -> None:
    assert Node(Kind.GATEWAY, "gw", has_entry=True) == TWO
    assert str(TWO) == "gateway gw"
