"""The one way from intent in the store to the facts in memory: every change, in the store's order.

In: changes of documents, as the store is watched. Out: calls of those who make facts of them
(`Effect`). A revision that is not higher than the last one taken is passed over, and a deletion has
a revision like a writing, so nothing older ever replaces something newer, however slow a disk is.
Whoever wrote waits until his revision was taken (`in_effect`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, cast

from federation.controller.intent.documents import Changed, Kind, Value, watch
from federation.controller.store.store import Entry, IntentStore, Listing
from federation.model.errors import Failed, NotReady
from federation.runtime.loops import Loop

IN_EFFECT_SECONDS = 5.0
"""How long a call waits for the effect of what it wrote; then it says that there is none yet."""
LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Effect(Generic[Value]):
    """What the documents of a kind do: all that there are at the start, one that was written, gone.

    `put` and `remove` are asked again when they raise, so what they did before must do no harm.
    """

    kind: Kind[Value]
    load: Callable[[tuple[Value, ...]], Awaitable[None]]
    put: Callable[[Value], None]
    remove: Callable[[str], None]


class ApplyIntent:
    """Takes the changes of all kinds that have an effect; `revision` is the last one taken."""

    def __init__(self, store: IntentStore, effects: Iterable[Effect[Any]]) -> None:
        self._store = store
        self._effects = {effect.kind.prefix: effect for effect in effects}
        self._known: dict[str, set[str]] = {prefix: set() for prefix in self._effects}
        self._moved = asyncio.Event()
        self.revision = 0
        self.loop = Loop(
            "intent",
            self._follow,
            says="intent is not taken from the store",
            longest_pause=LONGEST_PAUSE,
            explained=(Failed,),
        )

    async def load(self) -> None:
        """Take all that the store has, at the start."""
        found = await self._store.read_all("")
        for prefix, effect in self._effects.items():
            entries = _of(prefix, found)
            await effect.load(tuple(map(effect.kind.decode, entries.values())))
            self._known[prefix] = set(entries)
        self._stand_at(found.revision)

    async def in_effect(self, revision: int) -> None:
        """Wait until a revision was taken; raises Failed when it takes too long."""
        try:
            async with asyncio.timeout(IN_EFFECT_SECONDS):
                while self.revision < revision:
                    await self._moved.wait()
        except TimeoutError:
            why = self.loop.trouble or "the controller is busy"
            raise Failed(
                f"this is written, at revision {revision}, but has no effect after "
                f"{IN_EFFECT_SECONDS:g} s: {why}; it will have when fedctl status shows no trouble"
            ) from None

    async def _follow(self) -> None:
        """Take every change, for ever."""
        kinds = [effect.kind for effect in self._effects.values()]
        try:
            async with aclosing(cast(Any, watch(self._store, kinds, self.revision))) as changes:
                async for change in changes:
                    self.loop.works()
                    self._take(change)
        except NotReady:
            await self.catch_up()

    def _take(self, change: Changed) -> None:
        if change.revision > self.revision:
            if change.kind is not None:
                self._apply(change.kind, change.name, change.value)
            self._stand_at(change.revision)

    def _apply(self, kind: Kind[Any], name: str, value: Any) -> None:
        """Take one document, or that it is gone (None)."""
        effect, known = self._effects[kind.prefix], self._known[kind.prefix]
        if value is not None:
            effect.put(value)
            known.add(name)
        elif name in known:
            effect.remove(name)
            known.discard(name)

    async def catch_up(self) -> None:
        """Take what there is now, and let go what is not there any more: changes were missed."""
        found = await self._store.read_all("")
        for prefix, effect in self._effects.items():
            entries = _of(prefix, found)
            for name in sorted(self._known[prefix] - entries.keys()):
                self._apply(effect.kind, name, None)
            for name, entry in entries.items():
                if entry.revision > self.revision:
                    self._apply(effect.kind, name, effect.kind.decode(entry))
        self._stand_at(found.revision)

    def _stand_at(self, revision: int) -> None:
        self.revision = max(self.revision, revision)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _of(prefix: str, listing: Listing) -> dict[str, Entry]:
    """The entries of a kind, by name."""
    found = listing.entries.items()
    return {k.removeprefix(prefix): entry for k, entry in found if k.startswith(prefix)}
