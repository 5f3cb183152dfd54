"""The receiver's half of a sync stream: holds what it is sent, drops what is said to be gone.

In: responses. Out: changes to apply, each with what was read of it, and the request that answers.
What it holds survives streams (and, with `federation.runtime.files`, restarts), so a sender that
comes back sends only differences. Lower revisions of the same epoch are refused; a new epoch is
applied only once it is declared complete. What it holds, and what it answers, has limits.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from federation.model.errors import InvalidInput
from federation.xds.batches import BATCH_RESOURCES
from federation.xds.held_type import NO_LIMITS, UNLIMITED, Change, HeldType, Limits, Taken
from federation.xds.messages import MAX_NAME, Point, Request, Response, check_name
from federation.xds.nacks import REASON_CHARACTERS, in_one_text
from federation.xds.resources import Resource

Read = Callable[[str, Resource], Any]
"""What a resource says; raises InvalidInput when it must not be taken."""

MAX_RESPONSE_RESOURCES = 2 * BATCH_RESOURCES


@dataclass(frozen=True, slots=True)
class Received:
    """What one response led to.

    `is_whole` says that the sender has now said everything of this type, `completed` that it has
    done so for the first time ever. `refused` are the resources that were not taken, by name with
    the reason, `settled` the names of those that were, and of those that are gone.
    """

    changes: tuple[Change, ...]
    reply: Request
    is_whole: bool = False
    completed: bool = False
    refused: Mapping[str, str] = field(default_factory=dict)
    settled: tuple[str, ...] = ()


class Receiver:
    """Holds the resources of `types` as one sender gives them, within `limits`.

    Of those in `by_name` it asks for single names (`ask`), of the others for all.
    """

    def __init__(
        self,
        node: str,
        types: Iterable[str],
        read: Read | None = None,
        limits: Mapping[str, Limits] = NO_LIMITS,
        by_name: Collection[str] = (),
    ) -> None:
        self._node = node
        self._types = {type_url: HeldType(limits.get(type_url, UNLIMITED)) for type_url in types}
        self._read = read
        for type_url in by_name:
            self._types[type_url].asked = {}

    def ask(self, type_url: str, names: Iterable[str]) -> Request | None:
        """Ask for names; returns what to tell the sender, None when all were asked for."""
        asked = self._types[type_url].by_name()
        new = tuple(dict.fromkeys(name for name in names if name not in asked))
        asked.update(dict.fromkeys(new))
        return Request(type_url, subscribe=new) if new else None

    def drop(self, type_url: str, names: Iterable[str]) -> Request | None:
        """Ask for names no more, and hold them no more; returns what to tell the sender."""
        state = self._types[type_url]
        asked = state.by_name()
        gone = tuple(name for name in names if name in asked)
        for name in gone:
            del asked[name]
        state.apply(type_url, dict.fromkeys(gone))
        return Request(type_url, unsubscribe=gone) if gone else None

    def restore(
        self, type_url: str, resources: Iterable[Resource], point: Point | None, complete: bool
    ) -> None:
        """Take back what was held before a restart."""
        state = self._types[type_url]
        state.held = {r.name: r for r in resources}
        state.staged = {}
        state.size = sum(len(r.body) for r in state.held.values())
        state.point, state.complete = point, complete

    def held(self, type_url: str) -> dict[str, Resource]:
        """What is held, by name. Do not change it."""
        return self._types[type_url].held

    def point(self, type_url: str) -> Point | None:
        """The point at which the held state of this type stands."""
        return self._types[type_url].point

    def is_complete(self, type_url: str) -> bool:
        """Whether the sender has ever declared this type complete."""
        return self._types[type_url].complete

    def check_again(self) -> tuple[Change, ...]:
        """Check all that is held anew, since what is allowed has changed; what is not goes."""
        changes: list[Change] = []
        for type_url, state in self._types.items():
            bad = [name for name in state.held if self.change(type_url, name).resource is None]
            changes.extend(state.apply(type_url, dict.fromkeys(bad)))
        return tuple(changes)

    def taken_back(self) -> tuple[Change, ...]:
        """All that was held before a restart, as changes.

        What cannot be read any more is dropped, and the rest of its type is not all there is.
        """
        changes: list[Change] = []
        for type_url, state in self._types.items():
            found = [self.change(type_url, name) for name in state.held]
            good = [change for change in found if change.resource is not None]
            changes.extend(good)
            if len(good) < len(found):
                state.apply(type_url, {c.name: None for c in found if c.resource is None})
                state.complete = False
        return tuple(changes)

    def change(self, type_url: str, name: str) -> Change:
        """What is held under a name, read anew; as gone when there is none, or it may not be."""
        resource = self._types[type_url].held.get(name)
        try:
            value = self._value(type_url, resource) if resource is not None else None
        except InvalidInput:
            return Change(type_url, name, None)
        return Change(type_url, name, resource, value)

    def _value(self, type_url: str, resource: Resource) -> Any:
        return self._read(type_url, resource) if self._read is not None else None

    def open(self) -> tuple[Request, ...]:
        """The first requests of a new stream."""
        for state in self._types.values():
            state.staged = {}
            state.started_over = False
        return tuple(
            Request(
                type_url,
                self._node,
                state.subscribed(),
                initial_versions=state.versions(),
                point=state.point,
            )
            for type_url, state in self._types.items()
            if state.subscribed()  # to ask for nothing is to ask for all
        )

    def receive(self, response: Response) -> Received:
        """Apply one response; types we did not subscribe to are refused."""
        state = self._types.get(response.type_url)
        if state is None:
            return self._refuse(response, f"type {response.type_url} was not asked for")
        point = response.point
        if point is not None and point.is_older_than(state.point):
            return self._refuse(response, f"{point} is older than {state.point}")
        if point is not None and len(point.epoch) > MAX_NAME:
            return self._refuse(response, f"the epoch has {len(point.epoch)} characters")
        if len(response.resources) > MAX_RESPONSE_RESOURCES:
            reason = f"{len(response.resources)} resources in one response"
            return self._refuse(response, f"{reason}, but at most {MAX_RESPONSE_RESOURCES} may be")
        good, bad = self._sort(response, state)
        wanted: dict[str, Taken | None] = {**good}
        removed = [n for n in response.removed if n in state.held or n in state.staged or n in good]
        wanted.update(dict.fromkeys(removed))
        settled = (*good, *filter(state.wants, response.removed))
        if (
            state.held
            and response.point is not None
            and response.point.is_of_another_epoch(state.point)
        ):
            state.staged.update(wanted)
            if response.complete is None:
                return Received((), self._reply(response, bad), refused=bad, settled=settled)
            wanted, state.staged = state.staged, {}
        changes = state.apply(response.type_url, wanted)
        state.point = point or state.point
        completed = response.complete is not None and not state.complete
        state.complete = state.complete or response.complete is not None
        expected = len(state.held) + sum(name not in state.held for name in bad)
        is_short = response.complete not in (None, expected) and not state.started_over
        reply = self._start_over(response, state) if is_short else self._reply(response, bad)
        is_whole = response.complete is not None and not is_short
        return Received(changes, reply, is_whole, completed, bad, settled)

    def _sort(self, response: Response, state: HeldType) -> tuple[dict[str, Taken], dict[str, str]]:
        """What is taken, and why the rest is not."""
        good: dict[str, Taken] = {}
        bad: dict[str, str] = {}
        room = state.room()
        for resource in filter(lambda one: state.wants(one.name), response.resources):
            try:
                check_name(resource.name)
                value = self._value(response.type_url, resource)
                before = good.get(resource.name)
                room.take(resource, before.resource if before else state.held.get(resource.name))
                good[resource.name] = Taken(resource, value)
            except InvalidInput as error:
                bad[resource.name] = str(error)[:REASON_CHARACTERS]
        return good, bad

    def _reply(self, response: Response, bad: dict[str, str]) -> Request:
        return Request(response.type_url, nonce=response.nonce, error=in_one_text(bad))

    def _refuse(self, response: Response, reason: str) -> Received:
        return Received((), Request(response.type_url, nonce=response.nonce, error=reason))

    def _start_over(self, response: Response, state: HeldType) -> Request:
        """The counts differ, so one side is wrong about what we hold: say it, once a stream."""
        state.started_over = True
        return Request(
            response.type_url,
            nonce=response.nonce,
            subscribe=state.subscribed(),
            initial_versions=state.versions(),
            point=state.point,
        )
