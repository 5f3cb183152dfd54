"""Where a cluster's objects come from: what every source offers to the agent's loop.

A source holds the parsed objects and says which changed. It withdraws nothing it merely failed to
read: unknown is not absent.
"""

from collections.abc import Callable
from typing import Protocol

from cluster_agent.source.objects import Batch, Objects, Problem
from federation.runtime.loops import Loop


class Source(Protocol):
    """A cluster's objects, kept current."""

    @property
    def objects(self) -> Objects:
        """All objects; changes only between calls of `on_change`."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read, in a stable order."""

    @property
    def trouble(self) -> str:
        """Why the source as a whole cannot be read or believed now; empty when it can."""

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be read even once, by where it is: it may hold anything."""

    @property
    def synced(self) -> bool:
        """Whether everything has been read once."""

    def loops(self, on_change: Callable[[Batch], None]) -> tuple[Loop, ...]:
        """Keep current for ever; `on_change` is called with what changed, and once when synced."""
