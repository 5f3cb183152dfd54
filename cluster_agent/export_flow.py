"""The way up: from the objects of this cluster to what the controller is told of its services.

source → observe → report. In: batches of changed objects, one service at a time, the health of
local endpoints. Out: what is observed of a service, for the way down as well (`import_flow`);
reports in the table that `cluster_agent.uplink` sends; conditions for people. Nothing that may be
only unknown is reported as gone.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from cluster_agent.observe.completeness import Completeness
from cluster_agent.observe.conditions import conditions
from cluster_agent.observe.observed_services import ObservedServices
from cluster_agent.observe.service import VALID, LocalHealth, Observed
from cluster_agent.observe.usable_endpoints import in_words
from cluster_agent.report.exporter import Exporter
from cluster_agent.report.first_seen import FirstSeen
from cluster_agent.report.status_news import StatusNews, target_of
from cluster_agent.source.objects import Batch, Key
from cluster_agent.source.source import Source
from cluster_agent.source.status import Target, Told
from federation.model.facts import Service
from federation.model.names import ClusterId, ServiceName, parse_service_name
from federation.runtime.clock import wall_seconds
from federation.runtime.disk import Disk
from federation.runtime.logs import event
from federation.xds.nacks import Nack

log = logging.getLogger(__name__)


class ExportFlow:
    """What this cluster has (`services`), and what others hear of it (`exporter`).

    `file` keeps when exports were first seen.
    """

    def __init__(
        self, cluster: ClusterId, source: Source, file: Path, disk: Disk, *, loopback: bool
    ) -> None:
        self._cluster = cluster
        self._source = source
        self._first_seen = FirstSeen(file, disk)
        self._completeness = Completeness()
        self.services = ObservedServices(cluster, loopback=loopback)
        self.exporter = Exporter(cluster)
        self.status = StatusNews()
        self._kept = -1

    def load(self) -> None:
        """Take back when exports were first seen."""
        self._first_seen.load()

    def affected(self, batch: Batch) -> set[ServiceName]:
        """The services that changed objects concern."""
        return self.services.affected(batch, self._source.objects)

    def observe(
        self, name: ServiceName, local_health: LocalHealth, now: float, *, may_wait: bool
    ) -> Observed | None:
        """Observe a service anew, and report it; None when what there is of it is not known yet.

        `may_wait`: an export that is new is not reported before our own proxies can answer for it.
        """
        self.status.mark((name,))
        objects = self._source.objects
        is_exported = Key("ServiceExport", *name) in objects
        first_seen = self._first_seen.see(name, wall_seconds()) if is_exported else 0
        observed = self.services.observe(name, objects, local_health, first_seen)
        was_exported = str(name) in self._first_seen.names
        is_read = self._source.synced
        if not self._completeness.is_known(
            name, observed, was_exported=was_exported, is_read=is_read
        ):
            return None
        before, is_live = self.services.put(name, observed)
        left_out = observed.left_out
        if left_out and (before is None or before.left_out != left_out):
            log.warning(event("endpoints left out", service=name, why=in_words(left_out)))
        self.exporter.export(name, before, observed, now, is_live=is_live, may_wait=may_wait)
        return observed

    @property
    def incomplete_because(self) -> str:
        """Why what is here does not count as the whole cluster yet, as a sentence."""
        return self._completeness.incomplete_because

    def release_unknown(self) -> set[ServiceName]:
        """The services that were not known and may be now."""
        return self._completeness.release_unknown(is_read=self._source.synced)

    def complete(self) -> bool:
        """Say that this is all, once it counts as all; returns whether it does."""
        exported = self.services.exported
        if self._source.synced:
            reason = self._completeness.check(
                self._first_seen.names,
                exported,
                has_objects=bool(self._source.objects),
                unread=self._source.unread,
            )
            if reason:
                log.warning(event("source is incomplete", reason=reason))
        if not self._completeness.is_complete:
            return False
        if self.services.exports_changed != self._kept:
            self._first_seen.keep(exported)
            self._kept = self.services.exports_changed
        self.exporter.mark_complete()
        return True

    def refuse(self, refusals: Iterable[Nack]) -> bool:
        """Take what the controller refused; returns whether that is news."""
        changed = self.exporter.refuse(tuple(refusals))
        self.status.mark(map(parse_service_name, changed))
        return bool(changed)

    def news(self, services: Mapping[ServiceName, Service]) -> dict[Target, Told | None]:
        """What people are to be told of exports that changed; None of what is none any more.

        `services` are the facts.
        """
        there, gone = self.status.take(self.services.exported)
        told: dict[Target, Told | None] = dict.fromkeys(map(target_of, gone))
        for name in there:
            told[target_of(name)] = self._conditions(name, services.get(name))
        return told

    def _conditions(self, name: ServiceName, service: Service | None) -> Told:
        observed = self.services.known[name]
        return conditions(
            observed.valid or VALID,
            service,
            self.exporter.refusal_of(name),
            self._cluster,
            hollow=observed.hollow,
            remarks=observed.remarks,
        )
