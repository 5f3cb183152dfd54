"""The tables that proxies are fed from: named resources, each with an owner in its table.

In: all resources an owner has from now on. Out: what changed. What an owner has no more stays
until `drop_left`, since others may still name it: the routes of an upstream name the cluster they
led to until they are built anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cluster_agent.entry.dns_names import NAMES
from federation.envoy.build import Resource
from federation.model.plans import Scope
from federation.model.proxies import Node
from federation.model.types import CLUSTER, ENDPOINTS, EXTENSION, IMPORT, LISTENER, ROUTE, SECRET
from federation.xds.resources import resource
from federation.xds.snapshot import Layers, Table

SECRETS = "secrets"
"""For all proxies."""
GATEWAYS = "gateways"
"""For all gateways."""
ENTRY = "entry"
"""For the gateways that serve clients without a sidecar."""
PROXYLESS = "proxyless"
"""For gRPC's own xDS clients."""
SHARED = (SECRETS, GATEWAYS, ENTRY, NAMES, PROXYLESS)

TYPES = (SECRET, CLUSTER, ENDPOINTS, LISTENER, ROUTE, EXTENSION)
ON_DEMAND = (CLUSTER, ENDPOINTS, IMPORT)
"""What is in the table of a scope."""
PROXYLESS_TYPES = (LISTENER, CLUSTER, ENDPOINTS)

TableKey = str | Scope | Node
"""One of `SHARED`; what the sidecars of a scope share; what one proxy has alone."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A resource of a table that changed."""

    table: TableKey
    type_url: str
    name: str


class Tables:
    """Tables by key."""

    def __init__(self, keys: Iterable[TableKey]) -> None:
        self._tables: dict[TableKey, Table] = {key: Table() for key in keys}
        self._owned: dict[tuple[TableKey, str], set[tuple[str, str]]] = {}
        self._leaving: set[Changed] = set()

    def __contains__(self, key: TableKey) -> bool:
        return key in self._tables

    def open(self, key: TableKey) -> Table:
        """The table of that key, made when it is new."""
        return self._tables.setdefault(key, Table())

    def close(self, key: TableKey, owners: Iterable[str]) -> None:
        """Forget a table with all that these owners have in it."""
        self._tables.pop(key, None)
        for owner in owners:
            self._owned.pop((key, owner), None)

    def view(self, keys: Iterable[TableKey]) -> Layers:
        """Those tables as one."""
        return Layers(*(self._tables[key] for key in keys))

    def put(self, table: TableKey, owner: str, wanted: Iterable[Resource]) -> list[Changed]:
        """Make `wanted` the resources that `owner` has in a table; returns what changed."""
        before = self._owned.pop((table, owner), set())
        resources = tuple(wanted)
        after = {(one.type_url, one.name) for one in resources}
        if after:
            self._owned[table, owner] = after
        for type_url, name in before - after:
            self.leave(table, type_url, name)
        return [
            changed
            for one in resources
            for changed in self.put_one(table, one.type_url, one.name, one.body)
        ]

    def put_one(self, table: TableKey, type_url: str, name: str, body: bytes) -> list[Changed]:
        """Put a resource without an owner; returns what changed."""
        changed = Changed(table, type_url, name)
        self._leaving.discard(changed)
        return [changed] if self._tables[table].put(type_url, resource(name, body)) else []

    def leave(self, table: TableKey, type_url: str, name: str) -> None:
        """A resource goes with the next `drop_left`, unless somebody puts it before."""
        self._leaving.add(Changed(table, type_url, name))

    @property
    def has_left(self) -> bool:
        """Whether `drop_left` has something to do."""
        return bool(self._leaving)

    def drop_left(self) -> list[Changed]:
        """Drop what was left; whoever named it names it no more."""
        left = sorted(self._leaving, key=lambda c: (str(c.table), c.type_url, c.name))
        self._leaving.clear()
        tables = self._tables
        return [c for c in left if c.table in tables and tables[c.table].drop(c.type_url, c.name)]
