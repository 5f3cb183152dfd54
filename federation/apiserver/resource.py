"""The objects of a kind as the API serves them: read from memory, written through the store.

In: verbs with their options. Out: objects as JSON. A write goes to a `Storage` by compare-and-swap,
and comes back through the one door for intent into the collection that everybody reads: what a call
has answered, every later list shows. Raises StatusError and what the storage raises.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from federation.api.kind import ApiKind
from federation.apiserver import lifecycle
from federation.apiserver.collection import Collection, Held, key_of
from federation.apiserver.judging import (
    Check,
    envelope,
    judged,
    only_read,
    strictly,
    well_formed,
)
from federation.apiserver.patching.managers import track_update
from federation.apiserver.preconditions import check_held, check_size
from federation.apiserver.statuses import (
    already_exists,
    changed_meanwhile,
    not_found,
)
from federation.apiserver.turns import Turns
from federation.model.errors import Conflict
from federation.model.timestamps import rfc3339
from federation.runtime.clock import utc_now

Json = dict[str, Any]

ATTEMPTS = 5
"""How often a write is made again that met one from elsewhere, when its caller named no revision.

Those that come by this API wait for each other.
"""
TURN_SECONDS = 10.0
"""How long a write waits for those of the same object."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a request wants to write: who (`manager`), how strictly, and whether only to see.

    `uid` and `revision` are preconditions, "" for none.
    """

    manager: str = "unknown"
    validation: str = "Warn"
    is_dry: bool = False
    force: bool = False
    uid: str = ""
    revision: str = ""


class Written(NamedTuple):
    """What a write has made: the object before, and after (None: it is gone)."""

    before: Json | None
    after: Json | None
    warnings: tuple[str, ...] = ()


class Storage(Protocol):
    """Where objects are kept. `write` and `delete` have their effect when they return."""

    async def write(self, found: Json, before: Held | None) -> None:
        """Write an object over the state `before`; raises Conflict when it is another one."""

    async def delete(self, held: Held) -> None:
        """Delete an object that is in this state; raises Conflict."""


class Place(NamedTuple):
    """Where an object is, and which part of it is meant."""

    namespace: str
    name: str
    subresource: str = ""


Change = Callable[[Json], Json]
"""What a request makes of the object that is there."""
Act = Callable[[Held, Json, Any, bool], Awaitable[Json]]
"""A subresource that is created: the object, the body, the note of it, whether only to see."""


class Resource:
    """A kind, its objects, and how they are written."""

    def __init__(
        self,
        collection: Collection,
        storage: Storage | None = None,
        check: Check | None = None,
        acts: dict[str, Act] | None = None,
    ) -> None:
        self.collection = collection
        self.kind: ApiKind = collection.kind
        self._storage = storage
        self._check = check
        self.acts = acts or {}
        self._turns = Turns(TURN_SECONDS)

    def get(self, namespace: str, name: str) -> Held:
        """The object of this name; raises StatusError (404)."""
        found = self.collection.get(namespace, name)
        if found is None:
            raise not_found(self.kind, name)
        return found

    def _writable(self) -> Storage:
        if self._storage is None:
            raise only_read(self.kind)
        return self._storage

    async def create(
        self,
        body: Any,
        namespace: str,
        wish: Wish,
        twice: tuple[str, ...] = (),
        *,
        tracked: bool = True,
    ) -> Written:
        """A new object; `tracked` as in `change`."""
        storage = self._writable()
        said, warnings = strictly(
            self.kind, envelope(self.kind, body, namespace), wish.validation, twice
        )
        metadata = said["metadata"]
        prefix = metadata.get("generateName")
        if not metadata.get("name") and isinstance(prefix, str) and prefix:
            made_up = f"{prefix[:_LONGEST_PREFIX]}{uuid.uuid4().hex[:5]}"
            said = {**said, "metadata": {**metadata, "name": made_up}}
        now = timestamp()
        made = lifecycle.created(self.kind, judged(self.kind, said, self._check), _uid(), now)
        if tracked:
            made = track_update(
                None,
                made,
                wish.manager,
                self.kind.api_version,
                schema=self.kind.schema,
                now=utc_now(),
            )
        name = made["metadata"]["name"]
        check_size(self.kind, made)
        async with self._turns.turn((namespace, name)):
            if self.collection.get(namespace, name) is not None:
                raise already_exists(self.kind, name)
            if wish.is_dry:
                return Written(None, made, warnings)
            try:
                await storage.write(made, None)
            except Conflict:
                if self.collection.get(namespace, name) is not None:
                    raise already_exists(self.kind, name) from None
                raise
        return Written(None, self._now(namespace, name, made), warnings)

    async def update(
        self, body: Any, place: Place, wish: Wish, twice: tuple[str, ...] = ()
    ) -> Written:
        """The object in the place of the one before, or its status."""
        said, warnings = strictly(
            self.kind,
            envelope(self.kind, body, place.namespace, place.name),
            wish.validation,
            twice,
        )
        wanted = replace(
            wish, revision=said["metadata"].get("resourceVersion", "") or wish.revision
        )
        found = await self.change(place, wanted, lambda _: said)
        return found._replace(warnings=warnings)

    async def change(
        self, place: Place, wish: Wish, change: Change, *, tracked: bool = True
    ) -> Written:
        """The object as `change` makes it; made again when somebody else wrote in between.

        `tracked`: who changed which field is noted; `change` of a server-side apply does it itself.
        """
        storage = self._writable()
        async with self._turns.turn((place.namespace, place.name)):
            for attempt in range(1, ATTEMPTS + 1):
                held = self.get(place.namespace, place.name)
                check_held(self.kind, held, wish.uid, wish.revision)
                said = change(held.object)
                named = said["metadata"].get("resourceVersion") or ""  # by a patch, too
                check_held(self.kind, held, revision=named)
                after = self._changed(held.object, said, place, wish, tracked=tracked)
                if wish.is_dry or after == held.object:
                    return Written(held.object, after)
                try:
                    return await self._saved(storage, held, after)
                except Conflict as error:
                    if attempt == ATTEMPTS or wish.revision:
                        raise changed_meanwhile(self.kind, place.name) from error
        raise AssertionError  # the last attempt returns or raises

    async def _saved(self, storage: Storage, held: Held, after: Json) -> Written:
        if lifecycle.is_finished(after):
            await storage.delete(held)
            return Written(held.object, after)
        await storage.write(after, held)
        return Written(held.object, self._now(*key_of(after), after))

    def _changed(
        self, before: Json, said: Json, place: Place, wish: Wish, *, tracked: bool
    ) -> Json:
        after = lifecycle.changed(self.kind, before, said, place.subresource)
        if place.subresource == "status":
            well_formed(self.kind, after)
        else:
            after = judged(self.kind, after, self._check)
        if tracked:
            after = track_update(
                before,
                after,
                wish.manager,
                self.kind.api_version,
                schema=self.kind.schema,
                now=utc_now(),
                subresource=place.subresource,
            )
        check_size(self.kind, after)
        return after

    async def delete(self, namespace: str, name: str, wish: Wish) -> Written:
        """The object goes, at once or when its finalizers let it."""
        storage = self._writable()
        async with self._turns.turn((namespace, name)):
            for attempt in range(1, ATTEMPTS + 1):
                held = self.get(namespace, name)
                check_held(self.kind, held, wish.uid, wish.revision)
                going = lifecycle.deleting(held.object, timestamp())
                is_held_up = bool(going["metadata"].get("finalizers"))
                if wish.is_dry or (is_held_up and going == held.object):
                    return Written(held.object, going if is_held_up else None)
                try:
                    if is_held_up:
                        await storage.write(going, held)
                        return Written(held.object, self._now(namespace, name, going))
                    await storage.delete(held)
                except Conflict as error:
                    if attempt == ATTEMPTS:
                        raise changed_meanwhile(self.kind, name, str(error)) from error
                else:
                    left = self.collection.get(namespace, name)  # some take their time to leave
                    return Written(held.object, left.object if left is not None else None)
        raise AssertionError  # the last attempt returns or raises

    def _now(self, namespace: str, name: str, written: Json) -> Json:
        held = self.collection.get(namespace, name)
        return held.object if held is not None else written


_LONGEST_PREFIX = 58


def timestamp() -> str:
    """Now, as metadata says times."""
    return rfc3339(utc_now())


def _uid() -> str:
    return str(uuid.uuid4())
