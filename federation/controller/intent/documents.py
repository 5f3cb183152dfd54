"""Documents in the store: read, written by compare-and-swap, deleted, watched.

A kind says how its documents lie in the store. In: values of the model. Out: values with the
revision at which they were written. Next: `federation.controller.intent.apply_intent`, which takes
every change from the store to the facts; who writes here pushes nothing by hand.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

from federation.controller.store.store import Changed as StoreChange
from federation.controller.store.store import Entry, IntentStore
from federation.model.errors import Conflict

Value = TypeVar("Value")
Change = Callable[[Value | None], Awaitable[Value]]

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Kind(Generic[Value]):
    """How the documents of one kind lie in the store.

    `prefix` is the beginning of their keys, `name_of` the rest. The revision is the store's and not
    among the bytes: `decode` gets it with them.
    """

    name: str
    prefix: str
    name_of: Callable[[Value], str]
    encode: Callable[[Value], bytes]
    decode: Callable[[Entry], Value]


class Document(NamedTuple, Generic[Value]):
    """A value and the store's revision at which it was written."""

    value: Value
    revision: int


class Changed(NamedTuple):
    """A document was written at `revision`, or deleted (`value` is None).

    `kind` is None for keys of other kinds, of which only the revision is of interest.
    """

    kind: Kind[Any] | None
    name: str
    value: Any
    revision: int


async def at_once(revision: int) -> None:
    """Of a kind that has no effect in memory: nothing to wait for."""


class Documents(Generic[Value]):
    """The documents of one kind.

    What is written has its effect when the call returns: `in_effect` waits until a revision has.
    """

    def __init__(
        self,
        store: IntentStore,
        kind: Kind[Value],
        in_effect: Callable[[int], Awaitable[None]] = at_once,
    ) -> None:
        self._store = store
        self._kind = kind
        self.in_effect = in_effect

    async def get(self, name: str) -> Document[Value] | None:
        """The document of this name."""
        entry = await self._store.read(f"{self._kind.prefix}{name}")
        return self._document(entry) if entry is not None else None

    def _document(self, entry: Entry) -> Document[Value]:
        return Document(self._kind.decode(entry), entry.revision)

    async def list(self) -> tuple[Document[Value], ...]:
        """All of them, by name."""
        found = await self._store.read_all(self._kind.prefix)
        return tuple(map(self._document, found.entries.values()))

    async def count(self) -> int:
        """How many there are; reads none of them."""
        return len((await self._store.read_all(self._kind.prefix)).entries)

    async def put(self, value: Value, expected: int) -> Document[Value]:
        """Write it over the revision `expected`, 0 where there must be none.

        Returns it with its new revision. Raises Conflict when someone else wrote in between.
        """
        key, data = f"{self._kind.prefix}{self._kind.name_of(value)}", self._kind.encode(value)
        revision = await self._store.write(key, data, expected)
        await self.in_effect(revision)
        return self._document(Entry(data, revision))

    async def delete(self, name: str, expected: int) -> int:
        """Delete the one of this revision; returns the revision of that, or raises Conflict."""
        revision = await self._store.delete(f"{self._kind.prefix}{name}", expected)
        await self.in_effect(revision)
        return revision

    async def swap(self, name: str, change: Change[Value]) -> tuple[Value | None, Value]:
        """Write the document as `change` makes it of the one before; returns both.

        `change` is asked again when somebody else wrote in between, a few times. Raises what it
        raises, and Conflict.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            found = await self.get(name)
            before = found.value if found is not None else None
            after = await change(before)
            if found is not None and after == before:
                await self.in_effect(found.revision)
                return before, found.value
            try:
                written = await self.put(after, found.revision if found is not None else 0)
            except Conflict:
                if attempt == _ATTEMPTS:
                    raise
            else:
                return before, written.value
        raise AssertionError  # the last attempt returns or raises


async def watch(
    store: IntentStore, kinds: Iterable[Kind[Any]], after: int
) -> AsyncIterator[Changed]:
    """Every change after a revision, in order, for ever; documents of these kinds are decoded.

    Raises NotReady when changes are not kept any more, like the store.
    """
    known = tuple(kinds)
    async with aclosing(cast(Any, store.watch("", after))) as changes:
        async for change in changes:
            yield _decoded(known, change)


def _decoded(kinds: Iterable[Kind[Any]], change: StoreChange) -> Changed:
    kind = next((k for k in kinds if change.key.startswith(k.prefix)), None)
    if kind is None:
        return Changed(None, change.key, None, change.revision)
    is_gone = change.value is None
    value = None if is_gone else kind.decode(Entry(change.value or b"", change.revision))
    return Changed(kind, change.key.removeprefix(kind.prefix), value, change.revision)
