"""A view that shows one receiver what it asked for, with all that brings along.

In: a view that is shown whole, a pool of which only what was asked for is shown, the names that a
receiver asks for, changes in the pool. Out: the view, and which resources appeared in it or went.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from federation.xds.messages import WILDCARD, Point, Request
from federation.xds.resources import Resource
from federation.xds.snapshot import View

Key = tuple[str, str]
"""Type and name of a resource."""

Brings = Callable[[Resource], Iterable[Key]]
"""What a resource that is asked for brings along."""


class OnDemand:
    """`common`, and of `pool` what asked names of `type_url` bring; a `federation.xds.sender.View`.

    A receiver asks for names of that type, and gets the others as if they were in `common`.
    """

    def __init__(self, type_url: str, common: View, pool: View, brings: Brings) -> None:
        self._type_url = type_url
        self._common = common
        self._pool = pool
        self._brings = brings
        self._asked: dict[str, frozenset[Key]] = {}
        self._brought: Counter[Key] = Counter()

    def follow(self, request: Request) -> list[Key]:
        """Hear what the receiver asks for, and what no more; returns what that changed here."""
        if request.type_url != self._type_url:
            return []
        changed: list[Key] = []
        for name in request.subscribe:
            if name != WILDCARD and name not in self._asked:
                self._asked[name] = frozenset()
                changed += self._bring(name)
        for name in request.unsubscribe:
            if name in self._asked:
                changed += self._replace(name, frozenset())
                del self._asked[name]
        return changed

    def changed(self, type_url: str, name: str) -> list[Key]:
        """Something of the pool changed; returns what that changed here."""
        if type_url != self._type_url:
            return [(type_url, name)] if (type_url, name) in self._brought else []
        return [(type_url, name), *self._bring(name)] if name in self._asked else []

    def _bring(self, name: str) -> list[Key]:
        found = self._pool.get(self._type_url, name)
        return self._replace(name, frozenset(self._brings(found) if found is not None else ()))

    def _replace(self, name: str, after: frozenset[Key]) -> list[Key]:
        before = self._asked[name]
        self._asked[name] = after
        self._brought.update(after - before)
        for key in before - after:
            self._brought[key] -= 1
            if not self._brought[key]:
                del self._brought[key]
        return sorted(before ^ after)

    def get(self, type_url: str, name: str) -> Resource | None:
        """See View."""
        found = self._common.get(type_url, name)
        if found is None and (type_url == self._type_url or (type_url, name) in self._brought):
            return self._pool.get(type_url, name)
        return found

    def names(self, type_url: str) -> Iterable[str]:
        """See View."""
        if type_url == self._type_url:
            return tuple(self._asked)
        brought = (name for kind, name in self._brought if kind == type_url)
        return dict.fromkeys((*self._common.names(type_url), *brought)).keys()

    def is_complete(self, type_url: str) -> bool:
        """See View."""
        is_known = type_url == self._type_url or self._common.is_complete(type_url)
        return is_known and self._pool.is_complete(self._type_url)

    def point(self) -> Point | None:
        """See View."""
        return self._common.point()
