"""What a receiver holds of one type, within limits: resources, and which of them it asks for.

The values that `federation.xds.receiver` works with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from federation.model.errors import InvalidInput
from federation.xds.messages import MAX_NAMES, WILDCARD, Point
from federation.xds.resources import Resource


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one type is held of a sender: resources, and bytes of all of them."""

    resources: int = 1_000_000
    bytes: int = 1 << 30


UNLIMITED = Limits()
NO_LIMITS: Mapping[str, Limits] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Change:
    """`resource` is None when `name` is gone; `value` is what it says, read once."""

    type_url: str
    name: str
    resource: Resource | None
    value: Any = None


class Taken(NamedTuple):
    """A resource with what it says."""

    resource: Resource
    value: Any


@dataclass(slots=True)
class HeldType:
    """The state of one type: `staged` is of a new epoch, and counts once that is complete.

    `asked` are the names that are asked for, None when everything is.
    """

    limits: Limits = UNLIMITED
    held: dict[str, Resource] = field(default_factory=dict)
    staged: dict[str, Taken | None] = field(default_factory=dict)
    point: Point | None = None
    complete: bool = False
    started_over: bool = False
    size: int = 0
    asked: dict[str, None] | None = None

    def subscribed(self) -> tuple[str, ...]:
        """What is asked for: names where it is done by name, else everything."""
        return (WILDCARD,) if self.asked is None else tuple(self.asked)

    def by_name(self) -> dict[str, None]:
        """The names that are asked for, of a type of which not everything is."""
        if self.asked is None:
            raise ValueError("everything of this type is asked for")
        return self.asked

    def wants(self, name: str) -> bool:
        """Whether this is asked for: of what is on its way some may not be any more."""
        return self.asked is None or name in self.asked

    def versions(self) -> dict[str, str]:
        """What is held, as far as one message may say so; the rest is then sent again."""
        return {r.name: r.version for r in islice(self.held.values(), MAX_NAMES)}

    def room(self) -> "Room":
        """What is left of the limits."""
        staged = sum(len(t.resource.body) for t in self.staged.values() if t is not None)
        return Room(
            self.limits,
            self.limits.resources - len(self.held) - len(self.staged),
            self.limits.bytes - self.size - staged,
        )

    def apply(self, type_url: str, wanted: dict[str, Taken | None]) -> tuple[Change, ...]:
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
class Room:
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
