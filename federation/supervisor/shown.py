"""What Envoy is shown of what a receiver holds, and what it keeps though it is not shown.

In: what is asked for and known of imports, what Envoy has answered. Out: a `View` and a `Keeper`
for the sender to Envoy (`federation.xds`). A virtual host is shown when Envoy has taken all
clusters that it leads to. An aggregate is shown when Envoy has taken what it is made of, since
Envoy asks for no endpoints of those by itself. Until then Envoy keeps what it has.
"""

from collections.abc import Callable, Iterable

from federation.envoy.on_demand import (
    NOBODY,
    ROUTES,
    asked_host,
    asked_name,
    asking_anew,
    nobody,
    virtual_host,
)
from federation.model.imports import Import
from federation.model.types import CLUSTER, ENDPOINTS, IMPORT, ROUTE, VIRTUAL_HOST
from federation.supervisor.asked_hosts import NONE, AskedHosts, KnownImports
from federation.supervisor.envoy_side import EnvoySide, NoEnvoy
from federation.xds.messages import Point
from federation.xds.receiver import Receiver
from federation.xds.resources import Resource, resource

Key = tuple[str, str]
"""Type and name of a resource."""

_NOBODY = resource(NOBODY, nobody())
_BROUGHT = (CLUSTER, ENDPOINTS)


class Shown:
    """See above. `claims`: whether Envoy keeps what it has of an earlier supervisor.

    `envoy` is the newest stream, `generation` is another one when it is to ask anew. `unready`
    are the imports whose hosts wait until Envoy has what they lead to.
    """

    def __init__(
        self, receiver: Receiver, hosts: AskedHosts, known: KnownImports, *, claims: bool
    ) -> None:
        self._receiver = receiver
        self._hosts = hosts
        self._known = known
        self._claims = claims
        self._leaving: dict[str, tuple[str, ...]] = {}
        self._claimed: set[Key] = set()
        self._held_back: dict[str, None] = {}
        self.unready: dict[str, None] = {}
        self.envoy: EnvoySide = NoEnvoy()
        self.generation = 0

    def start(self, envoy: EnvoySide) -> None:
        """There is a new stream to Envoy."""
        self.envoy = envoy
        self._claimed.clear()
        self._held_back.clear()
        self.unready = dict.fromkeys(self._known)

    # -- the view ----------------------------------------------------------------------------------

    def get(self, type_url: str, name: str) -> Resource | None:
        """See View."""
        if type_url == VIRTUAL_HOST:
            return self._virtual_host(name)
        found = self._receiver.held(type_url).get(name) if type_url != IMPORT else None
        if found is None or (type_url == CLUSTER and self._holds_back(name)):
            return None
        if type_url == ROUTE and name == ROUTES and self.generation:
            return resource(name, asking_anew(found.body, self.generation))
        return found

    def names(self, type_url: str) -> Iterable[str]:
        """See View."""
        if type_url == VIRTUAL_HOST:
            return (NOBODY, *map(asked_name, self._hosts))
        return self._receiver.held(type_url).keys()

    def is_complete(self, type_url: str) -> bool:
        """See View."""
        return type_url == VIRTUAL_HOST or self._receiver.is_complete(type_url)

    def point(self) -> Point | None:
        """See View."""
        return None

    def _virtual_host(self, name: str) -> Resource | None:
        host = asked_host(name)
        if name == NOBODY:
            return _NOBODY
        if host is None or host not in self._hosts:
            return None
        if self._hosts.leads_nowhere(host):
            has = self.envoy.version(VIRTUAL_HOST, name)
            return Resource(name, NONE, b"") if has in (None, NONE) else None
        found = self._hosts.found(host)
        if found is None or self._is_waiting(host, found):
            return None
        return resource(name, virtual_host(name, found.host))

    def _is_waiting(self, host: str, found: Import) -> bool:
        """Whether Envoy has not got all yet that a host leads to; it is then not forgotten."""
        is_waiting = not self.is_ready(found)
        name = self._hosts.import_of(host)
        if is_waiting and name is not None:
            self.unready[name] = None
        return is_waiting

    def _holds_back(self, cluster: str) -> bool:
        """Whether Envoy has not got all yet that a cluster is made of; it is then not forgotten."""
        is_made = self._is_made(cluster)
        if not is_made:
            self._held_back[cluster] = None
        return not is_made

    def take_made(self) -> list[Key]:
        """What was held back and need not be any more."""
        made = [cluster for cluster in self._held_back if self._is_made(cluster)]
        for cluster in made:
            del self._held_back[cluster]
        return [(CLUSTER, cluster) for cluster in made]

    # -- what is there -----------------------------------------------------------------------------

    def is_ready(self, found: Import) -> bool:
        """Whether Envoy has all that an import leads to."""
        return all(map(self._is_taken, (*found.clusters, *found.aggregates)))

    def _is_made(self, cluster: str) -> bool:
        """Whether Envoy has all that a cluster is made of."""
        return all(map(self._is_taken, self._known.made_of(cluster)))

    def _is_taken(self, cluster: str) -> bool:
        is_there = cluster in self._receiver.held(CLUSTER)
        return is_there and self.envoy.has_answered(CLUSTER, cluster)

    def is_here(self, name: str) -> bool:
        """Whether the agent has sent all of an import, or said that there is none."""
        found, held = self._known.get(name), self._receiver.held(CLUSTER)
        if found is None:
            return name in self._known
        return all(cluster in held for cluster in (*found.clusters, *found.aggregates))

    # -- the keeper --------------------------------------------------------------------------------

    def claim(self, type_url: str, names: Iterable[str], _: Point | None) -> None:
        """See Keeper: what Envoy has of an earlier supervisor, until all is here again."""
        if self._claims and type_url in _BROUGHT:
            self._claimed.update((type_url, name) for name in names)

    def keeps_any(self) -> bool:
        """See Keeper."""
        return self._claims

    def keeps(self, type_url: str, name: str) -> bool:
        """See Keeper."""
        if type_url == VIRTUAL_HOST:
            return self._keeps_host(name)
        if type_url not in _BROUGHT:
            return False
        if name in self._receiver.held(type_url):
            return type_url == CLUSTER and self._holds_back(name)
        leaving = any(name in names for names in self._leaving.values())
        return leaving or (type_url, name) in self._claimed

    def _keeps_host(self, name: str) -> bool:
        host = asked_host(name)
        if host is None or host not in self._hosts or self._hosts.leads_nowhere(host):
            return False
        found = self._hosts.found(host)
        return found is None or self._is_waiting(host, found)

    def leave(self, name: str, before: Import) -> None:
        """An import leads elsewhere now: Envoy keeps what it led to, until its hosts follow."""
        gone = (*self._leaving.get(name, ()), *before.clusters, *before.aggregates)
        self._leaving[name] = tuple(dict.fromkeys(gone))

    def let_go(self, have_followed: Callable[[str], bool]) -> list[Key]:
        """Keep no more what imports led to whose hosts have followed; returns what that was."""
        names = [name for name in self._leaving if have_followed(name)]
        clusters = [cluster for name in names for cluster in self._leaving.pop(name)]
        return [(type_url, cluster) for cluster in clusters for type_url in _BROUGHT]

    def has_host(self, host: str) -> bool:
        """Whether Envoy has a virtual host for a host, or is about to have."""
        return self.envoy.version(VIRTUAL_HOST, asked_name(host)) not in (None, NONE)

    @property
    def has_claims(self) -> bool:
        """Whether Envoy keeps something of an earlier supervisor."""
        return bool(self._claimed)

    def let_go_of_claims(self) -> list[Key]:
        """Keep no more what Envoy has of an earlier supervisor; returns what that was."""
        claimed, self._claimed = self._claimed, set()
        return sorted(claimed)
