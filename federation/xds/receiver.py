"""The receiver's half of a sync stream: holds what it is sent, drops what is said to be gone.

In: responses. Out: changes to apply and the request that acknowledges or refuses. What it holds
survives streams (and, with `federation.runtime.files`, restarts), so a sender that comes back sends
only differences. Its rules: lower revisions of the same epoch are refused; a new epoch
is applied only once it is declared complete. What it holds, and what it answers, has limits.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType

from federation.model.errors import InvalidInput
from federation.xds.batches import BATCH_RESOURCES
from federation.xds.messages import (
    MAX_NAME,
    MAX_NAMES,
    WILDCARD,
    Point,
    Request,
    Response,
    is_name,
    shown,
)
from federation.xds.nacks import BETWEEN_REASONS, REASON_CHARACTERS
from federation.xds.resources import Resource

Check = Callable[[str, Resource], None]
"""Raises InvalidInput when a resource must not be taken."""

MAX_RESPONSE_RESOURCES = 2 * BATCH_RESOURCES
_ANSWER_CHARACTERS = 16_000
"""Of the reasons in one answer; the sender asks for the rest by sending it again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one type is held of a sender: resources, and bytes of all of them."""

    resources: int = 1_000_000
    bytes: int = 1 << 30


UNLIMITED = Limits()
_NO_LIMITS: Mapping[str, Limits] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Change:
    """`resource` is None when `name` is gone."""

    type_url: str
    name: str
    resource: Resource | None


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


@dataclass(slots=True)
class _Type:
    limits: Limits = UNLIMITED
    held: dict[str, Resource] = field(default_factory=dict)
    staged: dict[str, Resource | None] = field(default_factory=dict)
    point: Point | None = None
    complete: bool = False
    started_over: bool = False
    size: int = 0

    def versions(self) -> dict[str, str]:
        """What is held, as far as one message may say so; the rest is then sent again."""
        return {r.name: r.version for r in islice(self.held.values(), MAX_NAMES)}

    def room(self) -> "_Room":
        """What is left of the limits."""
        staged = sum(len(r.body) for r in self.staged.values() if r is not None)
        return _Room(
            self.limits,
            self.limits.resources - len(self.held) - len(self.staged),
            self.limits.bytes - self.size - staged,
        )

    def apply(self, type_url: str, wanted: dict[str, Resource | None]) -> tuple[Change, ...]:
        """Hold what is wanted, drop what is gone; returns what that changed."""
        changes = []
        for name, resource in wanted.items():
            before = self.held.get(name)
            if resource is None:
                self.held.pop(name, None)
            elif before is None or before.version != resource.version:
                self.held[name] = resource
            else:
                continue
            self.size += _size(resource) - _size(before)
            if resource is not None or before is not None:
                changes.append(Change(type_url, name, resource))
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
        check: Check | None = None,
        limits: Mapping[str, Limits] = _NO_LIMITS,
    ) -> None:
        self._node = node
        self._types = {type_url: _Type(limits.get(type_url, UNLIMITED)) for type_url in types}
        self._check = check

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

    def judge_again(self) -> tuple[Change, ...]:
        """Check all that is held anew, since what is allowed has changed; what is not goes."""
        changes: list[Change] = []
        for type_url, state in self._types.items():
            bad = [name for name, found in state.held.items() if not self._passes(type_url, found)]
            changes.extend(state.apply(type_url, dict.fromkeys(bad)))
        return tuple(changes)

    def _passes(self, type_url: str, resource: Resource) -> bool:
        try:
            if self._check is not None:
                self._check(type_url, resource)
        except InvalidInput:
            return False
        return True

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
        if _is_older(response.point, state.point):
            return self._refuse(response, f"{response.point} is older than {state.point}")
        if response.point is not None and len(response.point.epoch) > MAX_NAME:
            return self._refuse(response, f"the epoch has {len(response.point.epoch)} characters")
        if len(response.resources) > MAX_RESPONSE_RESOURCES:
            reason = f"{len(response.resources)} resources in one response"
            return self._refuse(response, f"{reason}, but at most {MAX_RESPONSE_RESOURCES} may be")
        good, bad = self._sort(response, state)
        wanted: dict[str, Resource | None] = {**good}
        removed = [n for n in response.removed if n in state.held or n in state.staged or n in good]
        wanted.update(dict.fromkeys(removed))
        settled = (*good, *response.removed)
        if _is_new_epoch(response.point, state.point) and state.held:
            state.staged.update(wanted)
            if response.complete is None:
                return Received((), self._reply(response, bad), refused=bad, settled=settled)
            wanted, state.staged = state.staged, {}
        changes = state.apply(response.type_url, wanted)
        state.point = response.point or state.point
        completed = response.complete is not None and not state.complete
        state.complete = state.complete or response.complete is not None
        expected = len(state.held) + sum(name not in state.held for name in bad)
        is_short = response.complete not in (None, expected) and not state.started_over
        reply = self._start_over(response, state) if is_short else self._reply(response, bad)
        is_whole = response.complete is not None and not is_short
        return Received(changes, reply, is_whole, completed, bad, settled)

    def _sort(self, response: Response, state: _Type) -> tuple[dict[str, Resource], dict[str, str]]:
        """What is taken, and why the rest is not."""
        good: dict[str, Resource] = {}
        bad: dict[str, str] = {}
        room = state.room()
        for resource in response.resources:
            try:
                _check_name(resource.name)
                if self._check is not None:
                    self._check(response.type_url, resource)
                room.take(resource, good.get(resource.name) or state.held.get(resource.name))
                good[resource.name] = resource
            except InvalidInput as error:
                bad[resource.name] = str(error)[:REASON_CHARACTERS]
        return good, bad

    def _reply(self, response: Response, bad: dict[str, str]) -> Request:
        return Request(response.type_url, nonce=response.nonce, error=_told(bad))

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


def _check_name(name: str) -> None:
    if not is_name(name):
        raise InvalidInput(f"the name must be printable ASCII text of 1 to {MAX_NAME} characters")


def _told(bad: Mapping[str, str]) -> str:
    """The reasons as one text, as many as fit; a name nobody can read is shown by its letters."""
    found: list[str] = []
    left = _ANSWER_CHARACTERS
    for name, reason in bad.items():
        text = f"{shown(name)}: {reason}"
        left -= len(text) + 2
        if found and left < 0:
            break
        found.append(text)
    return BETWEEN_REASONS.join(found)


def _is_older(new: Point | None, held: Point | None) -> bool:
    if new is None or held is None:
        return False
    return new.epoch == held.epoch and new.revision < held.revision


def _is_new_epoch(new: Point | None, held: Point | None) -> bool:
    return new is not None and held is not None and new.epoch != held.epoch
