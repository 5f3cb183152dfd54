"""The receiver's half of a sync stream: holds what it is sent, drops what is said to be gone.

In: responses. Out: changes to apply, each with what was read of it, and the request that answers.
What it holds survives streams (and, with `federation.runtime.files`, restarts), so a sender that
comes back sends only differences. Lower revisions of the same epoch are refused; a new epoch is
applied only once it is declared complete. What it holds, and what it answers, has limits.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from federation.model.errors import InvalidInput
from federation.xds.batches import BATCH_RESOURCES
from federation.xds.messages import (
    MAX_NAME,
    MAX_NAMES,
    WILDCARD,
    Point,
    Request,
    Response,
    check_name,
)
from federation.xds.nacks import REASON_CHARACTERS, in_one_text
from federation.xds.resources import Resource

Read = Callable[[str, Resource], Any]
"""What a resource says; raises InvalidInput when it must not be taken."""

MAX_RESPONSE_RESOURCES = 2 * BATCH_RESOURCES


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one type is held of a sender: resources, and bytes of all of them."""

    resources: int = 1_000_000
    bytes: int = 1 << 30


UNLIMITED = Limits()
_NO_LIMITS: Mapping[str, Limits] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Change:
    """`resource` is None when `name` is gone; `value` is what it says, read once."""

    type_url: str
    name: str
    resource: Resource | None
    value: Any = None


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


class _Taken(NamedTuple):
    """A resource with what it says."""

    resource: Resource
    value: Any


@dataclass(slots=True)
class _Type:
    limits: Limits = UNLIMITED
    held: dict[str, Resource] = field(default_factory=dict)
    staged: dict[str, _Taken | None] = field(default_factory=dict)
    point: Point | None = None
    complete: bool = False
    started_over: bool = False
    size: int = 0

    def versions(self) -> dict[str, str]:
        """What is held, as far as one message may say so; the rest is then sent again."""
        return {r.name: r.version for r in islice(self.held.values(), MAX_NAMES)}

    def room(self) -> "_Room":
        """What is left of the limits."""
        staged = sum(len(t.resource.body) for t in self.staged.values() if t is not None)
        return _Room(
            self.limits,
            self.limits.resources - len(self.held) - len(self.staged),
            self.limits.bytes - self.size - staged,
        )

    def apply(self, type_url: str, wanted: dict[str, _Taken | None]) -> tuple[Change, ...]:
        """Hold what is wanted, drop what is gone; returns what that changed."""
        changes = []
        for name, taken in wanted.items():
            resource, value = taken or (None, None)
            before = self.held.get(name)
            if resource is None:
                self.held.pop(name, None)
            elif before is None or before.version != resource.version:
                self.held[name] = resource
            else:
                continue
            self.size += _size(resource) - _size(before)
            if resource is not None or before is not None:
                changes.append(Change(type_url, name, resource, value))
        return tuple(changes)


@dataclass(slots=True)
class _Room:
    """What one response may still add."""

    limits: Limits
    resources: int
    bytes: int

    def take(self, found: Resource, before: Resource | None) -> None:
        """Make room for a resource that replaces `before`; raises InvalidInput."""
        if before is None and self.resources <= 0:
            raise InvalidInput(f"one too many, at most {self.limits.resources} are taken")
        grows = _size(found) - _size(before)
        if grows > self.bytes:
            raise InvalidInput(f"too much, at most {self.limits.bytes} bytes are taken in all")
        self.resources -= before is None
        self.bytes -= grows


def _size(resource: Resource | None) -> int:
    return len(resource.body) if resource is not None else 0


class Receiver:
    """Holds the resources of `types` as one sender gives them, within `limits`."""

    def __init__(
        self,
        node: str,
        types: Iterable[str],
        read: Read | None = None,
        limits: Mapping[str, Limits] = _NO_LIMITS,
    ) -> None:
        self._node = node
        self._types = {type_url: _Type(limits.get(type_url, UNLIMITED)) for type_url in types}
        self._read = read

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
                (WILDCARD,),
                initial_versions=state.versions(),
                point=state.point,
            )
            for type_url, state in self._types.items()
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
        wanted: dict[str, _Taken | None] = {**good}
        removed = [n for n in response.removed if n in state.held or n in state.staged or n in good]
        wanted.update(dict.fromkeys(removed))
        settled = (*good, *response.removed)
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

    def _sort(self, response: Response, state: _Type) -> tuple[dict[str, _Taken], dict[str, str]]:
        """What is taken, and why the rest is not."""
        good: dict[str, _Taken] = {}
        bad: dict[str, str] = {}
        room = state.room()
        for resource in response.resources:
            try:
                check_name(resource.name)
                value = self._value(response.type_url, resource)
                before = good.get(resource.name)
                room.take(resource, before.resource if before else state.held.get(resource.name))
                good[resource.name] = _Taken(resource, value)
            except InvalidInput as error:
                bad[resource.name] = str(error)[:REASON_CHARACTERS]
        return good, bad

    def _reply(self, response: Response, bad: dict[str, str]) -> Request:
        return Request(response.type_url, nonce=response.nonce, error=in_one_text(bad))

    def _refuse(self, response: Response, reason: str) -> Received:
        return Received((), Request(response.type_url, nonce=response.nonce, error=reason))

    def _start_over(self, response: Response, state: _Type) -> Request:
        """The counts differ, so one side is wrong about what we hold: say it, once a stream."""
        state.started_over = True
        return Request(
            response.type_url,
            nonce=response.nonce,
            subscribe=(WILDCARD,),
            initial_versions=state.versions(),
            point=state.point,
        )
