"""Where a cluster's objects come from: what every source offers to the agent's loop.

A source holds the parsed objects and says which changed. It withdraws nothing it merely failed to
read: unknown is not absent.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from federation.resources.base import Document

if TYPE_CHECKING:
    from federation.runtime.loops import Loop


class Key(NamedTuple):
    """What an object is called; cluster-wide kinds have namespace "default"."""

    kind: str
    namespace: str
    name: str


Objects = Mapping[Key, Document]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with what was written; `where` is a file and line.

    A remark: everything is read, but something of it has no effect.
    """

    where: str
    message: str
    is_remark: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a ServiceExport (MCS API)."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Objects that changed, came or went; `live`: the source saw it happen.

    Not live is what is missing after a first or repeated reading, or after something could not be
    read: nobody saw it go.
    """

    keys: frozenset[Key]
    live: bool


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

    def loops(self, on_change: Callable[[Batch], None]) -> "tuple[Loop, ...]":
        """Keep current for ever; `on_change` is called with what changed, and once when synced."""

    def write_conditions(self, exports: Mapping[Key, Iterable[Condition]]) -> None:
        """Show people what has become of their exports."""
