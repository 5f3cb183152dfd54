"""The way down: from facts about the clusterset to what this cluster's proxies are sent.

facts → plan → snapshot → streams. In: facts as they arrive, one service at a time with what is
observed of it here (`export_flow`), proxies that come and go. Out: tables of Envoy resources
(`cluster_agent.snapshot`), and the streams that they concern woken; the last good facts and the
addresses of services on disk.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster_agent.entry.allocation import Addresses
from cluster_agent.entry.allocation_file import AddressFile
from cluster_agent.entry.entry import Entry
from cluster_agent.entry.name_delay import NameDelay
from cluster_agent.health.recovery import Recovery
from cluster_agent.observe.service import Observed
from cluster_agent.report.new_exports import SETTLE_SECONDS
from cluster_agent.serve.streams import ProxyStreams
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Snapshots
from cluster_agent.snapshot.tables import Changed
from cluster_agent.uplink.facts import Concerned, Facts
from federation.model.addresses import Network
from federation.model.facts import Cluster
from federation.model.names import ClusterId, ServiceName
from federation.model.plans import Reachability
from federation.planning.damping import Damping
from federation.runtime.clock import wall_seconds
from federation.runtime.disk import Disk, File
from federation.runtime.loops import Loop
from federation.wire import codec
from federation.wire.last_good import Hold
from federation.xds.held_type import Change
from federation.xds.receiver import Received, Receiver


class ImportFlow:
    """What this cluster knows of the clusterset, and what its proxies have of it.

    `anchors`: where gRPC clients without a proxy find whom to trust, None when there are none.
    `on_time` is called when something of `due` changed, `on_unfinished` when `finish` is to follow.
    """

    def __init__(
        self,
        cluster: ClusterId,
        state: Path,
        disk: Disk,
        streams: ProxyStreams,
        damping: Damping,
        *,
        tcp_connection_seconds: float,
        anchors: Path | None,
        on_time: Callable[[], None],
        on_unfinished: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._disk = disk
        self._streams = streams
        self._anchors = anchors
        self._on_time = on_time
        self._on_unfinished = on_unfinished
        self.receiver = Receiver(f"agent/{cluster}", codec.FACTS, codec.read_fact)
        self._hold = Hold(state, self.receiver, codec.FACTS, disk)
        self.facts = Facts()
        self.recovery = Recovery(cluster, damping)
        addresses = Addresses()
        self._addresses = AddressFile(state / "addresses.json", addresses, disk)
        self._entry = Entry(cluster, addresses, wall_seconds)
        self._names = NameDelay()
        self.snapshots = Snapshots(
            cluster, self._entry, tcp_connection_seconds, serves_proxyless=anchors is not None
        )
        self.is_synced = False

    @property
    def loop(self) -> Loop:
        """Keeps the last good facts on disk."""
        return self._hold.loop

    @property
    def key_to_replace(self) -> str:
        """The key of this cluster's authority that the operator wants replaced (SHA-256)."""
        return self.here.replace_key if self.here is not None else ""

    @property
    def here(self) -> Cluster | None:
        """This cluster as the clusterset knows it."""
        return self.facts.clusters.get(self._cluster)

    @property
    def offered(self) -> tuple[Network, ...]:
        """The ranges in which gateways offer services."""
        return self._addresses.ranges

    @property
    def troubles(self) -> tuple[str, ...]:
        """What people must know of the addresses of services."""
        return self._entry.troubles

    @property
    def disk_trouble(self) -> str:
        """Why the addresses of services are not on disk; empty when they are."""
        return self._addresses.trouble

    # -- facts -------------------------------------------------------------------------------------

    def load_addresses(self) -> None:
        """Take back the addresses that services had."""
        self._addresses.load()

    def load_facts(self, reachability: Reachability) -> Concerned:
        """Take back the last good facts; returns what they concern."""
        self._hold.load()
        return self._apply(self.receiver.taken_back(), reachability)

    def receive(self, received: Received, reachability: Reachability) -> Concerned:
        """Take what the controller sent; returns what it concerns."""
        concerned = self._apply(received.changes, reachability)
        self._hold.note(received)
        return concerned

    def _apply(self, changes: Sequence[Change], reachability: Reachability) -> Concerned:
        concerned = self.facts.apply(changes)
        if concerned.clusters:
            self.set_clusters(reachability)
        if concerned.bundles:
            self._write_anchors()
            self.publish(self.snapshots.set_bundles(self.facts.bundles.values()))
        if self.here is not None:
            self.publish(self.snapshots.set_region(self.here.region))
        return concerned

    def set_clusters(self, reachability: Reachability) -> None:
        """The clusters, or how our gateways reach them, changed."""
        self.publish(self.snapshots.set_clusters(self.facts.clusters.values(), reachability))

    def _write_anchors(self) -> None:
        """Whom gRPC clients without a proxy trust: those that nobody has revoked."""
        if self._anchors is not None:
            bundles = sorted(self.facts.bundles.values(), key=lambda b: b.trust_domain)
            text = "".join(f"{a.rstrip()}\n" for bundle in bundles for a in bundle.anchors)
            self._disk.keep(File(self._anchors, text.encode(), mode=0o644))

    # -- plan and snapshot -------------------------------------------------------------------------

    def set_service(
        self, name: ServiceName, observed: Observed, reachability: Reachability, now: float
    ) -> list[Changed]:
        """Plan a service anew for all proxies. Follow with `finish`."""
        facts = self.facts.of(name, self._cluster)
        shares = self.recovery.update(facts, observed.local, name, now, reachability)
        if shares:
            self._on_time()
        coming_back = tuple(sorted(shares.items()))
        state = ServiceState(facts, observed.local, observed.export, coming_back, reachability)
        return self.snapshots.set_service(name, state)

    def finish(self, changed: list[Changed]) -> None:
        """Build what stands on many services, and send it with what changed before."""
        self.publish(changed + self.snapshots.finish())

    def sync(self) -> bool:
        """Once all facts are here, let proxies hear what does not exist; returns whether just now.

        To be called when the source is known as a whole.
        """
        if self.is_synced or not all(self.receiver.is_complete(t) for t in codec.FACTS):
            return False
        self.is_synced = True
        self.publish(self.snapshots.set_synced())
        self._streams.wake_all()
        return True

    # -- streams -----------------------------------------------------------------------------------

    def publish(self, changed: list[Changed]) -> None:
        """Send what changed; addresses are written down before anybody is told of them."""
        self._addresses.save()
        self._streams.wake(changed)
        if self.snapshots.is_unfinished:
            self._on_unfinished()
        if self._entry.has_waiting and self._names.start(asyncio.get_running_loop().time()):
            self._on_time()

    def leave(self, gateway: str) -> None:
        """A gateway says that it goes."""
        self._entry.leave(gateway)

    # -- by time -----------------------------------------------------------------------------------

    @property
    def has_waiting_names(self) -> bool:
        """Whether DNS is not told of an address yet, since nobody listens there."""
        return self._entry.has_waiting

    def settle(self, now: float) -> None:
        """Every supervisor has acknowledged all it was sent."""
        self._names.settle(now, SETTLE_SECONDS)

    def tick(self, now: float) -> None:
        """Names have waited long enough."""
        if self._names.is_over(now, self._streams.is_quiet):
            self.publish(self.snapshots.entry.release_names())

    def due(self, now: float) -> float | None:
        """When something changes by time alone: shares, names."""
        times = (self.recovery.due(now), self._names.due)
        return min((at for at in times if at is not None), default=None)
