"""A turn handles each dirty service once, in slices, and one that fails holds up no other."""

import asyncio

import pytest

from cluster_agent import turns
from cluster_agent.snapshot.tables import Changed
from cluster_agent.turns import Turns
from federation.model.names import ServiceName

API, WEB = ServiceName("shop", "api"), ServiceName("shop", "web")


class World:
    """What was handled, published and finished."""

    def __init__(self) -> None:
        self.needed = asyncio.Event()
        self.handled: list[ServiceName] = []
        self.published: list[list[Changed]] = []
        self.finished: list[list[Changed]] = []
        self.broken: set[ServiceName] = set()
        self.turns = Turns(self.needed, self.handle, self.published.append, self.finished.append)

    def handle(self, name: ServiceName, _now: float) -> list[Changed]:
        self.handled.append(name)
        if name in self.broken:
            raise ValueError("broken")
        return [Changed("t", "type", str(name))]


async def test_a_service_that_was_marked_twice_is_handled_once() -> None:
    world = World()
    world.turns.mark(frozenset())
    assert not world.needed.is_set()
    world.turns.mark({API})
    world.turns.mark({API, WEB})
    assert world.needed.is_set()
    await world.turns.run()
    assert sorted(world.handled) == [API, WEB]
    (finished,) = world.finished
    assert sorted(c.name for c in finished) == ["shop/api", "shop/web"]
    await world.turns.run()
    assert sorted(world.handled) == [API, WEB]


async def test_one_that_fails_stays_dirty_and_the_others_have_their_turn() -> None:
    world = World()
    world.broken = {API}
    world.turns.mark({API, WEB})
    with pytest.raises(ValueError, match="broken") as caught:
        await world.turns.run()
    assert caught.value.__notes__ == ["while handling service shop/api"]
    assert [c.name for c in world.finished[0]] == ["shop/web"]
    world.broken.clear()
    await world.turns.run()
    assert world.handled.count(API) == 2
    assert world.handled.count(WEB) == 1


async def test_a_long_turn_is_published_in_slices_and_lets_others_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SLICE_SECONDS", -1.0)
    world = World()
    world.turns.mark({API, WEB})
    await world.turns.run()
    assert [len(part) for part in world.published] == [1, 1]
    assert world.finished == [[]]
