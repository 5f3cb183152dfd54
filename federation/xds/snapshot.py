"""Tables of resources: the whole truth a sender reads from when its stream can take more.

A `Table` is written by the part that compiles; a `Layers` shows several tables as one, so that what
is common to many receivers is held and serialised once.
"""

from collections.abc import Iterable
from typing import Protocol

from federation.xds.messages import Point
from federation.xds.resources import Resource


class View(Protocol):
    """What a sender reads."""

    def get(self, type_url: str, name: str) -> Resource | None:
        """The resource, or None when it does not exist (or is not known yet)."""

    def names(self, type_url: str) -> Iterable[str]:
        """All names of that type."""

    def is_complete(self, type_url: str) -> bool:
        """Whether what `names` leaves out is known not to exist."""

    def point(self) -> Point | None:
        """Where the store stands, None on legs that have none."""


class Table:
    """Resources by type and name."""

    def __init__(self) -> None:
        self._types: dict[str, dict[str, Resource]] = {}
        self._complete: set[str] = set()
        self._point: Point | None = None

    def put(self, type_url: str, resource: Resource) -> bool:
        """Store a resource; returns whether that changed anything."""
        held = self._types.setdefault(type_url, {})
        before = held.get(resource.name)
        if before is not None and before.version == resource.version:
            return False
        held[resource.name] = resource
        return True

    def drop(self, type_url: str, name: str) -> bool:
        """Forget a resource; returns whether it was there."""
        return self._types.get(type_url, {}).pop(name, None) is not None

    def mark_complete(self, *type_urls: str) -> None:
        """Say that what is not here does not exist."""
        self._complete.update(type_urls)

    def stand_at(self, point: Point) -> None:
        """Say where the store stands from now on."""
        self._point = point

    def get(self, type_url: str, name: str) -> Resource | None:
        """See View."""
        return self._types.get(type_url, {}).get(name)

    def names(self, type_url: str) -> Iterable[str]:
        """See View."""
        return self._types.get(type_url, {}).keys()

    def is_complete(self, type_url: str) -> bool:
        """See View."""
        return type_url in self._complete

    def point(self) -> Point | None:
        """See View."""
        return self._point


class Layers:
    """Several views as one; an earlier one wins, and all must be complete."""

    def __init__(self, *views: View) -> None:
        self._views = views

    def get(self, type_url: str, name: str) -> Resource | None:
        """See View."""
        for view in self._views:
            found = view.get(type_url, name)
            if found is not None:
                return found
        return None

    def names(self, type_url: str) -> Iterable[str]:
        """See View."""
        seen: dict[str, None] = {}
        for view in self._views:
            seen.update(dict.fromkeys(view.names(type_url)))
        return seen.keys()

    def is_complete(self, type_url: str) -> bool:
        """See View."""
        return all(view.is_complete(type_url) for view in self._views)

    def point(self) -> Point | None:
        """See View."""
        return self._views[0].point()
