"""The tables that proxies are fed from: named resources, each with an owner in its table.

In: all resources an owner has from now on. Out: what was touched. What an owner has no more stays
until `drop_left`, since others in the table may still name it: a route names the cluster it led to
until all routes are built anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from federation.envoy.build import Resource
from federation.xds.resources import resource
from federation.xds.snapshot import Layers, Table


@dataclass(frozen=True, slots=True)
class Touch:
    """A resource of a table that changed."""

    table: str
    type_url: str
    name: str


class Tables:
    """Tables by name."""

    def __init__(self, names: Iterable[str]) -> None:
        self._tables = {name: Table() for name in names}
        self._made: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self._leaving: set[Touch] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def open(self, name: str) -> Table:
        """The table of that name, made when it is new."""
        return self._tables.setdefault(name, Table())

    def close(self, name: str, owners: Iterable[str]) -> None:
        """Forget a table with all that these owners have in it."""
        self._tables.pop(name, None)
        for owner in owners:
            self._made.pop((name, owner), None)

    def view(self, layers: Iterable[str]) -> Layers:
        """Those tables as one."""
        return Layers(*(self._tables[name] for name in layers))

    def put(self, table: str, owner: str, wanted: Iterable[Resource]) -> list[Touch]:
        """Make `wanted` the resources that `owner` has in a table; returns what changed."""
        made = self._made.pop((table, owner), set())
        found = tuple(wanted)
        now = {(one.type_url, one.name) for one in found}
        if now:
            self._made[table, owner] = now
        for type_url, name in made - now:
            self.leave(table, type_url, name)
        return [t for one in found for t in self.put_one(table, one.type_url, one.name, one.body)]

    def put_one(self, table: str, type_url: str, name: str, body: bytes) -> list[Touch]:
        """Put a resource without an owner; returns what changed."""
        touch = Touch(table, type_url, name)
        self._leaving.discard(touch)
        return [touch] if self._tables[table].put(type_url, resource(name, body)) else []

    def leave(self, table: str, type_url: str, name: str) -> None:
        """A resource goes with the next `drop_left`, unless somebody puts it before."""
        self._leaving.add(Touch(table, type_url, name))

    @property
    def has_left(self) -> bool:
        """Whether `drop_left` has something to do."""
        return bool(self._leaving)

    def drop_left(self) -> list[Touch]:
        """Drop what was left; whoever named it names it no more."""
        left = sorted(self._leaving, key=lambda t: (t.table, t.type_url, t.name))
        self._leaving.clear()
        tables = self._tables
        return [t for t in left if t.table in tables and tables[t.table].drop(t.type_url, t.name)]
