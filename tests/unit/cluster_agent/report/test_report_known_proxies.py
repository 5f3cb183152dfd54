"""What is told of proxies: only changes, few at a time, and no more than there is room for."""

from dataclasses import dataclass, field, replace

import pytest

from cluster_agent.report import known_proxies
from cluster_agent.report.known_proxies import (
    AT_ONCE,
    CERTIFICATE_SECONDS,
    LEFT_SECONDS,
    LONGEST_SECONDS,
    SETTLED_SECONDS,
    KnownProxies,
)
from federation.model.proxies import Kind, KnownProxy, Nack, Node, Proxy, State
from federation.wire import codec
from federation.wire.codec.known_proxies import MAX_PROXIES
from federation.xds.snapshot import Table

API = Proxy("shop/api", Kind.SIDECAR, State.SERVING, "127.0.0.1", 15006, certificate_ends=100)
KEPT = 3_600.0


def sidecar(number: int) -> Proxy:
    return replace(API, id=f"shop/api-{number}")


def node_of(proxy: Proxy) -> Node:
    return Node(proxy.kind, proxy.id)


@dataclass
class World:
    """The list, who is there, and what the controller would be told."""

    table: Table = field(default_factory=Table)
    alive: set[Node] = field(default_factory=set)
    kept: float = KEPT

    def __post_init__(self) -> None:
        self.known = KnownProxies(self.table)

    def come(self, *proxies: Proxy) -> None:
        for proxy in proxies:
            self.alive.add(node_of(proxy))
            self.known.record(proxy)

    def go(self, *proxies: Proxy) -> None:
        for proxy in proxies:
            self.alive.discard(node_of(proxy))
            self.known.note(node_of(proxy))

    def turn(self, now: float) -> tuple[str, ...]:
        return self.known.turn(now, self.alive.__contains__, lambda _: self.kept)

    def told(self, proxy: Proxy) -> KnownProxy | None:
        found = self.table.get(codec.KNOWN_PROXY, f"{proxy.kind}/{proxy.id}")
        return codec.decode(KnownProxy, found.body) if found is not None else None

    def names(self) -> set[str]:
        return set(self.table.names(codec.KNOWN_PROXY))


def test_a_proxy_is_told_of_once_and_again_when_it_changes() -> None:
    world = World()
    world.come(replace(API, version="0.1.0"))
    assert world.turn(1) == ("sidecar/shop/api",)
    expected = KnownProxy(Kind.SIDECAR, "shop/api", True, State.SERVING, "0.1.0", 100)
    assert world.told(API) == expected
    world.come(replace(API, version="0.1.0", unhealthy=("10.0.0.1",), sees_healthy=True))
    assert world.turn(2) == (), "what it sees of others is no news of itself"
    world.come(replace(API, version="0.1.0", refused=(Nack("t", "n", "why"),)))
    assert world.turn(3) == ("sidecar/shop/api",)
    assert world.told(API) == replace(expected, refused=(Nack("t", "n", "why"),))


def test_one_that_went_is_told_as_not_connected_and_one_that_comes_back_as_connected() -> None:
    world = World()
    world.come(API)
    world.turn(1)
    world.go(API)
    assert world.turn(2) == ("sidecar/shop/api",)
    gone = world.told(API)
    assert gone is not None
    assert not gone.connected
    world.come(API)  # and says what it said before
    world.turn(3)
    back = world.told(API)
    assert back is not None
    assert back.connected


def test_one_that_comes_back_between_two_turns_is_no_news() -> None:
    world = World()
    many = [sidecar(n) for n in range(AT_ONCE)]
    world.come(*many)
    assert len(world.turn(1)) == AT_ONCE
    world.go(*many)
    world.come(*many)
    assert world.turn(2) == ()


def test_of_many_that_come_at_once_only_so_many_are_told_in_a_turn() -> None:
    world = World()
    world.come(*(sidecar(n) for n in range(2 * AT_ONCE + 1)))
    assert [len(world.turn(now)) for now in (1, 2, 3, 4)] == [AT_ONCE, AT_ONCE, 1, 0]


def test_another_certificate_waits_and_goes_along_with_what_does_not() -> None:
    world = World()
    world.come(API, sidecar(1))
    world.turn(1)
    renewed = replace(API, certificate_ends=200)
    world.come(renewed, replace(sidecar(1), certificate_ends=200))
    assert world.turn(2) == ()
    assert world.turn(1 + CERTIFICATE_SECONDS) == ()
    world.come(replace(sidecar(1), certificate_ends=300))
    assert set(world.turn(2 + CERTIFICATE_SECONDS)) == {"sidecar/shop/api", "sidecar/shop/api-1"}
    newest = world.told(sidecar(1))
    assert newest is not None
    assert newest.certificate_ends == 300
    world.come(replace(API, certificate_ends=400))
    world.come(replace(API, certificate_ends=400, state=State.DRAINING))
    assert world.turn(40) == ("sidecar/shop/api",)
    assert world.turn(40 + 2 * CERTIFICATE_SECONDS) == ()


def test_one_that_stays_away_is_forgotten_after_an_hour_and_one_that_left_earlier() -> None:
    world = World()
    world.come(API, replace(sidecar(1), state=State.STOPPED))
    world.turn(0)
    world.go(API, sidecar(1))
    world.turn(1)
    assert world.turn(LEFT_SECONDS) == ()
    assert world.turn(1 + LEFT_SECONDS) == ("sidecar/shop/api-1",)
    assert world.turn(KEPT) == ()
    assert world.turn(1 + KEPT) == ("sidecar/shop/api",)
    assert world.names() == set()
    world.come(API)
    assert world.turn(2 + KEPT) == ("sidecar/shop/api",)


def test_what_a_stranger_left_is_forgotten_when_it_is_kept_for_no_longer() -> None:
    world = World(kept=5)
    world.come(API)
    world.turn(0)
    world.go(API)
    world.turn(1)
    assert world.turn(6) == ("sidecar/shop/api",)
    world.known.note(node_of(API))
    assert world.turn(7) == (), "nothing is known of it"


def test_those_that_are_connected_have_room_before_those_that_went() -> None:
    world = World()
    world.come(*(sidecar(n) for n in range(MAX_PROXIES + 2)))
    for now in range(MAX_PROXIES // AT_ONCE + 1):
        world.turn(now)
    assert len(world.names()) == MAX_PROXIES
    assert len(world.known.untold) == 2
    world.go(sidecar(0), sidecar(1))
    world.turn(20)
    world.turn(21)
    assert len(world.names()) == MAX_PROXIES
    assert world.known.untold == set()
    assert world.told(sidecar(0)) is None
    last = world.told(sidecar(MAX_PROXIES + 1))
    assert last is not None
    assert last.connected


def test_one_that_goes_and_had_no_room_leaves_nothing_behind() -> None:
    world = World()
    world.come(*(sidecar(n) for n in range(MAX_PROXIES + 1)))
    for now in range(MAX_PROXIES // AT_ONCE + 1):
        world.turn(now)
    (untold,) = world.known.untold
    world.go(replace(API, id=untold.id))
    assert world.turn(20) == ()
    assert world.known.untold == set()
    assert len(world.names()) == MAX_PROXIES


def test_when_bytes_are_short_reasons_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_proxies, "MAX_BYTES", 300)
    world = World()
    bad = (Nack("t", "n", "why " * 40),)
    world.come(*(replace(sidecar(n), refused=bad) for n in range(20)))
    world.turn(1)
    told = [found for n in range(20) if (found := world.told(sidecar(n))) is not None]
    sizes = [len(codec.encode(found)) for found in told]
    assert sum(sizes) <= 300
    assert [bool(found.refused) for found in told] == [True] + [False] * (len(told) - 1)
    assert len(told) > 1
    assert len(world.known.untold) == 20 - len(told)


def test_these_are_all_once_none_has_come_for_a_while() -> None:
    world = World()
    assert not world.known.settle(0), "nothing was looked at yet"
    world.turn(0)
    world.turn(2)
    assert not world.known.settle(2)
    world.come(API)
    world.turn(2.5)
    assert not world.known.settle(2 + SETTLED_SECONDS)
    world.turn(2.5 + SETTLED_SECONDS)
    assert world.known.settle(2.5 + SETTLED_SECONDS)
    assert world.table.is_complete(codec.KNOWN_PROXY)
    assert not world.known.settle(100), "that is no news"


def test_those_that_never_stop_coming_are_not_waited_for_for_ever() -> None:
    world = World()
    for second in range(int(LONGEST_SECONDS) + 1):
        world.come(sidecar(second))
        world.turn(second)
        assert world.known.settle(second) == (second == LONGEST_SECONDS)
