"""Of which exports people may have to be told something else than before.

In: names of services whose objects, facts or refusals changed. Out: those to tell of, a bounded
number at a time; what could not be shown comes again. Used by `cluster_agent.export_flow`.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import islice

from cluster_agent.source.status import Target
from federation.api.parse import MCS_GROUP
from federation.model.names import ServiceName

MOST_AT_ONCE = 250
"""So that to say what became of them holds up the loop for a moment only."""


class StatusNews:
    """Names that were not told of since they changed."""

    def __init__(self) -> None:
        self._changed: set[ServiceName] = set()
        self._told: set[ServiceName] = set()

    def mark(self, names: Iterable[ServiceName]) -> None:
        """Something about these may be another thing now."""
        self._changed.update(names)

    @property
    def has_more(self) -> bool:
        """Whether there are names that were not taken yet."""
        return bool(self._changed)

    def take(
        self, exported: AbstractSet[ServiceName]
    ) -> tuple[tuple[ServiceName, ...], tuple[ServiceName, ...]]:
        """The exports to tell of, and those told of that are none any more."""
        names = tuple(islice(self._changed, MOST_AT_ONCE))
        self._changed.difference_update(names)
        there = tuple(name for name in names if name in exported)
        gone = tuple(name for name in names if name in self._told and name not in exported)
        self._told.update(there)
        self._told.difference_update(gone)
        return there, gone

    def tell_again(self, news: Iterable[Target]) -> None:
        """These could not be shown."""
        names = {ServiceName(target.namespace, target.name) for target in news}
        self._changed |= names
        self._told |= names


def target_of(name: ServiceName) -> Target:
    """The ServiceExport of a service."""
    return Target(MCS_GROUP, "ServiceExport", *name)
