"""What a source gives and takes, as values: objects by key, what changed, conditions, problems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from federation.api.base import Document


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
