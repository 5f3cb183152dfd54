"""The receiver's half of a sync stream: holds what it is sent, drops what is said to be gone.

In: responses. Out: changes to apply and the request that acknowledges or refuses. What it holds
survives streams (and, with `federation.runtime.files`, restarts), so a sender that comes back sends
only differences. Its rules: lower revisions of the same epoch are refused; a new epoch
is applied only once it is declared complete.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from federation.model.errors import InvalidInput
from federation.xds.messages import WILDCARD, Point, Request, Response
from federation.xds.resources import Resource

Check = Callable[[str, Resource], None]
"""Raises InvalidInput when a resource must not be taken."""


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
    done so for the first time ever.
    """

    changes: tuple[Change, ...]
    reply: Request
    is_whole: bool = False
    completed: bool = False


@dataclass(slots=True)
class _Type:
    held: dict[str, Resource] = field(default_factory=dict)
    staged: dict[str, Resource | None] = field(default_factory=dict)
    point: Point | None = None
    complete: bool = False
    started_over: bool = False


class Receiver:
    """Holds the resources of `types` as one sender gives them."""

    def __init__(self, node: str, types: Iterable[str], check: Check | None = None) -> None:
        self._node = node
        self._types = {type_url: _Type() for type_url in types}
        self._check = check

    def restore(
        self, type_url: str, resources: Iterable[Resource], point: Point | None, complete: bool
    ) -> None:
        """Take back what was held before a restart."""
        self._types[type_url] = _Type({r.name: r for r in resources}, {}, point, complete)

    def held(self, type_url: str) -> dict[str, Resource]:
        """What is held, by name. Do not change it."""
        return self._types[type_url].held

    def point(self, type_url: str) -> Point | None:
        """The point at which the held state of this type stands."""
        return self._types[type_url].point

    def is_complete(self, type_url: str) -> bool:
        """Whether the sender has ever declared this type complete."""
        return self._types[type_url].complete

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
                initial_versions={r.name: r.version for r in state.held.values()},
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
        good, bad = self._sort(response)
        wanted: dict[str, Resource | None] = {r.name: r for r in good}
        wanted.update(dict.fromkeys(response.removed))
        if _is_new_epoch(response.point, state.point) and state.held:
            state.staged.update(wanted)
            if response.complete is None:
                return Received((), self._reply(response, bad))
            wanted, state.staged = state.staged, {}
        changes = _apply(response.type_url, state.held, wanted)
        state.point = response.point or state.point
        completed = response.complete is not None and not state.complete
        state.complete = state.complete or response.complete is not None
        expected = len(state.held.keys() | bad.keys())
        if response.complete not in (None, expected) and not state.started_over:
            state.started_over = True
            return Received(changes, self._start_over(response, state), completed=completed)
        return Received(
            changes, self._reply(response, bad), response.complete is not None, completed
        )

    def _sort(self, response: Response) -> tuple[list[Resource], dict[str, str]]:
        good: list[Resource] = []
        bad: dict[str, str] = {}
        for resource in response.resources:
            try:
                if self._check is not None:
                    self._check(response.type_url, resource)
                good.append(resource)
            except InvalidInput as error:
                bad[resource.name] = f"{resource.name}: {error}"
        return good, bad

    def _reply(self, response: Response, bad: dict[str, str]) -> Request:
        return Request(response.type_url, nonce=response.nonce, error="; ".join(bad.values()))

    def _refuse(self, response: Response, reason: str) -> Received:
        return Received((), Request(response.type_url, nonce=response.nonce, error=reason))

    def _start_over(self, response: Response, state: _Type) -> Request:
        """The counts differ, so one side is wrong about what we hold: say it, once a stream."""
        return Request(
            response.type_url,
            nonce=response.nonce,
            subscribe=(WILDCARD,),
            initial_versions={r.name: r.version for r in state.held.values()},
        )


def _apply(
    type_url: str, held: dict[str, Resource], wanted: dict[str, Resource | None]
) -> tuple[Change, ...]:
    changes = []
    for name, resource in wanted.items():
        before = held.get(name)
        if resource is None:
            if held.pop(name, None) is not None:
                changes.append(Change(type_url, name, None))
        elif before is None or before.version != resource.version:
            held[name] = resource
            changes.append(Change(type_url, name, resource))
    return tuple(changes)


def _is_older(new: Point | None, held: Point | None) -> bool:
    if new is None or held is None:
        return False
    return new.epoch == held.epoch and new.revision < held.revision


def _is_new_epoch(new: Point | None, held: Point | None) -> bool:
    return new is not None and held is not None and new.epoch != held.epoch
