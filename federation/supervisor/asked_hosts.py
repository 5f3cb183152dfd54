"""The hosts that Envoy has asked for, and the imports that they lead to: pure bookkeeping.

In: hosts as they were called, what the agent says of imports. Out: which host leads where, and
which nowhere. `federation.supervisor.imports` decides what to make of it.
"""

from collections.abc import Iterable, Iterator

from federation.envoy.on_demand import asked_host
from federation.model.imports import Import, import_of
from federation.xds.messages import Request

NONE = "none"
"""The version of what Envoy is told when there is no virtual host of a name."""


def hosts_in(request: Request) -> list[str]:
    """The hosts that Envoy asks for in a request, and those that it says it has."""
    has = (name for name, version in request.initial_versions.items() if version != NONE)
    found = map(asked_host, (*request.subscribe, *has))
    return sorted({host for host in found if host is not None})


class KnownImports:
    """What the agent has said of imports, by name: how a port is reached, or that there is none."""

    def __init__(self) -> None:
        self._found: dict[str, Import] = {}
        self._missing: set[str] = set()
        self._made_of: dict[str, dict[str, tuple[str, ...]]] = {}

    def __contains__(self, name: str | None) -> bool:
        return name in self._found or name in self._missing

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[str]:
        """The names of those that there are."""
        return iter(self._found)

    def get(self, name: str | None) -> Import | None:
        """The import of that name, None when there is none, or it is not known."""
        return self._found.get(name) if name is not None else None

    def leads_nowhere(self, name: str | None) -> bool:
        """Whether there is no such import, or none that is called by host."""
        found = self.get(name)
        return name is None or name in self._missing or (found is not None and not found.host)

    def learn(self, name: str, found: Import) -> Import | None:
        """There is an import; returns what it was before."""
        before = self._lose(name)
        self._found[name] = found
        self._missing.discard(name)
        for both in found.aggregates:
            self._made_of.setdefault(both, {})[name] = found.clusters
        return before

    def miss(self, name: str) -> None:
        """There is none of that name."""
        self._lose(name)
        self._missing.add(name)

    def forget(self, names: Iterable[str]) -> None:
        """Nothing is known of these any more."""
        for name in names:
            self._lose(name)
            self._missing.discard(name)

    def _lose(self, name: str) -> Import | None:
        found = self._found.pop(name, None)
        for both in found.aggregates if found is not None else ():
            del self._made_of[both][name]
            if not self._made_of[both]:
                del self._made_of[both]
        return found

    def made_of(self, cluster: str) -> tuple[str, ...]:
        """What an aggregate is made of, as any import says; nothing for any other cluster."""
        return next(iter(self._made_of.get(cluster, {}).values()), ())


class AskedHosts:
    """Hosts as they were called, each with the name of its import; None: no service is called so.

    Iterates over them. `known` is what is known of those imports.
    """

    def __init__(self, known: KnownImports) -> None:
        self._known = known
        self._imports: dict[str, str | None] = {}
        self._hosts: dict[str, dict[str, None]] = {}

    def __contains__(self, host: str) -> bool:
        return host in self._imports

    def __iter__(self) -> Iterator[str]:
        return iter(self._imports)

    def __len__(self) -> int:
        return len(self._imports)

    def add(self, host: str) -> str | None:
        """Note that a host was called; returns the name of its import."""
        if host in self._imports:
            return self._imports[host]
        name = self._imports[host] = import_of(host)
        if name is not None:
            self._hosts.setdefault(name, {})[host] = None
        return name

    def drop(self, hosts: Iterable[str]) -> list[str]:
        """Forget hosts; returns the imports to which none leads any more."""
        left = []
        for host in hosts:
            name = self._imports.pop(host)
            if name is not None:
                del self._hosts[name][host]
                if not self._hosts[name]:
                    del self._hosts[name]
                    left.append(name)
        return left

    def import_of(self, host: str) -> str | None:
        """The name of the import of a host, None when no service is called so."""
        return self._imports.get(host)

    def found(self, host: str) -> Import | None:
        """The import that a host leads to, None when there is none or it is not known."""
        return self._known.get(self.import_of(host))

    def leads_nowhere(self, host: str) -> bool:
        """Whether it is known that a host leads to no service."""
        return self._known.leads_nowhere(self.import_of(host))

    def leading_nowhere(self) -> list[str]:
        """All hosts of which that is known."""
        return [host for host in self._imports if self.leads_nowhere(host)]

    def unknown(self) -> list[str]:
        """All hosts of whose imports nothing is known."""
        named = ((host, name) for host, name in self._imports.items() if name is not None)
        return [host for host, name in named if name not in self._known]

    def leading_to(self, name: str) -> tuple[str, ...]:
        """The hosts that lead to an import."""
        return tuple(self._hosts.get(name, ()))

    def imports(self) -> tuple[str, ...]:
        """The names of all imports that hosts lead to."""
        return tuple(self._hosts)
