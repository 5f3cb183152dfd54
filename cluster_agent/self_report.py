"""What the controller is told of the agent itself: what is wrong here, and what is seen of others.

In: both flows, the source, the reports of proxies, the streams that are open, the loops of the
process. Out: one `Observation` in the table of reports, whenever it differs from the last.
"""

from collections.abc import Iterable
from dataclasses import replace

from cluster_agent.export_flow import ExportFlow
from cluster_agent.health.problems import Parts, Problems
from cluster_agent.health.proxy_reports import ProxyReports
from cluster_agent.import_flow import ImportFlow
from cluster_agent.proxy_list import ProxyList
from cluster_agent.serve.streams import ProxyStreams
from cluster_agent.serve.workloads import Workloads
from cluster_agent.source.source import Source
from federation.model.checks import Finding
from federation.model.names import ClusterId
from federation.model.proxies import Kind
from federation.runtime.clock import wall_seconds
from federation.runtime.loops import Loop, troubles
from federation.wire import codec


class SelfReport:
    """The agent's report about itself."""

    def __init__(
        self,
        cluster: ClusterId,
        source: Source,
        up: ExportFlow,
        down: ImportFlow,
        *,
        proxy_reports: ProxyReports,
        streams: ProxyStreams,
        workloads: Workloads,
        proxy_list: ProxyList,
    ) -> None:
        self._cluster = cluster
        self._source = source
        self._up = up
        self._down = down
        self._proxy_reports = proxy_reports
        self._streams = streams
        self._workloads = workloads
        self._list = proxy_list
        self._problems = Problems()
        self._findings: tuple[Finding, ...] = ()
        self._away: dict[str, str] = {}
        self._missed: frozenset[str] = frozenset()
        self._without_pod: tuple[str, ...] = ()
        self._loops: tuple[Loop, ...] = ()
        self._trusted: tuple[tuple[str, str], ...] = ()

    def watch(self, loops: Iterable[Loop]) -> None:
        """Report when one of these fails, and when it works again."""
        self._loops = tuple(loops)
        for loop in self._loops:
            loop.on_change = self.update

    def set_trusted(self, bundles: tuple[tuple[str, str], ...]) -> None:
        """All proxies have taken these bundles (name, version): the controller counts on that."""
        if bundles != self._trusted:
            self._trusted = bundles
            self.update()

    def check_missing(self, *, expects_gateways: bool) -> None:
        """See who is missing, or is there and should not be, of which nobody else tells.

        A gateway that was missing at the last call as well is reported.
        """
        if expects_gateways:
            away = self._proxy_reports.away(self._streams.connected(Kind.GATEWAY))
            self._away = {name: why for name, why in away.items() if name in self._missed}
            self._missed = frozenset(away)
        self._without_pod = self._workloads.without_pod(self._streams.connected(Kind.SIDECAR))
        self.check()

    def check(self) -> None:
        """Report anew when something is wrong that was not, or is not any more."""
        if self._find() != self._findings:
            self.update()

    def update(self) -> None:
        """Report what is seen of others and what is wrong here, when it differs from the last."""
        self._findings = self._find()
        observation = replace(
            self._proxy_reports.observation(self._cluster),
            findings=self._findings,
            believed=self._trusted,
        )
        reports = self._up.exporter.reports
        if reports.observation(observation):
            reports.on_change(codec.OBSERVATION, self._cluster)

    def _find(self) -> tuple[Finding, ...]:
        now = wall_seconds()
        silent = self._streams.silent
        parts = Parts(
            trouble=self._source.trouble,
            incomplete_because=self._up.incomplete_because,
            files=self._source.problems,
            exports=self._up.services.odd,
            entry=self._down.troubles,
            tasks=tuple(filter(None, (self._down.disk_trouble, *troubles(self._loops)))),
            silent=[p for p in silent if p.removeprefix("gateway ") not in self._away],
            away=self._away,
            strangers=self._without_pod,
            tokens=self._streams.tokens.ending(now),
            refused_proxies=self._streams.refused.sentences(now),
            untold_proxies=self._list.untold,
        )
        return self._problems.find(parts, now)
