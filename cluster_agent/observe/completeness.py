"""Whether what an agent finds at its start is the whole cluster: unknown is not absent.

In: what was exported before the start, what is found. Out: why it does not count as complete, as a
sentence (Kubernetes says HasSynced); which services are known until it does.
"""

from collections.abc import Set as AbstractSet

from cluster_agent.observe.service import Observed
from federation.model.names import ServiceName

_MOST_NAMED = 3


class Completeness:
    """Once the source counted as complete it does so for good: what is missing then has gone."""

    def __init__(self) -> None:
        self.is_complete = False
        self.incomplete_because = ""
        self._unknown: set[ServiceName] = set()
        self._knew = (False, False)

    def check(
        self,
        had: AbstractSet[str],
        found: AbstractSet[ServiceName],
        *,
        has_objects: bool,
        unread: tuple[str, ...],
    ) -> str:
        """Look at a source that was read as a whole; returns why not, when that is news."""
        if self.is_complete:
            return ""
        before = self.incomplete_because
        self.incomplete_because = incomplete_because(
            had, found, has_objects=has_objects, unread=unread
        )
        self.is_complete = not self.incomplete_because
        return self.incomplete_because if self.incomplete_because != before else ""

    def is_known(
        self, name: ServiceName, found: Observed, *, was_exported: bool, is_read: bool
    ) -> bool:
        """Whether this is all there is of a service. It is noted when it is not.

        Of one that was exported before this start, or is there in parts, more may come until the
        source was read as a whole (`is_read`); of one that was exported and is not there any more,
        until the source counts as complete.
        """
        if self.is_complete:
            return True
        if is_read:
            is_known = found.valid is not None or not was_exported
        else:
            is_known = found.local is None and found.valid is None and not was_exported
        if not is_known:
            self._unknown.add(name)
        return is_known

    def release_unknown(self, *, is_read: bool) -> set[ServiceName]:
        """The services that were not known and may be now."""
        knows = (is_read, self.is_complete)
        if knows == self._knew:
            return set()
        self._knew = knows
        unknown, self._unknown = self._unknown, set()
        return unknown


def incomplete_because(
    had: AbstractSet[str],
    found: AbstractSet[ServiceName],
    *,
    has_objects: bool,
    unread: tuple[str, ...],
) -> str:
    """Why the source does not count as complete yet; empty when it does.

    `had` are the services that were exported before, `found` those that are now. `unread` is what
    could not be read even once.
    """
    missing = sorted(had - {str(name) for name in found})
    if not missing:
        return ""
    if not has_objects:
        return (
            f"the source has no objects, but the cluster exported {_named(missing)} before: "
            "nothing is withdrawn until there is an object of any kind"
        )
    if unread:
        return (
            f"the cluster exported {_named(missing)} before, but {_named(unread)} cannot be read: "
            "nothing is withdrawn until it can be, or is deleted"
        )
    return ""


def _named(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    beyond = len(names) - _MOST_NAMED
    return f"{shown} and {beyond} more" if beyond > 0 else shown
