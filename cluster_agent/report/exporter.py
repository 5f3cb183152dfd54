"""The way up: services of this cluster as they are seen, one at a time, and what others are told.

In: objects that changed, a service to look at, `now` (loop time in seconds). Out: what is seen of
it, reports in the table that the stream upwards reads, and conditions for people. Which services to
look at, and what proxies need to know of them, is the business of `cluster_agent.agent`.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from cluster_agent.observe.completeness import doubt
from cluster_agent.observe.conditions import conditions, oddities
from cluster_agent.observe.index import Index
from cluster_agent.observe.service import LocalHealth, Observed, observe_service
from cluster_agent.observe.usable_endpoints import in_words
from cluster_agent.report.first_seen import FirstSeen
from cluster_agent.report.new_exports import Fresh
from cluster_agent.report.table import Reports
from cluster_agent.report.tombstones import Tombstones
from cluster_agent.source.objects import Batch, Condition, Key
from cluster_agent.source.source import Source
from federation.model.addresses import Network
from federation.model.facts import Service
from federation.model.names import ClusterId, ServiceName
from federation.runtime.clock import wall_seconds
from federation.runtime.disk import Disk
from federation.runtime.logs import event
from federation.wire import codec
from federation.xds.sender import Refused

log = logging.getLogger(__name__)


class Exports:
    """What this cluster has, and what of it others hear; `file` keeps when exports began.

    `tell` is called with the type and the name of what the controller should be told; an empty
    name is the type as a whole.
    """

    def __init__(
        self,
        cluster: ClusterId,
        source: Source,
        file: Path,
        disk: Disk,
        *,
        loopback_endpoints: bool = False,
    ) -> None:
        self._cluster = cluster
        self._loopback = loopback_endpoints
        self._offered: tuple[Network, ...] = ()
        self._source = source
        self.reports = Reports()
        self.tell: Callable[[str, str], None] = lambda _type, _name: None
        self.doubt = ""
        """Why what is here is not taken for the whole cluster yet, as a sentence."""
        self._index = Index()
        self._seen: dict[ServiceName, Observed] = {}
        self.odd: dict[ServiceName, tuple[Condition, ...]] = {}
        """What people must know of exports that are not simply valid."""
        self._first_seen = FirstSeen(file, disk)
        self._fresh = Fresh()
        self._tombstones = Tombstones(cluster, self.reports.table)
        self._unwatched: set[ServiceName] = set()
        self._unknown: set[ServiceName] = set()
        self._knew = (False, False)
        self._refused: dict[tuple[str, str], str] = {}
        self._is_believed = False

    def load(self) -> None:
        """Take back when exports were first seen."""
        self._first_seen.load()

    def __len__(self) -> int:
        return len(self._seen)

    # -- what is seen ----------------------------------------------------------------------------

    def affected(self, batch: Batch) -> set[ServiceName]:
        """The services that changed objects concern."""
        found = self._index.affected(batch.keys, self._source.objects)
        if not batch.live:
            self._unwatched |= found
        return found

    def with_addresses(self, addresses: frozenset[str]) -> set[ServiceName]:
        """The services that have one of these addresses among their endpoints."""
        if not addresses:
            return set()
        return {
            name
            for name, seen in self._seen.items()
            if seen.local and any(e.address in addresses for e in seen.local.endpoints)
        }

    def set_offered(self, ranges: tuple[Network, ...]) -> set[ServiceName]:
        """Say where gateways offer services; returns what to look at anew: all when it is news."""
        if ranges == self._offered:
            return set()
        self._offered = ranges
        return set(self._seen)

    def look(
        self, name: ServiceName, local_health: LocalHealth, now: float, *, may_wait: bool
    ) -> Observed | None:
        """See a service anew, and report it; None when what there is of it is not known yet.

        `may_wait`: an export that is new is not told before our own proxies can answer for it.
        """
        objects = self._source.objects
        is_exported = Key("ServiceExport", *name) in objects
        found = observe_service(
            name,
            self._index.slices(name, objects),
            objects,
            self._cluster,
            first_seen=self._first_seen.see(name, wall_seconds()) if is_exported else 0,
            local_health=local_health,
            loopback=self._loopback,
            offered=self._offered,
            namespaces_at=self._index.namespaces_at,
        )
        if not self._is_known(name, found):
            self._unknown.add(name)
            return None
        is_live = name not in self._unwatched
        self._unwatched.discard(name)
        before = self._seen.get(name)
        if found.left_out and (before is None or before.left_out != found.left_out):
            log.warning(event("endpoints left out", service=name, why=in_words(found.left_out)))
        for touched in self._tombstones.look(name, before, found, now, live=is_live):
            self.tell(codec.TOMBSTONE, str(touched))
        self._seen[name] = found
        self.odd.pop(name, None)
        if odd := oddities(found):
            self.odd[name] = odd
        if found.local is None and found.valid is None:
            del self._seen[name]
        self._report(name, found, now, may_wait=may_wait)
        return found

    def _is_known(self, name: ServiceName, found: Observed) -> bool:
        """Whether this is all there is of a service: unknown is not absent.

        Of one that was exported before this start, or is there in parts, more may come until the
        source was read as a whole; one that is missing then, until the source is believed.
        """
        if self._is_believed:
            return True
        was_exported = str(name) in self._first_seen.names
        if self._source.synced:
            return found.valid is not None or not was_exported
        return found.local is None and found.valid is None and not was_exported

    def take_unknown(self) -> set[ServiceName]:
        """The services that were not known and may be now."""
        knows = (self._source.synced, self._is_believed)
        if knows == self._knew:
            return set()
        self._knew = knows
        found, self._unknown = self._unknown, set()
        return found

    # -- what is told ----------------------------------------------------------------------------

    def _report(self, name: ServiceName, found: Observed, now: float, *, may_wait: bool) -> None:
        is_new = found.export is not None and not self.reports.has_export(name)
        if is_new and may_wait:
            self._fresh.add(name, now)
            return
        self._fresh.drop(name)
        self._say(name, found, now)

    def _say(self, name: ServiceName, found: Observed, now: float) -> None:
        if self.reports.export(name, found.export):
            self.tell(codec.EXPORT, str(name))
        if self.reports.headless(name, found.headless):
            self.tell(codec.HEADLESS, str(name))
        if self.reports.backend(name, found.backend, now):
            self.tell(codec.BACKEND, str(name))

    @property
    def has_waiting(self) -> bool:
        """Whether new exports wait for our own proxies."""
        return bool(self._fresh)

    def settle(self, now: float) -> None:
        """Our own proxies have acknowledged all they were sent."""
        self._fresh.settle(now)

    def tick(self, now: float) -> None:
        """Tell what has waited long enough, and forget what was told for long enough."""
        for name in self.reports.tick(now):
            self.tell(codec.BACKEND, str(name))
        for name in self._tombstones.tick(now):
            self.tell(codec.TOMBSTONE, str(name))
        for name in self._fresh.ripe(now):
            if name in self._seen:
                self._say(name, self._seen[name], now)

    def due(self) -> float | None:
        """When `tick` has something to do."""
        times = (self.reports.due(), self._fresh.due(), self._tombstones.due())
        return min((at for at in times if at is not None), default=None)

    def declare(self) -> bool:
        """Say that this is all, once it is believed to be; returns whether it is.

        Once it was, the source goes on to know.
        """
        if not self._believes():
            return False
        self._first_seen.keep(self._exported())
        if not self.reports.table.is_complete(codec.EXPORT):
            self.reports.table.mark_complete(codec.EXPORT, codec.BACKEND, codec.HEADLESS)
            self.tell(codec.EXPORT, "")
        return True

    def _believes(self) -> bool:
        if self._is_believed or not self._source.synced:
            return self._is_believed
        before, self.doubt = (
            self.doubt,
            doubt(
                self._first_seen.names,
                self._exported(),
                has_objects=bool(self._source.objects),
                unread=self._source.unread,
            ),
        )
        if self.doubt and self.doubt != before:
            log.warning(event("source is incomplete", reason=self.doubt))
        self._is_believed = not self.doubt
        return self._is_believed

    def _exported(self) -> set[ServiceName]:
        return {name for name, found in self._seen.items() if found.valid is not None}

    # -- what became of it -----------------------------------------------------------------------

    def refuse(self, refusals: tuple[Refused, ...]) -> bool:
        """Hear what the controller did not take; returns whether that is news."""
        found = {(r.type_url, r.name): r.reason for r in refusals}
        if found == self._refused:
            return False
        for (type_url, name), reason in found.items() - self._refused.items():
            log.warning(event("report refused", type=type_url, resource=name, reason=reason))
        self._refused = found
        return True

    def conditions(
        self, services: Mapping[ServiceName, Service]
    ) -> dict[Key, tuple[Condition, ...]]:
        """The conditions of every ServiceExport here; `services` are the facts."""
        return {
            Key("ServiceExport", *name): conditions(
                found.valid,
                services.get(name),
                self._refused.get((codec.EXPORT, str(name)), ""),
                self._cluster,
                hollow=found.hollow,
                remarks=found.remarks,
            )
            for name, found in self._seen.items()
            if found.valid is not None
        }
