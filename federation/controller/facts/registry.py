"""What the controller knows, as a session without I/O: members and reports in, facts out.

Reports come from `federation.xds.receiver` (one per cluster), are judged by the operator's word
about that cluster (`reader`), merged per service (`federation.planning.merge`) and shown as facts
in `table`, from which every agent's stream is fed. Backends pass through byte for byte.
"""

from collections.abc import Iterable
from typing import Any

from federation.controller.admission.report_rules import placed, read_report, remark
from federation.controller.facts.observations import Observations
from federation.controller.facts.of_services import Counts, not_older, service_of
from federation.controller.facts.of_services import counts as counts_of
from federation.controller.facts.reported_proxies import ReportedProxies
from federation.controller.member import Member
from federation.model.exports import Backend, Export, Gateway
from federation.model.facts import Bundle, Cluster, Service
from federation.model.names import ClusterId, ServiceName
from federation.planning.honoured import not_honoured
from federation.planning.merge import merge
from federation.wire import codec
from federation.wire.codec.kind import Seen, name_of_report, reported_by, reporter_of
from federation.xds.held_type import Change
from federation.xds.receiver import Read
from federation.xds.resources import Resource, resource
from federation.xds.snapshot import Table

Touched = set[tuple[str, str]]
Unwell = tuple[ServiceName, tuple[Counts, ...], tuple[str, ...], tuple[str, ...]]

KNOWN_BEFORE = -1
"""Stands for `first_seen` of what others knew of before this store began: it is no newcomer."""


class Registry:
    """Members and their reports, and the facts made of them.

    `to_show` are services that changed: whoever shows them as objects takes them from there.
    """

    def __init__(self) -> None:
        self.table = Table()
        self.observations = Observations()
        self.proxies = ReportedProxies()
        self.members: dict[ClusterId, Member] = {}
        self._exports: dict[ServiceName, dict[ClusterId, Export]] = {}
        self._backends: dict[ServiceName, dict[ClusterId, Backend]] = {}
        self._gateways: dict[ClusterId, dict[str, Gateway]] = {}
        self._reported: set[ClusterId] = set()
        self._counts: dict[ClusterId, int] = {}
        self._without_ready: dict[ServiceName, frozenset[ClusterId]] = {}
        self._conflicts: dict[ServiceName, tuple[str, ...]] = {}
        self._remarks: dict[ServiceName, tuple[str, ...]] = {}
        self.to_show: set[ServiceName] = set()

    def set_member(self, member: Member) -> Touched:
        """Take the operator's word about a cluster."""
        before = self.members.get(member.id)
        self.members[member.id] = member
        touched = self._show_cluster(member.id) | self._show_bundle(member)
        if before is not None and before.network != member.network:
            touched |= self.of_networks()
        return touched

    def of_networks(self) -> Touched:
        """The facts that only some clusters see."""
        kinds = (t for t, fact in codec.TOLD.items() if fact.seen is Seen.IN_ITS_NETWORK)
        return {(type_url, name) for type_url in kinds for name in self.table.names(type_url)}

    def remove_member(self, cluster: ClusterId) -> Touched:
        """Forget a cluster; what it reported must be withdrawn before."""
        member = self.members.pop(cluster)
        self._reported.discard(cluster)
        gone = ((codec.CLUSTER, str(cluster)), (codec.BUNDLE, member.trust_domain))
        return {fact for fact in gone if self.table.drop(*fact)}

    def withdrawals(self, cluster: ClusterId) -> tuple[Change, ...]:
        """The changes that take everything back which a cluster reported."""
        names = {
            codec.EXPORT: sorted(str(n) for n, found in self._exports.items() if cluster in found),
            codec.GATEWAY: [gateway.name for gateway in self.gateways(cluster)],
            codec.OBSERVATION: [str(cluster)],
            codec.KNOWN_PROXY: self.proxies.names(cluster),
            **{type_url: self._passed_on(type_url, cluster) for type_url in codec.PASSED_ON},
        }
        return tuple(
            Change(type_url, name, None)
            for type_url in reversed(codec.REPORTS)
            for name in names.get(type_url, ())
        )

    def _passed_on(self, type_url: str, cluster: ClusterId) -> list[str]:
        """What of a cluster's reports is shown as facts, by the names of the reports."""
        facts = self.table.names(type_url)
        return sorted(name_of_report(f) for f in facts if reporter_of(f) == cluster)

    def has_all_reported(self) -> bool:
        """Whether every cluster that has joined has reported completely since the start."""
        awaited = (m for m in self.members.values() if m.anchors and not m.leaving)
        return all(m.id in self._reported for m in awaited)

    def mark_reported(self, cluster: ClusterId) -> None:
        """That cluster has said everything it has."""
        self._reported.add(cluster)

    def reader(self, cluster: ClusterId) -> Read:
        """Reads and judges single resources reported by `cluster`: raises InvalidInput."""

        def read(type_url: str, found: Resource) -> Any:
            taken = self._addresses() if type_url == codec.GATEWAY else {}
            return read_report(self.members[cluster], self.members, taken, type_url, found)

        return read

    def _addresses(self) -> dict[tuple[str, int], ClusterId]:
        return {
            (gateway.address, gateway.port): cluster
            for cluster, gateways in self._gateways.items()
            for gateway in gateways.values()
        }

    def count_exports(self, cluster: ClusterId) -> int:
        """How many services the cluster exports."""
        return self._counts.get(cluster, 0)

    def apply(self, cluster: ClusterId, changes: Iterable[Change], first_seen: int) -> Touched:
        """Take what a cluster reported (already judged); returns the facts that changed.

        An export that appears after the cluster had reported completely counts as no older than
        `first_seen` (seconds since 1970), so that nobody takes over a running service by
        backdating; 0 leaves the reported time as it is, unless others export that service and the
        facts are complete: who comes later to a running service is not older than they are.
        """
        touched: Touched = set()
        dirty: set[ServiceName] = set()
        for change in changes:
            name, value = change.name, change.value
            match change.type_url:
                case codec.EXPORT:
                    dirty.add(self._take_export(cluster, name, value, first_seen))
                case codec.BACKEND:
                    self._take_backend(cluster, name, value)
                case codec.GATEWAY:
                    self._take_gateway(cluster, name, value)
                    touched |= self._show_cluster(cluster)
                case codec.OBSERVATION:
                    self.observations.take(cluster, value)
                case codec.KNOWN_PROXY:
                    self.proxies.take(cluster, name, value)
                case _:
                    pass
            if change.type_url in codec.PASSED_ON:
                touched |= self._pass_on(cluster, change)
        return touched.union(*map(self._show_service, dirty))

    def _take_export(
        self, cluster: ClusterId, name: str, export: Export | None, first_seen: int
    ) -> ServiceName:
        service = service_of(name)
        exports = self._exports.setdefault(service, {})
        before = exports.pop(cluster, None)
        gained = (export is not None) - (before is not None)
        self._counts[cluster] = self._counts.get(cluster, 0) + gained
        if export is not None:
            floor = before.created if before else self._floor(exports.values(), first_seen)
            exports[cluster] = not_older(export, floor)
        if not exports:
            del self._exports[service]
        self._note_ready(service)
        return service

    def _note_ready(self, name: ServiceName) -> None:
        """Note where a service is exported and has no ready endpoint, and that it changed."""
        self.to_show.add(name)
        backends = self._backends.get(name, {})
        exporters = self._exports.get(name, {})
        lacking = {c for c in exporters if c not in backends or not backends[c].ready}
        self._without_ready.pop(name, None)
        if lacking:
            self._without_ready[name] = frozenset(lacking)

    def unwell(self) -> Iterable[Unwell]:
        """Services that lack ready endpoints somewhere, or are not exported as they are written.

        With the exporters, ready and all endpoints of each, conflicts, and what is not honoured.
        """
        unwell = self._without_ready.keys() | self._conflicts.keys() | self._remarks.keys()
        for name in sorted(unwell):
            backends = self._backends.get(name, {})
            exporters = sorted(self._exports[name])
            counts = tuple(counts_of(cluster, backends.get(cluster)) for cluster in exporters)
            yield name, counts, self._conflicts.get(name, ()), self._remarks.get(name, ())

    def _floor(self, others: Iterable[Export], first_seen: int) -> int:
        """What an export that is new may be as old as at most."""
        if first_seen == KNOWN_BEFORE:
            return 0
        is_running = self.table.is_complete(codec.SERVICE)
        oldest = min((export.created for export in others), default=-1) if is_running else -1
        return max(first_seen, oldest + 1)

    def created(self, cluster: ClusterId, name: str) -> int:
        """As how old the export of a cluster counts; 0 when there is none."""
        export = self._exports.get(service_of(name), {}).get(cluster)
        return export.created if export else 0

    def _take_backend(self, cluster: ClusterId, name: str, backend: Backend | None) -> None:
        service = service_of(name)
        backends = self._backends.setdefault(service, {})
        backends.pop(cluster, None)
        if backend is not None:
            backends[cluster] = backend
        if not backends:
            del self._backends[service]
        self._note_ready(service)

    def _pass_on(self, cluster: ClusterId, change: Change) -> Touched:
        """Show as a fact what was reported, byte for byte."""
        fact, said = reported_by(change.name, cluster), change.resource
        return self._put(change.type_url, fact, said and resource(fact, said.body))

    def _show(self, type_url: str, fact: str, value: object | None) -> Touched:
        """Show what was made of reports and the operator's word, or no more."""
        return self._put(type_url, fact, codec.fact_of(value) if value is not None else None)

    def _put(self, type_url: str, fact: str, shown: Resource | None) -> Touched:
        if shown is None:
            changed = self.table.drop(type_url, fact)
        else:
            changed = self.table.put(type_url, shown)
        return {(type_url, fact)} if changed else set()

    def _take_gateway(self, cluster: ClusterId, name: str, gateway: Gateway | None) -> None:
        gateways = self._gateways.setdefault(cluster, {})
        gateways.pop(name, None)
        if gateway is not None:
            gateways[name] = gateway

    def remarks(self, cluster: ClusterId) -> tuple[str, ...]:
        """What was taken of a cluster's report, but not as it was claimed."""
        member = self.members[cluster]
        found = (remark(member, gateway) for gateway in self.gateways(cluster))
        return tuple(text for text in found if text)

    def _show_service(self, name: ServiceName) -> Touched:
        exports = self._exports.get(name)
        merged = merge(exports.values()) if exports is not None else None
        self._conflicts.pop(name, None)
        if merged is not None and merged.conflicts:
            self._conflicts[name] = tuple(conflict.message for conflict in merged.conflicts)
        self._remarks.pop(name, None)
        if merged is not None and (remarks := not_honoured(merged)):
            self._remarks[name] = remarks
        return self._show(codec.SERVICE, str(name), merged)

    def _show_cluster(self, cluster: ClusterId) -> Touched:
        member = self.members.get(cluster)
        if member is None:
            return set()
        if member.revoked:
            return self._show(codec.CLUSTER, cluster, None)
        fact = Cluster(
            member.id,
            member.region,
            member.zones,
            member.network,
            member.trust_domain,
            tuple(placed(member, gateway) for gateway in self.gateways(cluster)),
            member.replace_key,
        )
        return self._show(codec.CLUSTER, cluster, fact)

    def _show_bundle(self, member: Member) -> Touched:
        if not member.anchors and not member.revoked:
            return set()
        bundle = Bundle(member.trust_domain, member.anchors)
        return self._show(codec.BUNDLE, member.trust_domain, bundle)

    def gateways(self, cluster: ClusterId) -> tuple[Gateway, ...]:
        """The gateways a cluster has reported, by name."""
        found = self._gateways.get(cluster, {}).values()
        return tuple(sorted(found, key=lambda gateway: gateway.name))

    def services(self) -> tuple[tuple[Service, tuple[Backend, ...]], ...]:
        """All services of the clusterset with their backends, by name."""
        exports = sorted(self._exports.items())
        return tuple((merge(found.values()), self._backends_of(name)) for name, found in exports)

    def service(self, name: ServiceName) -> tuple[Service, tuple[Backend, ...], int] | None:
        """A service, its backends, and when its oldest export was made; None when there is none."""
        exports = self._exports.get(name)
        if not exports:
            return None
        oldest = min(export.created for export in exports.values())
        return merge(exports.values()), self._backends_of(name), oldest

    def _backends_of(self, name: ServiceName) -> tuple[Backend, ...]:
        return tuple(b for _, b in sorted(self._backends.get(name, {}).items()))
