"""What this agent saw go is told, and taken back when it is there again."""

import pytest

from cluster_agent.observe.service import VALID, Observed
from cluster_agent.report import tombstones as module
from cluster_agent.report.tombstones import KEPT_SECONDS, Tombstones
from federation.model.exports import Tombstone
from federation.model.names import ClusterId, ServiceName
from federation.wire import codec
from federation.xds.snapshot import Table
from tests.unit.builders import API, backend, export

EAST = ClusterId("east")
NOTHING = Observed(None, None, None, None)


def there(ready: int = 1) -> Observed:
    return Observed(export("east"), backend("east", ready=ready), None, VALID)


class World:
    def __init__(self) -> None:
        self.table = Table()
        self.tombstones = Tombstones(EAST, self.table)

    def record(
        self, before: Observed | None, after: Observed, *, live: bool = True, now: float = 0.0
    ) -> Tombstone | None:
        self.tombstones.record(API, before, after, now, live=live)
        found = self.table.get(codec.TOMBSTONE, str(API))
        return codec.decode(Tombstone, found.body) if found is not None else None


def test_an_export_that_was_seen_to_go_is_told_with_its_endpoints() -> None:
    assert World().record(there(), NOTHING) == Tombstone(API, EAST, export=True, endpoints=True)


def test_the_last_ready_endpoint_that_was_seen_to_go_is_told() -> None:
    assert World().record(there(), there(0)) == Tombstone(API, EAST, endpoints=True)
    assert World().record(there(2), there(1)) is None


def test_what_nobody_saw_go_is_not_told() -> None:
    assert World().record(there(), NOTHING, live=False) is None
    assert World().record(None, NOTHING) is None, "after a start there is nothing to compare with"
    assert World().record(None, there(0)) is None


def test_what_is_back_is_taken_back_whoever_saw_it() -> None:
    world = World()
    world.record(there(), NOTHING)
    assert world.record(NOTHING, there(0), live=False) == Tombstone(API, EAST, endpoints=True)
    assert world.record(there(0), there(1), live=False) is None


def test_it_is_told_for_an_hour() -> None:
    world = World()
    assert world.tombstones.due() is None
    world.record(there(), NOTHING, now=5.0)
    assert world.tombstones.due() == 5.0 + KEPT_SECONDS
    assert world.tombstones.tick(4.0 + KEPT_SECONDS) == ()
    assert world.tombstones.tick(5.0 + KEPT_SECONDS) == (API,)
    assert list(world.table.names(codec.TOMBSTONE)) == []


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    world = World()
    names = [ServiceName("shop", f"s{n}") for n in range(3)]
    touched = [world.tombstones.record(n, there(), NOTHING, 0.0, live=True) for n in names]
    assert touched[-1] == (names[2], names[0])
    assert sorted(world.table.names(codec.TOMBSTONE)) == ["shop/s1", "shop/s2"]
