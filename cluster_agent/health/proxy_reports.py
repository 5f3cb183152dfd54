"""What the proxies of this cluster report: who leaves, what fails, how others are seen.

In: a `Proxy` as its supervisor describes it, and the end of its streams. Out: `ProxyChanges`, from
which `cluster_agent.agent` knows which services to observe anew; the health of local endpoints
for `observe`, how the other clusters are reached for planning.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from cluster_agent.health.nacks import Nacks
from cluster_agent.health.own_gateways import OwnGateways
from cluster_agent.health.remote_gateways import RemoteGateways
from cluster_agent.health.workload_checks import WorkloadChecks
from cluster_agent.observe.service import LocalHealth
from federation.model.exports import Gateway
from federation.model.names import ClusterId
from federation.model.observations import Observation, ProxyNack
from federation.model.plans import Reachability
from federation.model.proxies import LEAVING, Kind, Proxy, State
from federation.runtime.disk import Disk


@dataclass(frozen=True, slots=True)
class ProxyChanges:
    """What the report of a proxy changed.

    `addresses` and `workloads` (namespace/pod) are judged otherwise now, `clusters` seen otherwise;
    of `gateways` the others are to be told, None: it is gone. `rejected` is new of what the proxy
    does not take.
    """

    addresses: frozenset[str] = frozenset()
    workloads: frozenset[str] = frozenset()
    clusters: frozenset[ClusterId] = frozenset()
    gateways: tuple[tuple[str, Gateway | None], ...] = ()
    rejected: tuple[ProxyNack, ...] = ()


class ProxyReports:
    """All of it, kept in the agent's state folder where it must survive."""

    def __init__(self, state: Path, disk: Disk) -> None:
        self._gateways = OwnGateways(state / "gateways.json", disk)
        self._remotes = RemoteGateways(state / "remotes.json", disk)
        self._checks = WorkloadChecks()
        self._nacks = Nacks()
        self._leaving: set[str] = set()
        self._serving: set[str] = set()
        self._dead: dict[str, frozenset[int]] = {}
        self._places: dict[str, str] = {}

    @property
    def never_had_a_gateway(self) -> bool:
        """Whether this cluster has nothing to withdraw."""
        return self._gateways.is_new

    @property
    def local_health(self) -> LocalHealth:
        """What proxies know better than the objects of the cluster."""
        return LocalHealth(self._leaving, self._checks.failing, self._dead, self._places)

    def serving(self, here: ClusterId) -> frozenset[str]:
        """The gateways that say that they serve, and answer the others of this cluster."""
        unreachable = self.reachability.unreachable
        return frozenset(name for name in self._serving if (here, name) not in unreachable)

    def away(self, connected: Collection[str]) -> dict[str, str]:
        """The gateways that others are told of and that do not serve, with the reason."""
        found = {}
        for name in self._gateways.names:
            if name not in connected:
                found[name] = "is not connected to its agent"
            elif name not in self._serving:
                found[name] = "says that it does not serve"
        return found

    @property
    def reachability(self) -> Reachability:
        """How our gateways see the other clusters."""
        return self._remotes.reachability

    def observation(self, here: ClusterId) -> Observation:
        """The same for the controller."""
        return replace(self._remotes.observation(here), rejected=self._nacks.all())

    def load(self) -> tuple[Gateway, ...]:
        """Take back what an earlier agent kept; returns the gateways to tell of."""
        self._remotes.load()
        return self._gateways.load()

    def record(self, proxy: Proxy, now: float) -> ProxyChanges:
        """A proxy reports what it is and sees; `now` in seconds since 1970."""
        rejected = self._nacks.record(proxy, now)
        if proxy.kind is Kind.GATEWAY:
            self._serving.discard(proxy.id)
            if proxy.state is State.SERVING:
                self._serving.add(proxy.id)
            return ProxyChanges(
                rejected=rejected,
                addresses=self._checks.record(proxy),
                clusters=self._remotes.record(proxy),
                gateways=self._gateways.record(proxy, now),
            )
        self._places[proxy.id] = proxy.address
        changed = self._update_leaving(proxy) | self._update_dead(proxy)
        return ProxyChanges(workloads=frozenset([proxy.id] if changed else []), rejected=rejected)

    def _update_leaving(self, proxy: Proxy) -> bool:
        """Whether a sidecar just reported that it goes, or that it is back."""
        was_leaving = proxy.id in self._leaving
        if proxy.state in LEAVING:
            self._leaving.add(proxy.id)
        elif proxy.state is State.SERVING:
            self._leaving.discard(proxy.id)
        return was_leaving != (proxy.id in self._leaving)

    def _update_dead(self, proxy: Proxy) -> bool:
        """Whether a sidecar just reported that its application is gone, or is back."""
        before = self._dead.pop(proxy.id, frozenset())
        if proxy.dead_ports:
            self._dead[proxy.id] = frozenset(proxy.dead_ports)
        return before != frozenset(proxy.dead_ports)

    def disconnect(self, kind: Kind, proxy_id: str, *, is_known: bool) -> ProxyChanges:
        """Both streams of a proxy have ended. It may well go on serving without us.

        A gateway that is silent sees nothing. Of a workload nobody knows any more (`is_known`)
        nothing is kept.
        """
        self._nacks.forget(kind, proxy_id)
        if kind is Kind.GATEWAY:
            self._serving.discard(proxy_id)
            self._checks.forget(proxy_id)
            return ProxyChanges(clusters=self._remotes.forget(proxy_id))
        if not is_known:
            self._leaving.discard(proxy_id)
            self._dead.pop(proxy_id, None)
            self._places.pop(proxy_id, None)
        return ProxyChanges()

    def forget(self, connected: Collection[str], now: float) -> ProxyChanges:
        """Forget gateways that were silent for an hour; `now` in seconds since 1970."""
        silent = self._gateways.forget(set(connected), now)
        clusters: frozenset[ClusterId] = frozenset()
        for name in silent:
            self._checks.forget(name)
            clusters |= self._remotes.forget(name)
        return ProxyChanges(clusters=clusters, gateways=tuple((name, None) for name in silent))
