"""Memory is what the store has, whatever is slow, whoever writes, and however often it starts."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from federation.controller.effects import effects
from federation.controller.facts.registry import Registry
from federation.controller.intent.apply_intent import ApplyIntent
from federation.controller.member import Member
from federation.controller.membership.members import Members
from federation.controller.membership.records import MEMBERS
from federation.controller.sessions import Sessions
from federation.controller.store.store import Changed, Entry, Listing
from federation.controller.trust.authority import Authority, open_authority
from federation.model.errors import Conflict, NotReady
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.runtime.loops import running
from federation.runtime.tasks import cancel, start
from federation.wire import codec
from tests.unit.fakes.fake_store import FakeStore

CLUSTERS = ("east", "west")
KEPT_CHANGES = 1
"""So few that who follows slowly misses some, and must compare."""
LONGEST_PAUSE = 6


class Halting(FakeStore):
    """A store in which everything takes a while: before it is done, and before it is told."""

    def __init__(self, pauses: list[int]) -> None:
        super().__init__(kept_changes=KEPT_CHANGES)
        self._pauses = pauses
        self._calls = 0

    async def halt(self) -> None:
        self._calls += 1
        for _ in range(self._pauses[self._calls % len(self._pauses)]):
            await asyncio.sleep(0)

    async def read(self, key: str) -> Entry | None:
        await self.halt()
        found = await super().read(key)
        await self.halt()
        return found

    async def read_all(self, prefix: str) -> Listing:
        await self.halt()
        found = await super().read_all(prefix)
        await self.halt()
        return found

    async def write(self, key: str, value: bytes, expected: int) -> int:
        await self.halt()
        revision = await super().write(key, value, expected)
        await self.halt()
        return revision

    async def delete(self, key: str, expected: int) -> int:
        await self.halt()
        revision = await super().delete(key, expected)
        await self.halt()
        return revision

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Changed]:
        async for change in super().watch(prefix, after):
            await self.halt()
            yield change


@cache
def an_authority() -> Authority:
    """The same for all: nobody joins."""
    with tempfile.TemporaryDirectory() as folder:
        return open_authority(Path(folder), "mesh.test", ["127.0.0.1"], utc_now())


class Life:
    """A controller from its start to its end."""

    def __init__(self, store: Halting, authority: Authority) -> None:
        self.sessions = Sessions(Registry(), store)
        self.intent = ApplyIntent(store, effects(self.sessions))
        url = "https://127.0.0.1:8443"
        self.members = Members(store, authority, "mesh.test", url, self.intent.in_effect)
        self.newest: Counter[str] = Counter()

    async def do(self, step: tuple[str, str, str]) -> None:
        """One call; when it returns, what it wrote is in memory, or something newer."""
        name, cluster, region = step[0], ClusterId(step[1]), step[2]
        match name:
            case "state":
                revision = (await self.members.state(Member(cluster, "", region))).revision
            case "look":
                revision = (await self.members.drop_ended(cluster, 0.0)).revision
            case "revoke":
                revision = (await self.members.revoke(cluster)).revision
            case "leave":
                revision = (await self.members.begin_leaving(cluster)).revision
            case _:
                await self.members.remove(cluster)
                return
        assert self.intent.revision >= revision
        held = self.sessions.registry.members.get(cluster)
        assert held is None or held.revision >= revision

    async def act(self, steps: list[tuple[str, str, str]]) -> None:
        """One caller after whose calls come others; refusals are answers, too."""
        while steps:
            with suppress(Conflict, NotReady):
                await self.do(steps.pop(0))
            self.look_back()

    def look_back(self) -> None:
        """Nothing that was in memory is followed by something older."""
        for cluster, member in self.sessions.registry.members.items():
            assert member.revision >= self.newest[cluster]
            self.newest[cluster] = member.revision


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("state", "remove", "look", "revoke", "leave")),
        st.sampled_from(CLUSTERS),
        st.sampled_from(("eu", "us", "ap")),
    ),
    max_size=6,
)
LIVES = st.lists(
    st.tuples(st.lists(STEPS, min_size=1, max_size=4), st.integers(0, 60)), min_size=1, max_size=3
)
"""For each life of the controller its callers, and after how many moments it is killed."""
PAUSES = st.lists(st.integers(0, LONGEST_PAUSE), min_size=1, max_size=12)


async def live(lives: list[tuple[list[list[tuple[str, str, str]]], int]], store: Halting) -> None:
    for number, (callers, moments) in enumerate(lives):
        life = Life(store, an_authority())
        await life.intent.load()
        async with running([life.intent.loop]):
            acting = [start(life.act(list(steps)), "caller") for steps in callers]
            if number < len(lives) - 1:  # it is killed in the middle of what it does
                for _ in range(moments):
                    await asyncio.sleep(0)
                    life.look_back()
                for task in acting:
                    await cancel(task)
                continue
            for task in acting:
                await task
            await life.intent.in_effect((await store.read_all("")).revision)
            check_agrees(life, store)


def check_agrees(life: Life, store: FakeStore) -> None:
    """What is in memory, and told to others, is what the store has."""
    entries = [e for key, e in store.intent.items() if key.startswith(MEMBERS.prefix)]
    stored = {member.id: member for member in map(MEMBERS.decode, entries)}
    held = life.sessions.registry.members
    assert held == stored
    assert {c: m.revision for c, m in held.items()} == {c: m.revision for c, m in stored.items()}
    told = set(life.sessions.registry.table.names(codec.CLUSTER))
    assert told == {str(c) for c, m in stored.items() if not m.revoked}


@given(LIVES, PAUSES)
@settings(max_examples=100, deadline=None)
def test_memory_is_the_store_in_the_end(
    lives: list[tuple[list[list[tuple[str, str, str]]], int]], pauses: list[int]
) -> None:
    asyncio.run(live(lives, Halting(pauses)))
    assert lives
